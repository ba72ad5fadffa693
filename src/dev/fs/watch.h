/*
 * Watching what the host does in shares: directories that the guest knows (of a share that is a
 * single file, the file) have an inotify watch while the guest knows them. A thread of its own
 * reads the events and tells the agent (notice.c), except of what the guest did itself (own.h).
 */
#pragma once

#include "base/list.h"
#include "dev/fs/export.h"
#include "dev/fs/fs.h"
#include "dev/fs/inode.h"
#include "dev/fs/known.h"
#include "dev/fs/own.h"

#include <stdatomic.h>

struct fs_server;
struct fs_request;
struct own_change;

#define WATCHES_MAX   8192
#define WATCH_BUCKETS 1024
/* Threads that serve requests, at most. */
#define WATCH_WORKERS 8
/* One directory of the host as so many of the guest: shares may overlap. More are not told. */
#define WATCH_TARGETS 16

/* What an inode has that is, or was, watched. */
struct watched {
	int wd; /* -1: no more */
	uint64_t nodeid;
	const struct export *export; /* held by the inode */
	bool root;		     /* of the export */
	struct inode *inode;
	struct list by_wd, age;
};

struct watch {
	struct fs_server *server;
	unsigned workers;
	void *(*run)(void *watch); /* the thread */
	int (*thread_start)(void *arg);
	void (*wanted)(void *arg);
	void *arg;

	pthread_mutex_t lock; /* guards what follows, and inode->watched */
	pthread_cond_t changed;
	bool started; /* the thread; and how */
	int start_error;
	atomic_int inotify_fd; /* -1 until the first watch */
	bool refused;	       /* the host gave none: said once */
	struct list by_wd[WATCH_BUCKETS];
	struct list oldest; /* those with a watch, the least recently used first */
	unsigned count;
	int stream_fd; /* given, and not yet taken by the thread; -1 */
	bool stream_ended;

	struct known known;
	struct own own;

	struct {
		int fd; /* a memfd; changing its times puts a mark among the events */
		int wd;
	} mark[WATCH_WORKERS];

	int control_fd; /* eventfd: look at quit, inotify_fd and stream_fd */
	atomic_bool quit;
	pthread_t thread;
	bool created;
};

/* workers: threads that serve requests; run: the thread (notice.h). Fails when there is no memory
 * or descriptor. */
int watch_new(struct fs_server *server, unsigned workers, const struct fs_config *config,
	void *(*run)(void *watch), struct watch **ret) CHECKED;
/* Ends the thread; after that no request may be served. free: when all inodes are gone, too. */
void watch_stop(struct watch *w);
void watch_free(struct watch *w);
/* See fs_events_stream(). */
void watch_stream(struct watch *w, int fd);

/* The guest has looked up an inode, which the caller holds. root: it is that of its export. */
void watch_inode(struct watch *w, struct inode *inode, bool root);
/* The guest has looked up name in dir and knows it as nodeid now. */
void watch_named(struct watch *w, const struct inode *dir, const char *name, uint64_t nodeid);
/* For inodes_init(): an inode goes. */
void watch_gone(void *w, struct inode *inode);

/* Around a request: what it changes is the guest's own. before: whether after has to be called. */
bool watch_before(struct fs_request *r);
void watch_after(struct fs_request *r, int code);

/* For the thread: the inodes of a watch descriptor; returns their number. */
struct watch_target {
	uint64_t nodeid;
	const struct export *export; /* only to be compared */
	bool root;
	char share[EXPORT_NAME_MAX];
};

unsigned watch_targets(struct watch *w, int wd, struct watch_target ret[WATCH_TARGETS]);
/* The kernel has removed a watch. */
void watch_ignored(struct watch *w, int wd);
