/* virtio-console: the guest's output goes to a log file. See console.h. Loop thread. */
#include "dev/console.h"

#include "base/list.h"

#include <poll.h>
#include <string.h>

#define RECEIVEQ  0
#define TRANSMITQ 1
/* At most this much is written at once: a pipe that polls writable takes it without blocking. */
#define PIECE_BYTES	1024
#define CHAINS_PER_TURN 16
/* Of one chain, however long it is. */
#define CHAIN_MAX_BYTES 65536

static const char full_line[] = "\n[vmrun: the console log is full, further output is dropped]\n";

struct console {
	struct vdev dev;
	struct loop *loop;
	struct loop_fd *kick;
	int log_fd;
	uint64_t left;	   /* bytes that the log may still take */
	bool told;	   /* full_line is written */
	unsigned expected; /* continuation bytes that the UTF-8 sequence at hand still needs */
	bool c1_next;	   /* the lead byte was that of U+0080..U+00BF, half of them controls */
	char tail[CONSOLE_TAIL_BYTES];
	uint64_t total; /* bytes that went through tail, which is a ring */
	struct vq_chain chain;
};

/* What stands for byte ch in the log; -1: nothing. Keeps track of UTF-8 across calls. */
static int harmless(struct console *c, unsigned char ch)
{
	bool continuation = (ch & 0xc0) == 0x80;
	bool c1 = c->c1_next && ch < 0xa0;

	c->c1_next = false;
	if (continuation) {
		if (c->expected == 0)
			return '?';
		c->expected--;
		/* U+0080..U+009F, among them the one-character form of "ESC [". */
		return c1 ? '?' : ch;
	}
	c->expected = ch >= 0xf0 ? 3 : ch >= 0xe0 ? 2 : ch >= 0xc0 ? 1 : 0;
	c->c1_next = ch == 0xc2;
	if (ch == '\r')
		return -1;
	if ((ch < 0x20 && ch != '\n' && ch != '\t') || ch == 0x7f || ch >= 0xf8) {
		c->expected = 0;
		return '?';
	}
	return ch;
}

static void write_log(struct console *c, const char *s, size_t n)
{
	struct pollfd p = { .fd = c->log_fd, .events = POLLOUT };

	if (poll(&p, 1, 0) == 1)
		(void)!write(c->log_fd, s, n);
}

static void log_piece(struct console *c, const char *s, size_t n)
{
	size_t fits = n < c->left ? n : (size_t)c->left;

	if (fits)
		write_log(c, s, fits);
	c->left -= fits;
	if (fits < n && !c->told) {
		write_log(c, full_line, sizeof(full_line) - 1);
		c->told = true;
	}
}

/* One chain of the guest's: copied, made harmless, kept in the ring, written. */
static void take(struct console *c)
{
	struct iovc out = iovc_out(&c->chain);
	char piece[PIECE_BYTES];
	size_t n, taken = 0;

	while (taken < CHAIN_MAX_BYTES && (n = iovc_read(&out, piece, sizeof(piece))) > 0) {
		size_t kept = 0;

		taken += n;
		for (size_t i = 0; i < n; i++) {
			int ch = harmless(c, (unsigned char)piece[i]);

			if (ch < 0)
				continue;
			piece[kept++] = (char)ch;
			c->tail[c->total++ % CONSOLE_TAIL_BYTES] = (char)ch;
		}
		log_piece(c, piece, kept);
	}
}

static void on_kick(void *arg, int fd, uint32_t events)
{
	struct console *c = arg;
	struct vq *q = &c->dev.queue[TRANSMITQ];
	int got = 0;

	(void)fd;
	(void)events;
	vq_kick_clear(q);
	vq_notify_off(q);
	for (unsigned i = 0; i < CHAINS_PER_TURN && (got = vq_pop(q, &c->chain)) > 0; i++) {
		take(c);
		vq_push(q, c->chain.head, 0);
	}
	if (got < 0)
		vdev_broken(&c->dev);
	else if (got > 0 || vq_notify_on(q))
		vq_kick(q);
	vdev_interrupt_queue(&c->dev, q);
}

size_t console_tail(const struct console *c, char *to, size_t size)
{
	size_t n = c->total < CONSOLE_TAIL_BYTES ? (size_t)c->total : CONSOLE_TAIL_BYTES;

	if (n > size - 1)
		n = size - 1;
	for (size_t i = 0; i < n; i++)
		to[i] = c->tail[(c->total - n + i) % CONSOLE_TAIL_BYTES];
	to[n] = '\0';
	return n;
}

bool console_is_full(const struct console *c)
{
	return c->told;
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

/* What the guest has said goes with it: it tells, should it die, what it died of. */
static int save(struct vdev *d, struct buf *out)
{
	const struct console *c = container_of(d, struct console, dev);
	int r = saved_put(out, c->left);

	if (r == 0)
		r = saved_put(out, c->told);
	if (r == 0)
		r = saved_put(out, c->expected);
	if (r == 0)
		r = saved_put(out, c->c1_next);
	if (r == 0)
		r = saved_put(out, c->total);
	return r ? r : saved_put_bytes(out, c->tail, sizeof(c->tail));
}

static int restore(struct vdev *d, struct saved *in)
{
	struct console *c = container_of(d, struct console, dev);

	/* No more than this one's log may take, whatever the other's might. */
	c->left = saved_get(in, c->left);
	c->told = saved_get(in, 1);
	c->expected = (unsigned)saved_get(in, 3);
	c->c1_next = saved_get(in, 1);
	c->total = saved_get(in, UINT64_MAX);
	saved_get_bytes(in, c->tail, sizeof(c->tail));
	return in->wrong ? -EINVAL : 0;
}

static const struct vdev_class console_class = {
	.name = "console",
	.virtio_id = 3,
	.queues = 2,
	.queue_max = { [RECEIVEQ] = 8, [TRANSMITQ] = 64 },
	.start = start,
	.stop = stop,
	.save = save,
	.restore = restore,
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
	code = vdev_init(&c->dev, &console_class, gm, &(struct vdev_spec){ 0 });
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
