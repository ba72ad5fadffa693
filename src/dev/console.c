/* virtio-console: the guest's output goes to a log file. See console.h. Loop
 * thread. */
#include "dev/console.h"

#include "base/fd.h"
#include "base/list.h"

#include <string.h>

#define RECEIVEQ    0
#define TRANSMITQ   1
#define PIECE_BYTES 1024

static const char dropped_line[] =
	"\n[vmrun: the console log is full, further output is dropped]\n";

struct console {
	struct vdev dev;
	struct loop *loop;
	struct loop_fd *kick;
	int log_fd;
	uint64_t left; /* bytes that the log may still take */
	struct vq_chain chain;
};

static void sanitise(char *s, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		unsigned char ch = (unsigned char)s[i];

		/* A guest must not send escape sequences to whoever reads the log. */
		if ((ch < 0x20 && ch != '\n' && ch != '\t' && ch != '\r') || ch == 0x7f)
			s[i] = '?';
	}
}

static void log_piece(struct console *c, char *s, size_t n)
{
	if (c->left == 0)
		return;
	sanitise(s, n);
	if (n < c->left) {
		c->left -= n;
		(void)!fd_write_all(c->log_fd, s, n);
		return;
	}
	(void)!fd_write_all(c->log_fd, s, c->left);
	(void)!fd_write_all(c->log_fd, dropped_line, sizeof(dropped_line) - 1);
	c->left = 0;
}

static void on_kick(void *arg, int fd, uint32_t events)
{
	struct console *c = arg;
	struct vq *q = &c->dev.queue[TRANSMITQ];
	uint64_t count;
	int got;

	(void)events;
	(void)!read(fd, &count, sizeof(count));
	do {
		vq_notify_off(q);
		while ((got = vq_pop(q, &c->chain)) > 0) {
			struct iovc out = iovc_out(&c->chain);
			char piece[PIECE_BYTES];
			size_t n;

			while ((n = iovc_read(&out, piece, sizeof(piece))) > 0)
				log_piece(c, piece, n);
			vq_push(q, c->chain.head, 0);
		}
	} while (got == 0 && vq_notify_on(q));
	if (got < 0)
		vdev_broken(&c->dev);
	vdev_interrupt_queue(&c->dev, q);
}

static void watch(void *arg)
{
	struct console *c = arg;

	(void)!loop_fd_add(
		c->loop, "console", c->dev.queue[TRANSMITQ].kick_fd, EPOLLIN, on_kick, c, &c->kick);
}

static void unwatch(void *arg)
{
	struct console *c = arg;

	loop_fd_remove(c->kick);
	c->kick = NULL;
}

static int start(struct vdev *d)
{
	struct console *c = container_of(d, struct console, dev);

	loop_call(c->loop, watch, c);
	return c->kick ? 0 : -EIO;
}

static void stop(struct vdev *d)
{
	struct console *c = container_of(d, struct console, dev);

	loop_call(c->loop, unwatch, c);
}

static const struct vdev_class console_class = {
	.name = "console",
	.virtio_id = 3,
	.queues = 2,
	.queue_max = { 64, 64 },
	.start = start,
	.stop = stop,
};

int console_new(struct loop *loop, const struct gmem *gm, int log_fd, uint64_t max_bytes,
	struct console **ret)
{
	struct console *c = calloc(1, sizeof(*c));
	int code;

	if (!c)
		return -ENOMEM;
	c->loop = loop;
	c->log_fd = log_fd;
	c->left = max_bytes;
	code = vdev_init(&c->dev, &console_class, gm, 0, NULL, 0);
	if (code < 0) {
		free(c);
		return code;
	}
	*ret = c;
	return 0;
}

void console_free(struct console *c)
{
	if (!c)
		return;
	vdev_done(&c->dev);
	free(c);
}

struct vdev *console_vdev(struct console *c)
{
	return &c->dev;
}
