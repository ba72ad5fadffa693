/*
 * The virtio-vsock device: its queues, and the way of packets through them. See vsock.h. A guest
 * that breaks the protocol loses its connection, one that breaks a ring loses the device. Loop
 * thread, but for start() and stop().
 */
#include "dev/vsock/device.h"

#include "base/auto.h"

enum { RX, TX, EVENT, QUEUES };

/* Then the neighbours on the loop have their turn. */
#define PACKETS_PER_TURN 64

struct loop *vsock_loop(const struct vsock *v)
{
	return v->loop;
}

uint64_t vsock_guest_cid(const struct vsock *v)
{
	return v->guest_cid;
}

void vsock_queue_work(struct vsock *v, struct conn *c)
{
	list_add_tail(&v->work, &c->work);
}

void vsock_queue_reset(struct vsock *v, uint32_t guest_port, uint32_t host_port, uint16_t type)
{
	/* A guest that provokes more of them than it takes may do without. */
	if (v->resets == RESETS_MAX)
		return;
	v->reset[(v->reset_first + v->resets++) % RESETS_MAX] =
		(struct reset){ guest_port, host_port, type };
}

static void take_reset(struct vsock *v, struct vsock_packet *p)
{
	const struct reset *r = &v->reset[v->reset_first];

	*p = (struct vsock_packet){
		.src_cid = VSOCK_CID_HOST,
		.dst_cid = v->guest_cid,
		.src_port = r->host_port,
		.dst_port = r->guest_port,
		.type = r->type,
		.op = VSOCK_OP_RST,
	};
	v->reset_first = (v->reset_first + 1) % RESETS_MAX;
	v->resets--;
}

static bool has_work(const struct vsock *v)
{
	return v->resets || !list_empty(&v->work);
}

/* Connections take turns, a packet each. */
static bool next_packet(struct vsock *v, const struct iovc *in, struct vsock_packet *p)
{
	if (v->resets) {
		take_reset(v, p);
		return true;
	}
	while (!list_empty(&v->work)) {
		struct conn *c = container_of(v->work.next, struct conn, work);
		bool sent;

		list_del(&c->work);
		sent = conn_packet_out(c, in, p);
		conn_settle(c);
		if (sent)
			return true;
	}
	return false;
}

/* One buffer of the guest's. 1: filled; 0: there is none, or nothing for it; -EPROTO. */
static int fill_one(struct vsock *v, struct vq *q)
{
	struct vsock_packet p;
	struct iovc in;
	int got = vq_pop(q, &v->rx);

	if (got <= 0)
		return got;
	/* A buffer that can hold no byte of data would keep a stream from ever going on. */
	if (v->rx.in_len <= sizeof(p)) {
		q->broken = true;
		return -EPROTO;
	}
	in = iovc_in(&v->rx);
	if (!next_packet(v, &in, &p)) {
		vq_unpop(q);
		return 0;
	}
	iovc_write(&in, &p, sizeof(p));
	vq_push(q, v->rx.head, (uint32_t)sizeof(p) + p.len);
	return 1;
}

void vsock_pump(struct vsock *v)
{
	struct vq *q = &v->dev.queue[RX];
	unsigned budget = PACKETS_PER_TURN;
	int got = 0;

	if (!v->started || v->busy || v->told != RESET_NONE || !has_work(v))
		return;
	v->busy = true;
	vq_notify_off(q);
	while (budget && has_work(v)) {
		got = fill_one(v, q);
		if (got < 0)
			break;
		if (got > 0)
			budget--;
		/* Out of buffers: the guest kicks for the next, unless one has just come. */
		else if (has_work(v) && !vq_notify_on(q))
			break;
	}
	v->busy = false;
	if (got < 0)
		vdev_broken(&v->dev);
	else if (budget == 0)
		vq_kick(q);
	vdev_interrupt_queue(&v->dev, q);
}

static void packet_in(struct vsock *v, const struct vsock_packet *p, struct iovc *data)
{
	struct conn *c;

	if (p->src_cid != v->guest_cid || p->dst_cid != VSOCK_CID_HOST)
		return;
	c = p->type == VSOCK_TYPE_STREAM ? dial_find(v, p->src_port, p->dst_port) : NULL;
	if (c)
		conn_packet_in(c, p, data);
	else if (p->op == VSOCK_OP_REQUEST && p->type == VSOCK_TYPE_STREAM)
		dial_request(v, p);
	else if (p->op != VSOCK_OP_RST)
		vsock_queue_reset(v, p->src_port, p->dst_port, p->type);
}

static int take_one(struct vsock *v, struct vq *q)
{
	struct vsock_packet p;
	int got = vq_pop(q, &v->tx);
	struct iovc out;

	if (got <= 0)
		return got;
	out = iovc_out(&v->tx);
	if (iovc_read(&out, &p, sizeof(p)) == sizeof(p))
		packet_in(v, &p, &out);
	vq_push(q, v->tx.head, 0);
	return 1;
}

static void on_tx(void *arg, int fd, uint32_t events)
{
	struct vsock *v = arg;
	struct vq *q = &v->dev.queue[TX];
	int got = 0;

	(void)fd;
	(void)events;
	vq_kick_clear(q);
	vq_notify_off(q);
	v->busy = true;
	for (unsigned i = 0; i < PACKETS_PER_TURN && (got = take_one(v, q)) > 0; i++)
		;
	v->busy = false;
	if (got < 0)
		vdev_broken(&v->dev);
	else if (got > 0 || vq_notify_on(q))
		vq_kick(q);
	vdev_interrupt_queue(&v->dev, q);
	vsock_pump(v);
}

