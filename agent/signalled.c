/* Which threads have got a signal: see signalled.h. */
#include "agent/signalled.h"

#include "base/fd.h"
#include "rpc/signalled.h"

#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

struct question {
	int fd;
	struct loop_fd *watch;
	struct signalled threads;
	size_t got; /* bytes of it */
};

static void end(struct question *q)
{
	loop_fd_remove(q->watch);
	close(q->fd);
	free(q);
}

/*
 * Whoever waits for the answer to a request of FUSE's sleeps interruptibly until a signal comes for
 * him, and as "D" from then on, until the answer is there. That holds for all that ends a system
 * call so: what kills, what has a handler, a debugger, a freezer.
 */
static bool has_signal(uint32_t tid)
{
	char path[32], stat[512], *state;
	AUTO_CLOSE int fd = -1;
	ssize_t n;

	snprintf(path, sizeof(path), "/proc/%" PRIu32 "/stat", tid);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	n = fd < 0 ? -1 : read(fd, stat, sizeof(stat) - 1);
	if (n < 0)
		return false;
	stat[n] = '\0';
	/* The name before it may have brackets and blanks of its own. */
	state = strrchr(stat, ')');
	return state && state[1] == ' ' && state[2] == 'D';
}

static void answer(struct question *q)
{
	struct signalled yes = { 0 };

	for (uint32_t i = 0; i < q->threads.count && i < SIGNALLED_MAX; i++)
		if (has_signal(q->threads.tid[i]))
			yes.tid[yes.count++] = q->threads.tid[i];
	/* Of a new connection it fits the buffer. */
	(void)!send(q->fd, &yes, sizeof(yes), MSG_DONTWAIT | MSG_NOSIGNAL);
}

static void on_question(void *arg, int fd, uint32_t events)
{
	struct question *q = arg;
	ssize_t n = recv(fd, (char *)&q->threads + q->got, sizeof(q->threads) - q->got, 0);

	(void)events;
	if (n < 0 && (errno == EAGAIN || errno == EINTR))
		return;
	if (n > 0) {
		q->got += (size_t)n;
		if (q->got < sizeof(q->threads))
			return;
		answer(q);
	}
	end(q);
}

int signalled_serve(struct agent *a, int fd)
{
	struct question *q = calloc(1, sizeof(*q));
	int r;

	if (!q) {
		close(fd);
		return -ENOMEM;
	}
	q->fd = fd;
	r = loop_fd_add(a->loop, "signalled", fd, EPOLLIN, on_question, q, &q->watch);
	if (r < 0)
		end(q);
	return r;
}
