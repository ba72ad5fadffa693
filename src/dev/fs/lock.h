/*
 * File locks of the guest: POSIX and OFD locks of byte ranges, and flock(2). Where an export has
 * host locks, each of the guest's owners has an open file description here that carries its ranges
 * as OFD locks, and flock(2) goes to the open file's own; so whatever ends us ends them. Where
 * locks are the guest's own they are kept in this table only.
 *
 * A request that must wait is not answered by the worker that got it. Those for the host's locks
 * wait in a few threads, and in order; where all of these are taken, the others try again every few
 * milliseconds. virtio-fs has no interrupts, so somebody else has to find out that a waiting
 * process got a signal (locks_waiting(), locks_interrupt()).
 */
#pragma once

#include "base/list.h"
#include "dev/fs/handle.h"
#include "dev/fs/inode.h"
#include "dev/fs/lock_ranges.h"

#include <stdatomic.h>

#define LOCK_WAITS_MAX 128 /* each keeps an entry of a queue, which has at least 256 */
#define LOCK_THREADS   2   /* that block; one more looks after what they cannot */
#define LOCK_QUEUES    5
#define LOCK_BUCKETS   256

struct lock_request {
	bool flock;
	bool unlock;
	struct lock_range range; /* of flock: everything */
	uint64_t owner;		 /* the guest's number for it; of flock not used */
	uint64_t fh;
};

/* Where the answer goes. */
struct lock_reply {
	uint64_t unique;
	uint32_t tid; /* the thread that waits, as the guest's first pid namespace counts */
	unsigned queue;
	uint16_t head;
	int error;
};

struct locks_config {
	struct handles *handles;
	int proc_fd;	      /* directory /proc/self/fd; the caller's */
	unsigned records_max; /* owners and ranges; beyond: ENOLCK; 0: there are no locks at all */
	/* An answer for locks_take() is there. With the table's lock held. May be NULL. */
	void (*answered)(void *arg, unsigned queue);
	/* A first request has begun to wait. Any thread. May be NULL. */
	void (*waiting)(void *arg);
	void *arg;	    /* of waiting() */
	void *answered_arg; /* of answered() */
};

struct lock_thread {
	struct locks *locks;
	pthread_t id;
	bool created;
};

struct locks {
	pthread_mutex_t lock; /* guards everything here */
	struct locks_config config;
	struct list file[LOCK_BUCKETS];
	unsigned records;
	atomic_uint owners; /* may be read without the lock: 0 means there is nothing to do */

	/* Of lock_wait.c. */
	struct list waits; /* in the order in which they came */
	struct list answers[LOCK_QUEUES];
	unsigned waiting; /* that are on `waits` */
	pthread_cond_t work, mind, started;
	struct lock_thread thread[LOCK_THREADS + 1];
	int (*thread_start)(void *arg);
	void *thread_arg;
	unsigned begun, running; /* threads: that have called it, and have not ended */
	unsigned idle;		 /* those that wait for work */
	int start_error;
	bool quit;
};

static inline bool locks_wanted(const struct locks *t)
{
	return t->config.records_max > 0;
}

int locks_init(struct locks *t, const struct locks_config *config) CHECKED;
/* Starts the threads, each of which calls start(arg) first (may be NULL). Without threads, waits
 * for the host's locks last until they are interrupted. */
int locks_start(struct locks *t, int (*start)(void *arg), void *arg) CHECKED;
/* Stops the threads. All requests are done. */
void locks_done(struct locks *t);

/*
 * Locks or unlocks. h is an open file of inode's export. -EAGAIN when somebody else has it; or,
 * with `wait`, -EINPROGRESS: the answer will come from locks_take(), and h is kept until then.
 * -ENOLCK when the guest has too many, -EBADF for a range that h was not opened for.
 */
int locks_set(struct locks *t, const struct inode *inode, struct handle *h,
	const struct lock_request *request, const struct lock_reply *wait) CHECKED;
/* Whose range is in the way of that of POSIX or OFD request *request: unlock when there is none. */
int locks_get(struct locks *t, const struct inode *inode, const struct handle *h,
	struct lock_request *request) CHECKED;
/* A process (the guest's `owner`) closes one of its descriptors of inode: its ranges are free. */
void locks_flush(struct locks *t, const struct inode *inode, uint64_t owner);
/* An open file is closed for good, and all that was locked through it is free. */
void locks_release(struct locks *t, const struct inode *inode, uint64_t fh);
/* Frees all of an export, or everything (NULL); those who wait are told -ESTALE. */
void locks_clear(struct locks *t, const struct export *of);
/* Frees everything for a guest that starts over and expects no answer. */
void locks_reset(struct locks *t);

/* Whether a request waits, or an answer that nobody has taken yet. */
bool locks_busy(struct locks *t);
/* Those who wait: at most max thread numbers; the count. */
unsigned locks_waiting(struct locks *t, uint32_t *tid, unsigned max);
/* The thread tid, or request unique (unless it is 0), waits no more: -EINTR. */
void locks_interrupt(struct locks *t, uint32_t tid, uint64_t unique);
/* The next answer that queue's worker has to give, or false. */
bool locks_take(struct locks *t, unsigned queue, struct lock_reply *ret);
