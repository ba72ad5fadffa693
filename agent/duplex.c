/* Duplexes: see duplex.h. The loop's thread only. */
#include "agent/duplex.h"

#include "agent/pump.h"
#include "agent/stream.h"
#include "base/fd.h"

#include <fcntl.h>
#include <poll.h>

struct duplex {
	struct agent *agent;
	int fd;
	unsigned directions; /* that have not ended */
	struct stream_claim *claim;
	struct pump *to_host, *from_host;
	void (*end)(void *arg);
	void *arg;
};

static bool is_hung_up(int fd)
{
	struct pollfd p = { .fd = fd };

	return poll(&p, 1, 0) > 0 && (p.revents & POLLHUP);
}

static void ended(struct duplex *d, unsigned direction)
{
	d->directions &= ~direction;
	if (d->directions == 0)
		d->end(d->arg);
}

static void on_to_host_end(void *arg)
{
	struct duplex *d = arg;

	d->to_host = NULL;
	/* Not only has the container's side said all: it does not listen any more. */
	if (is_hung_up(d->fd))
		d->directions &= ~(unsigned)DUPLEX_FROM_HOST;
	ended(d, DUPLEX_TO_HOST);
}

static void on_from_host_end(void *arg)
{
	struct duplex *d = arg;

	d->from_host = NULL;
	ended(d, DUPLEX_FROM_HOST);
}

static int start_pump(struct duplex *d, int from, int to, void (*end)(void *arg), struct pump **ret)
{
	int src = fcntl(from, F_DUPFD_CLOEXEC, 3), dst = fcntl(to, F_DUPFD_CLOEXEC, 3);

	if (src < 0 || dst < 0) {
		close_fd(&src);
		close_fd(&dst);
		return -EMFILE;
	}
	return pump_new(d->agent->loop, src, dst, end, d, ret);
}

/*
 * A socket is kept, to be asked whether its other end is closed. A pipe is the pump's alone, so
 * that its other end sees when the pump closes it.
 */
static void on_stream(void *arg, int fd)
{
	struct duplex *d = arg;
	AUTO_CLOSE int stream = fd;
	unsigned both = DUPLEX_TO_HOST | DUPLEX_FROM_HOST;
	bool is_pipe = d->directions != both;
	int r = fd_set_nonblock(stream, true);

	if (r == 0 && (d->directions & DUPLEX_TO_HOST))
		r = start_pump(d, d->fd, stream, on_to_host_end, &d->to_host);
	if (r == 0 && (d->directions & DUPLEX_FROM_HOST))
		r = start_pump(d, stream, d->fd, on_from_host_end, &d->from_host);
	if (is_pipe)
		close_fd(&d->fd);
	if (r == 0)
		return;
	pump_free(steal_ptr(&d->to_host));
	ended(d, both);
}

int duplex_new(struct agent *a, int fd, uint64_t token, unsigned directions, void (*end)(void *arg),
	void *arg, struct duplex **ret)
{
	struct duplex *d = calloc(1, sizeof(*d));
	int r;

	if (!d) {
		close(fd);
		return -ENOMEM;
	}
	*d = (struct duplex){
		.agent = a,
		.fd = fd,
		.directions = directions,
		.end = end,
		.arg = arg,
	};
	*ret = d;
	r = stream_claim(a->streams, token, on_stream, d, &d->claim);
	if (r < 0)
		duplex_free(steal_ptr(ret));
	return r;
}

void duplex_free(struct duplex *d)
{
	if (!d)
		return;
	stream_claim_drop(d->claim);
	pump_free(d->to_host);
	pump_free(d->from_host);
	close_fd(&d->fd);
	free(d);
}

bool duplex_waits(const struct duplex *d)
{
	return d->claim;
}

void duplex_end_input(struct duplex *d)
{
	if (!(d->directions & DUPLEX_FROM_HOST))
		return;
	pump_free(steal_ptr(&d->from_host));
	ended(d, DUPLEX_FROM_HOST);
}

void duplex_finish(struct duplex *d)
{
	d->directions &= ~(unsigned)DUPLEX_FROM_HOST;
	pump_free(steal_ptr(&d->from_host));
	if (d->to_host)
		pump_finish(d->to_host);
	else
		ended(d, DUPLEX_TO_HOST);
}