static void on_rx(void *arg, int fd, uint32_t events)
{
	struct vsock *v = arg;

	(void)fd;
	(void)events;
	vq_kick_clear(&v->dev.queue[RX]);
	vsock_pump(v);
}

/* 1: the guest has been told; 0: it has no buffer; -EPROTO. */
static int tell_reset(struct vsock *v, struct vq *q)
{
	struct vsock_event event = { .id = VSOCK_EVENT_TRANSPORT_RESET };
	struct iovc in;
	int got = vq_pop(q, &v->rx);

	if (got <= 0)
		return got;
	in = iovc_in(&v->rx);
	if (in.left < sizeof(event)) {
		q->broken = true;
		return -EPROTO;
	}
	v->offered = vq_offered(q);
	vq_push(q, v->rx.head, (uint32_t)iovc_write(&in, &event, sizeof(event)));
	v->told = RESET_TOLD;
	return 1;
}

static void on_event(void *arg, int fd, uint32_t events)
{
	struct vsock *v = arg;
	struct vq *q = &v->dev.queue[EVENT];
	int got = 0;

	(void)fd;
	(void)events;
	vq_kick_clear(q);
	if (v->told == RESET_WANTED)
		got = tell_reset(v, q);
	if (got < 0)
		vdev_broken(&v->dev);
	else if (v->told == RESET_WANTED && vq_notify_on(q))
		vq_kick(q);
	/* The driver handles the event, and only then gives its buffer anew. */
	else if (v->told == RESET_TOLD && vq_notify_past(q, v->offered))
		v->told = RESET_NONE;
	vdev_interrupt_queue(&v->dev, q);
	vsock_pump(v);
}

/* Only where there is something to tell: nothing else ever comes from us on that queue. */
static bool watch_events(struct vsock *v)
{
	return v->told == RESET_NONE ||
	       loop_fd_add(v->loop, "vsock event", v->dev.queue[EVENT].kick_fd, EPOLLIN, on_event,
		       v, &v->event_kick) == 0;
}

static void watch(void *arg)
{
	struct vsock *v = arg;
	int rx = v->dev.queue[RX].kick_fd, tx = v->dev.queue[TX].kick_fd;

	if (loop_fd_add(v->loop, "vsock rx", rx, EPOLLIN, on_rx, v, &v->rx_kick) < 0 ||
		loop_fd_add(v->loop, "vsock tx", tx, EPOLLIN, on_tx, v, &v->tx_kick) < 0 ||
		!watch_events(v))
		return;
	v->started = true;
	if (v->up)
		v->up(v->up_arg);
}

static void unwatch(void *arg)
{
	struct vsock *v = arg;

	v->started = false;
	loop_fd_remove(v->rx_kick);
	loop_fd_remove(v->tx_kick);
	loop_fd_remove(v->event_kick);
	v->rx_kick = v->tx_kick = v->event_kick = NULL;
}

static void forget(void *arg)
{
	struct vsock *v = arg;

	dial_reset(v);
	v->resets = 0;
	v->told = RESET_NONE;
}

static int start(struct vdev *d)
{
	struct vsock *v = container_of(d, struct vsock, dev);

	loop_call(v->loop, watch, v);
	return v->started ? 0 : -EIO;
}

static void stop(struct vdev *d)
{
	struct vsock *v = container_of(d, struct vsock, dev);

	loop_call(v->loop, unwatch, v);
}

static void reset(struct vdev *d)
{
	struct vsock *v = container_of(d, struct vsock, dev);

	loop_call(v->loop, forget, v);
}

/* Its sockets stay with those that hold them: but for the ports that they had nothing is kept. */
static int save(struct vdev *d, struct buf *out)
{
	return saved_put(out, container_of(d, struct vsock, dev)->next_port);
}

static int restore(struct vdev *d, struct saved *in)
{
	struct vsock *v = container_of(d, struct vsock, dev);

	/* Not at once those again that the guest knows. */
	if (dial_go_on(v, saved_get(in, UINT32_MAX)) < 0)
		return -EINVAL;
	if ((atomic_load(&d->status) & VDEV_DRIVER_OK) && d->queues > EVENT)
		v->told = RESET_WANTED;
	return 0;
}

static const struct vdev_class vsock_class = {
	.name = "vsock",
	.virtio_id = 19,
	.queues = QUEUES,
	.queue_max = { [RX] = 64, [TX] = 256, [EVENT] = 16 },
	.start = start,
	.stop = stop,
	.reset = reset,
	.save = save,
	.restore = restore,
};

int vsock_new(struct loop *loop, const struct gmem *gm, uint64_t guest_cid, unsigned queues,
	void (*ready)(void *arg), void *arg, struct vsock **ret)
{
	struct vsock *v = calloc(1, sizeof(*v));
	struct vdev_spec spec = { .queues = queues, .config_len = sizeof(v->guest_cid) };
	int r;

	if (!v)
		return -ENOMEM;
	spec.config = &v->guest_cid;
	v->loop = loop;
	v->guest_cid = guest_cid;
	v->up = ready;
	v->up_arg = arg;
	list_init(&v->work);
	r = dial_init(v);
	if (r == 0)
		r = vdev_init(&v->dev, &vsock_class, gm, &spec);
	if (r < 0) {
		dial_done(v);
		free(v);
		return r;
	}
	*ret = v;
	return 0;
}

void vsock_free(struct vsock *v)
{
	if (!v)
		return;
	vdev_done(&v->dev);
	dial_done(v);
	free(v);
}

struct vdev *vsock_vdev(struct vsock *v)
{
	return &v->dev;
}
