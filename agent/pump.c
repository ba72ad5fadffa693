/* Pumps: see pump.h. The loop's thread only. */
#include "agent/pump.h"

#include <stdint.h>
#include <string.h>
#include <sys/socket.h>

#define CHUNK (64 << 10)
/* Chunks moved before other descriptors get their turn. */
#define CHUNKS_PER_TURN 8

struct pump {
	struct loop *loop;
	int src, dst;
	struct loop_fd *watch; /* of src or dst, whichever it waits for; NULL: neither */
	uint32_t watching;     /* EPOLLIN (src) or EPOLLOUT (dst) */
	/* What dst did not take of the last chunk; allocated only while there is something. */
	uint8_t *pending;
	size_t pending_at, pending_len;
	bool src_ended, finishing;
	void (*end)(void *arg);
	void *arg;
};

static void on_event(void *arg, int fd, uint32_t events);

static void release(struct pump *p)
{
	loop_fd_remove(p->watch);
	close_fd(&p->src);
	close_fd(&p->dst);
	free(p->pending);
	free(p);
}

static void end(struct pump *p)
{
	void (*fn)(void *arg) = p->end;
	void *arg = p->arg;

	/* Both fail harmlessly on what is no socket. */
	shutdown(p->dst, SHUT_WR);
	shutdown(p->src, SHUT_RD);
	release(p);
	fn(arg);
}

/*
 * A descriptor that is not waited for must leave epoll altogether: hang-ups are reported whatever
 * events are asked for, and would spin the loop.
 */
static int watch(struct pump *p, uint32_t events)
{
	if (p->watch && p->watching == events)
		return 0;
	loop_fd_remove(p->watch);
	p->watch = NULL;
	p->watching = events;
	return loop_fd_add(p->loop, "pump", events == EPOLLIN ? p->src : p->dst, events, on_event,
		p, &p->watch);
}

/* Returns 1 when everything was written, 0 when dst is full (the rest is kept), or -errno. */
static int push(struct pump *p, const uint8_t *data, size_t len)
{
	while (len) {
		ssize_t n = write(p->dst, data, len);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0 && errno == EAGAIN)
			break;
		if (n < 0)
			return -errno;
		data += n;
		len -= (size_t)n;
	}
	if (len == 0)
		return 1;
	p->pending = malloc(len);
	if (!p->pending)
		return -ENOMEM;
	memcpy(p->pending, data, len);
	p->pending_at = 0;
	p->pending_len = len;
	return 0;
}

static int push_pending(struct pump *p)
{
	while (p->pending_at < p->pending_len) {
		ssize_t n =
			write(p->dst, p->pending + p->pending_at, p->pending_len - p->pending_at);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return errno == EAGAIN ? 0 : -errno;
		p->pending_at += (size_t)n;
	}
	free(steal_ptr(&p->pending));
	p->pending_at = p->pending_len = 0;
	return 1;
}

/* One chunk. Returns 1 to go on, 0 when src has nothing now or dst is full, -1 at the end. */
static int move_chunk(struct pump *p)
{
	static uint8_t chunk[CHUNK];
	ssize_t n;

	if (p->pending) {
		int r = push_pending(p);

		if (r <= 0)
			return r == 0 ? 0 : -1;
	}
	do
		n = read(p->src, chunk, sizeof(chunk));
	while (n < 0 && errno == EINTR);
	if (n < 0 && errno == EAGAIN)
		return p->finishing ? -1 : 0;
	/* A pseudo-terminal ends with EIO, a socket may with ECONNRESET. */
	if (n <= 0)
		return -1;
	n = push(p, chunk, (size_t)n);
	return n < 0 ? -1 : (int)n;
}

static void run(struct pump *p)
{
	for (int i = 0, more = 1; i < CHUNKS_PER_TURN && more == 1; i++) {
		more = move_chunk(p);
		if (more < 0) {
			end(p);
			return;
		}
	}
	if (watch(p, p->pending ? EPOLLOUT : EPOLLIN) < 0)
		end(p);
}

static void on_event(void *arg, int fd, uint32_t events)
{
	(void)fd;
	(void)events;
	run(arg);
}

int pump_new(struct loop *loop, int src, int dst, void (*end_fn)(void *arg), void *arg,
	struct pump **ret)
{
	struct pump *p = calloc(1, sizeof(*p));
	int r = -ENOMEM;

	if (!p) {
		close(src);
		close(dst);
		return r;
	}
	*p = (struct pump){ .loop = loop, .src = src, .dst = dst, .end = end_fn, .arg = arg };
	r = watch(p, EPOLLIN);
	if (r < 0) {
		release(p);
		return r;
	}
	*ret = p;
	return 0;
}

void pump_finish(struct pump *p)
{
	p->finishing = true;
	if (!p->pending)
		run(p);
}

void pump_free(struct pump *p)
{
	if (p)
		release(p);
}
