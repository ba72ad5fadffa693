/*
 * The host's end of a stream: a socket, pipe, terminal, regular file or null device, whoever else
 * uses it and however it is set up. Nothing here blocks. Used by conn.c; loop thread.
 */
#pragma once

#include "base/loop.h"
#include "dev/vq.h"

#include <sys/types.h>

/* What the guest may have under way to us, for each stream. */
#define HOST_RING_BYTES (256U << 10)

enum host_kind {
	HOST_SOCKET,   /* MSG_DONTWAIT does not block, whatever its flags */
	HOST_NONBLOCK, /* O_NONBLOCK is set on its description */
	HOST_BLOCKING, /* shared with somebody who wants it to block: its flags are not ours */
	HOST_FILE,     /* epoll cannot watch it: always ready */
};

struct host {
	int fd, done_fd; /* owned; -1: closed, none */
	enum host_kind kind;
	bool nowait;   /* HOST_BLOCKING: RWF_NOWAIT has not been refused yet */
	size_t piece;  /* HOST_BLOCKING without it: what may be moved after poll() */
	bool readable; /* the last thing heard of it; only EAGAIN makes it false again */
	bool writable;
	struct loop_fd *lf;
	uint8_t *ring; /* bytes that wait to be written */
	uint32_t start, used;
};

/* Takes both descriptors. Nothing is read or written before host_watch(). */
void host_init(struct host *h, int fd, int done_fd);
/*
 * Watches it edge-triggered: fn(arg, ...) is called when readable or writable may have become true,
 * and never again and again for a hang-up that nobody can act on. Returns 0 or -errno.
 */
int host_watch(struct host *h, struct loop *loop, loop_fd_fn *fn, void *arg) CHECKED;
/* Closes everything; waiting bytes are lost. May be called again. */
void host_close(struct host *h);

/* Bytes read, 0 at the end (errors are an end, too), or -EAGAIN. n is at most VQ_IOV_MAX. */
ssize_t host_read(struct host *h, const struct iovec *iov, unsigned n);

/*
 * Takes len bytes (at most HOST_RING_BYTES less what waits): writes what can be written now and
 * keeps the rest. Returns the bytes written or -errno, after which nothing can be written any more.
 */
ssize_t host_write(struct host *h, struct iovc *data, size_t len);
/* Writes what waits, as far as it can be written now. Bytes written or -errno. */
ssize_t host_flush(struct host *h);

/* No more will be written, all has been: a socket's peer sees end of file. */
void host_end_writing(struct host *h);
/* No more will be read: a socket's peer gets EPIPE. */
void host_end_reading(struct host *h);
