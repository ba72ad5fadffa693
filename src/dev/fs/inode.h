/*
 * Inodes that the guest knows. Each holds an O_PATH descriptor, so the host's file cannot be
 * mistaken for another, and is found by nodeid or by (export, device, mount, inode number).
 */
#pragma once

#include "base/err.h"
#include "base/list.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/stat.h>

struct export;

#define INODE_BUCKETS 16384

/* By which name the guest has found a file last, and believes that it still does: see binding.h. */
struct binding {
	uint64_t parent;	 /* nodeid */
	char *name;		 /* NULL: by none that it may believe */
	uint64_t at_ns;		 /* CLOCK_MONOTONIC_COARSE */
	uint32_t mode, uid, gid; /* that are believed as long, of a directory; else 0 */
	bool doubted;		 /* the guest was told to look again */
	struct list by_age;
};

struct inode {
	uint64_t nodeid;
	int fd;
	struct export *export;
	mode_t type;	 /* S_IFMT bits */
	bool below;	 /* in another mount of the host, below the export's */
	bool mount_root; /* of its mount */
	uint64_t dev, mnt, ino;
	_Atomic uint64_t opened_change; /* see cache.c: ctime when it was opened last, or 0 */
	atomic_bool lockable;		/* see lock_open_flags() */
	uint64_t lookups;		/* what the guest has to FORGET */
	unsigned users;			/* requests at work on it */
	struct binding binding;
	struct list by_id, by_key;
	struct watched *watched; /* of watch.h; NULL: never */
};

struct inodes {
	pthread_mutex_t lock; /* guards everything here, the counts of inodes too */
	struct list by_id[INODE_BUCKETS], by_key[INODE_BUCKETS];
	struct list bindings; /* by age, the oldest first */
	uint64_t next_id;
	unsigned count, max;
	unsigned crowded_at; /* the count at which to ask the guest, next time */
	void (*crowded)(void *arg);
	void *arg;
	/* Called with the lock held when an inode goes that has been watched; set by watch.c. */
	void (*gone)(void *arg, struct inode *inode);
	void *gone_arg;
};

/*
 * t must be zeroed. crowded (may be NULL) is called by the thread at work when three quarters of
 * max are taken, and again as they go on growing: the guest had better forget what it does not use.
 */
void inodes_init(struct inodes *t, unsigned max, void (*crowded)(void *arg), void *arg);
void inodes_done(struct inodes *t);

/* The guest believes no name of it any more. With the table's lock held. */
void inode_unbind(struct inode *inode);

/* Holds the inode of nodeid for a request, or NULL. */
struct inode *inode_get(struct inodes *t, uint64_t nodeid);
void inode_put(struct inodes *t, struct inode *inode);

/*
 * The inode of an O_PATH descriptor (owned), known or new, counted as looked up once and held.
 * -ENFILE when the guest holds too many, -ESTALE when the export was
 * removed.
 */
int inode_learn(struct inodes *t, struct export *export, int fd, const struct statx *stx,
	struct inode **ret) CHECKED;

/* The one of that kind if the guest knows it, held; or NULL. */
struct inode *inode_find(struct inodes *t, struct export *export, const struct statx *stx);
/* Holds the inode of nodeid, which counts as looked up once more; or NULL. */
struct inode *inode_again(struct inodes *t, uint64_t nodeid);

/* The nodeid that comes next; and the first for a table that is empty: -EINVAL when it is too low.
 */
uint64_t inodes_next(struct inodes *t);
int inodes_go_on(struct inodes *t, uint64_t next) CHECKED;

/* The guest forgets n look-ups; more than it had are as good as all. */
void inode_forget(struct inodes *t, uint64_t nodeid, uint64_t n);
/* Forgets all of an export, or everything (NULL); what a request works on goes with its end. */
void inodes_clear(struct inodes *t, const struct export *of);
