/* virtio-rng: getrandom() straight into the guest's buffers. See rng.h. Loop thread. */
#include "dev/rng.h"

#include "base/list.h"

#include <sys/random.h>

#define REQUESTQ 0
/* However long a chain is, one request gets at most this much. */
#define REQUEST_MAX_BYTES 65536
#define REQUESTS_PER_TURN 16

struct rng {
	struct vdev dev;
	struct loop *loop;
	struct loop_fd *kick;
	struct vq_chain chain;
};

static uint32_t fill(struct vq_chain *c)
{
	struct iovc in = iovc_in(c);
	uint32_t done = 0;

	while (in.left && done < REQUEST_MAX_BYTES) {
		struct iovec iov;
		ssize_t n;

		if (iovc_peek(&in, REQUEST_MAX_BYTES - done, &iov, 1) == 0)
			break;
		n = getrandom(iov.iov_base, iov.iov_len, 0);
		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			break;
		iovc_skip(&in, (size_t)n);
		done += (uint32_t)n;
	}
	return done;
}

static void on_kick(void *arg, int fd, uint32_t events)
{
	struct rng *r = arg;
	struct vq *q = &r->dev.queue[REQUESTQ];
	int got = 0;

	(void)fd;
	(void)events;
	vq_kick_clear(q);
	vq_notify_off(q);
	for (unsigned i = 0; i < REQUESTS_PER_TURN && (got = vq_pop(q, &r->chain)) > 0; i++)
		vq_push(q, r->chain.head, fill(&r->chain));
	if (got < 0)
		vdev_broken(&r->dev);
	else if (got > 0 || vq_notify_on(q))
		vq_kick(q);
	vdev_interrupt_queue(&r->dev, q);
}

static void watch(void *arg)
{
	struct rng *r = arg;

	(void)!loop_fd_add(
		r->loop, "rng", r->dev.queue[REQUESTQ].kick_fd, EPOLLIN, on_kick, r, &r->kick);
}

static void unwatch(void *arg)
{
	struct rng *r = arg;

	loop_fd_remove(r->kick);
	r->kick = NULL;
}

static int start(struct vdev *d)
{
	struct rng *r = container_of(d, struct rng, dev);

	loop_call(r->loop, watch, r);
	return r->kick ? 0 : -EIO;
}

static void stop(struct vdev *d)
{
	struct rng *r = container_of(d, struct rng, dev);

	loop_call(r->loop, unwatch, r);
}

static const struct vdev_class rng_class = {
	.name = "rng",
	.virtio_id = 4,
	.queues = 1,
	.queue_max = { 64 },
	.start = start,
	.stop = stop,
};

int rng_new(struct loop *loop, const struct gmem *gm, struct rng **ret)
{
	struct rng *r = calloc(1, sizeof(*r));
	int code;

	if (!r)
		return -ENOMEM;
	r->loop = loop;
	code = vdev_init(&r->dev, &rng_class, gm, &(struct vdev_spec){ 0 });
	if (code < 0) {
		free(r);
		return code;
	}
	*ret = r;
	return 0;
}

void rng_free(struct rng *r)
{
	if (!r)
		return;
	vdev_done(&r->dev);
	free(r);
}

struct vdev *rng_vdev(struct rng *r)
{
	return &r->dev;
}
