/* What lock_table.c and lock_wait.c share: owners, and those who wait. With the table's lock held.
 */
#pragma once

#include "dev/fs/lock.h"

#include <fcntl.h>

/* All locks of a file, on the host or of the guest only. */
struct lock_file {
	struct list link;
	uint64_t dev, ino;
	bool local;
	unsigned pins; /* by those who go through it */
	struct list owners;
};

/* Of ranges: one of the guest's. Of flock: an open file. */
struct lock_owner {
	struct list link;
	struct lock_file *file;
	bool flock;
	uint64_t id;		     /* of flock: the handle */
	uint64_t fh;		     /* the open file that it was last used through */
	const struct export *export; /* only to be compared */
	int fd;			     /* carries its ranges on the host; -1: none */
	bool writable;		     /* how that was opened */
	bool gone;		     /* what it still gets is given back at once */
	unsigned waits;
	struct lock_ranges held;
};

struct lock_wait {
	struct list link;
	struct lock_owner *owner;
	struct handle *handle;
	struct lock_request request;
	struct lock_reply reply;
	const struct lock_thread *thread; /* that blocks for it */
	bool again;			  /* it shall start over */
	int cancelled;			  /* 0, or what the answer is to be */
	bool dropped;			  /* nobody expects an answer */
};

/* fcntl(2) on a description with F_OFD_*: 0, -EAGAIN, -EINTR, ... ret may be NULL. */
int lock_ofd(int fd, int command, const struct lock_request *request, struct flock *ret) CHECKED;
/* LOCK_*, of flock(2). */
int lock_flock_operation(const struct lock_request *request);

/* Tries it once, without waiting: 0, -EAGAIN or what went wrong. */
int lock_try(struct locks *t, struct lock_owner *o, const struct handle *h,
	const struct lock_request *request) CHECKED;
/* Who of the guest has what is in the way of a request of `of`'s (may be NULL); NULL: nobody. */
const struct lock_owner *lock_holder(
	const struct lock_file *f, const struct lock_owner *of, const struct lock_request *request);
/* Frees the owner, and its file, when nothing keeps them. */
void lock_owner_settle(struct locks *t, struct lock_owner *o);

int lock_waits_init(struct locks *t) CHECKED;
/* Whether o would wait for somebody of the guest who waits, if by others, for o. */
bool lock_wait_closes_a_circle(
	struct locks *t, const struct lock_owner *o, const struct lock_request *request);
/* Takes over h, on success only: 0, -ENOLCK, -ENOMEM. */
int lock_wait_add(struct locks *t, struct lock_owner *o, struct handle *h,
	const struct lock_request *request, const struct lock_reply *reply) CHECKED;
/* Something of a file is free again: those of this guest that waited for it get it, in turn. */
void lock_wait_grant(struct locks *t, struct lock_file *file);
/* An owner has another description: whoever blocks for it starts over. */
void lock_wait_rouse(struct locks *t, const struct lock_owner *o);
/* error: the answer; drop: there is to be none. of: all of an owner; NULL: all. */
void lock_wait_cancel(struct locks *t, const struct lock_owner *of, int error, bool drop);
