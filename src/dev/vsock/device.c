/*
 * The virtio-vsock device: queues, packets, the table of connections. See vsock.h. Everything in
 * the loop's thread; a guest that breaks the protocol loses its connection, one that breaks a ring
 * loses the device.
 */
#include "base/auto.h"
#include "dev/vsock/conn.h"

#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

enum { RX, TX, EVENT, QUEUES };

#define HOST_CID	   2
#define BUCKETS		   256
#define CONNS_MAX	   1024
#define LISTENERS_MAX	   4
#define RESETS_MAX	   128
#define PACKET_MAX_BYTES   (64U << 10)
#define FIRST_HOST_PORT	   (1U << 30)
#define LAST_HOST_PORT	   ((1U << 31) - 1)
#define CONNECT_TIMEOUT_MS 60000
#define PREAMBLE_MAX_BYTES 64

struct listener {
	uint32_t port;
	vsock_accept_fn *accept;
	void *arg;
};

/* A packet nobody wants is answered with RST; these wait for room in the RX queue. */
struct reset {
	uint32_t guest_port, host_port;
};

struct vsock {
	struct vdev dev;
	uint64_t guest_cid; /* the config space */
	struct loop *loop;
	struct loop_fd *kick[QUEUES];
	struct loop_timer *timer;
	void (*up)(void *arg);
	void *up_arg;
	struct listener listener[LISTENERS_MAX];
	unsigned listeners;
	struct list bucket[BUCKETS];
	struct list ready;
	unsigned conns;
	uint32_t next_port;
	struct reset reset[RESETS_MAX];
	unsigned resets;
	struct vq_chain chain;
	bool pumping;
};

static uint64_t now_ms(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (uint64_t)ts.tv_sec * 1000 + (uint64_t)ts.tv_nsec / 1000000;
}

static struct list *bucket_of(struct vsock *v, uint32_t guest_port, uint32_t host_port)
{
	return &v->bucket[(guest_port ^ host_port ^ host_port >> 8) % BUCKETS];
}

static struct conn *find(struct vsock *v, uint32_t guest_port, uint32_t host_port)
{
	list_for_each (c, bucket_of(v, guest_port, host_port), struct conn, bucket)
		if (c->guest_port == guest_port && c->host_port == host_port)
			return c;
	return NULL;
}

static void queue_reset(struct vsock *v, uint32_t guest_port, uint32_t host_port)
{
	/* Beyond that the guest floods us, and may do without answers. */
	if (v->resets < RESETS_MAX)
		v->reset[v->resets++] = (struct reset){ guest_port, host_port };
}

static void answered(struct conn *c, int code)
{
	vsock_connected_fn *fn = c->connected;

	c->connecting = false;
	c->connected = NULL;
	if (fn)
		fn(c->connected_arg, code);
}

static void conn_free(struct conn *c, int code)
{
	struct vsock *v = c->vsock;

	if (!c->reset)
		queue_reset(v, c->guest_port, c->host_port);
	list_del(&c->bucket);
	list_del(&c->ready);
	conn_detach(c);
	v->conns--;
	answered(c, code);
	free(c);
}

/* After anything has happened to c: ends it, or sees to it that what it can do gets done. */
static void settle(struct conn *c)
{
	struct vsock *v = c->vsock;

	if (conn_over(c)) {
		conn_free(c, 0);
		return;
	}
	conn_update_events(c);
	if (conn_has_work(c) && list_empty(&c->ready))
		list_add_tail(&v->ready, &c->ready);
	else if (!conn_has_work(c))
		list_del(&c->ready);
}

static void fill_header(struct conn *c, struct vsock_packet *p, enum vsock_op op)
{
	*p = (struct vsock_packet){
		.src_cid = HOST_CID,
		.dst_cid = c->vsock->guest_cid,
		.src_port = c->host_port,
		.dst_port = c->guest_port,
		.type = VSOCK_TYPE_STREAM,
		.op = (uint16_t)op,
		.buf_alloc = CONN_BUFFER_BYTES,
		.fwd_cnt = c->fwd_cnt,
	};
	c->fwd_told = c->fwd_cnt;
	c->pending &= ~(unsigned)PENDING_CREDIT;
}

static const struct {
	enum conn_pending bit;
	enum vsock_op op;
} control_ops[] = {
	{ PENDING_REQUEST, VSOCK_OP_REQUEST },
	{ PENDING_RESPONSE, VSOCK_OP_RESPONSE },
	{ PENDING_SHUTDOWN, VSOCK_OP_SHUTDOWN },
	{ PENDING_CREDIT, VSOCK_OP_CREDIT_UPDATE },
};

/* The next control packet of c, if one may go out now. Data goes before a SHUTDOWN by its nature:
 * the end of sending is only known after the last byte was read. */
static bool control_packet(struct conn *c, struct vsock_packet *p)
{
	for (size_t i = 0; i < ARRAY_LEN(control_ops); i++) {
		if (!(c->pending & control_ops[i].bit))
			continue;
		if (c->connecting && control_ops[i].bit != PENDING_REQUEST)
			continue;
		c->pending &= ~(unsigned)control_ops[i].bit;
		fill_header(c, p, control_ops[i].op);
		if (control_ops[i].op == VSOCK_OP_SHUTDOWN)
			p->flags = c->shutdown;
		return true;
	}
	return false;
}

/* Reads host bytes behind the room for the header. true: *p is a packet to send. */
static bool data_packet(struct conn *c, const struct vq_chain *chain, struct vsock_packet *p)
{
	struct iovec iov[VQ_IOV_MAX];
	struct iovc in = iovc_in(chain);
	size_t max = conn_credit(c);
	unsigned n;
	ssize_t got;

	iovc_skip(&in, sizeof(*p));
	if (max > in.left)
		max = in.left;
	if (max > PACKET_MAX_BYTES)
		max = PACKET_MAX_BYTES;
	n = iovc_peek(&in, max, iov, VQ_IOV_MAX);
	if (n == 0)
		return false;
	got = conn_read(c, iov, n);
	if (got == -EAGAIN) {
		c->readable = false;
		return false;
	}
	if (got <= 0) {
		conn_end_sending(c);
		return control_packet(c, p);
	}
	c->tx_cnt += (uint32_t)got;
	fill_header(c, p, VSOCK_OP_RW);
	p->len = (uint32_t)got;
	return true;
}

static bool next_packet(struct vsock *v, const struct vq_chain *chain, struct vsock_packet *p)
{
	if (v->resets) {
		const struct reset *r = &v->reset[--v->resets];

		*p = (struct vsock_packet){
			.src_cid = HOST_CID,
			.dst_cid = v->guest_cid,
			.src_port = r->host_port,
			.dst_port = r->guest_port,
			.type = VSOCK_TYPE_STREAM,
			.op = VSOCK_OP_RST,
		};
		return true;
	}
	while (!list_empty(&v->ready)) {
		struct conn *c = container_of(v->ready.next, struct conn, ready);
		bool sent = control_packet(c, p);

		if (!sent && !c->connecting && c->sending && (c->preamble.len || c->readable) &&
			conn_credit(c))
			sent = data_packet(c, chain, p);
		/* To the end of the list, so that connections take turns. */
		list_del(&c->ready);
		settle(c);
		if (sent)
			return true;
	}
	return false;
}

static bool has_work(const struct vsock *v)
{
	return v->resets || !list_empty(&v->ready);
}

static void lost_ring(struct vsock *v)
{
	vdev_broken(&v->dev);
}

/* Moves what is ready into the guest's RX buffers, one interrupt for all of it. */
static void pump(struct vsock *v)
{
	struct vq *q = &v->dev.queue[RX];
	int got = 0;

	if (v->pumping || !v->dev.running)
		return;
	v->pumping = true;
	vq_notify_off(q);
	while (has_work(v)) {
		struct vsock_packet p;
		struct iovc in;

		got = vq_pop(q, &v->chain);
		/* Without buffers, be told of the next; one may have come just now. */
		if (got == 0 && vq_notify_on(q))
			continue;
		if (got <= 0)
			break;
		/* A buffer that takes no data is of no use; to keep it could stall us for ever. */
		if (v->chain.in_len <= sizeof(p)) {
			vq_push(q, v->chain.head, 0);
			continue;
		}
		if (!next_packet(v, &v->chain, &p)) {
			vq_unpop(q);
			continue;
		}
		in = iovc_in(&v->chain);
		iovc_write(&in, &p, sizeof(p));
		vq_push(q, v->chain.head, (uint32_t)sizeof(p) + p.len);
	}
	v->pumping = false;
	if (got < 0)
		lost_ring(v);
	vdev_interrupt_queue(&v->dev, q);
}

/* The host's descriptor is ready, or hung up. */
static void on_host(void *arg, int fd, uint32_t events)
{
	struct conn *c = arg;
	struct vsock *v = c->vsock;
	bool hung_up = events & (EPOLLHUP | EPOLLERR);

	(void)fd;
	if ((hung_up || (events & EPOLLIN)) && c->sending)
		c->readable = true;
	if (hung_up || (events & EPOLLOUT))
		conn_flush(c);
	if (hung_up) {
		/* epoll would report it for ever; what is left to read stays readable. */
		loop_fd_remove(c->lf);
		c->lf = NULL;
		/* Nobody reads any more: the guest's writer shall know without another write. */
		if (c->receiving && ((events & EPOLLERR) || c->kind == HOST_SOCKET || c->out.len))
			conn_end_receiving(c);
	}
	settle(c);
	pump(v);
}

static struct conn *conn_new(struct vsock *v, uint32_t guest_port, uint32_t host_port)
{
	struct conn *c = v->conns < CONNS_MAX ? calloc(1, sizeof(*c)) : NULL;

	if (!c)
		return NULL;
	c->vsock = v;
	c->guest_port = guest_port;
	c->host_port = host_port;
	c->fd = c->done_fd = -1;
	list_init(&c->ready);
	list_add_tail(bucket_of(v, guest_port, host_port), &c->bucket);
	v->conns++;
	return c;
}

static const struct listener *listener_of(const struct vsock *v, uint32_t port)
{
	for (unsigned i = 0; i < v->listeners; i++)
		if (v->listener[i].port == port)
			return &v->listener[i];
	return NULL;
}

/* The guest dials: only ports that are listened on, everything else is reset. */
static void on_dial(struct vsock *v, const struct vsock_packet *p)
{
	const struct listener *l = listener_of(v, p->dst_port);
	struct vsock_host_end end = { .fd = -1, .done_fd = -1 };
	struct conn *c = l ? conn_new(v, p->src_port, p->dst_port) : NULL;
	int sv[2];

	if (!c) {
		queue_reset(v, p->src_port, p->dst_port);
		return;
	}
	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, sv) < 0) {
		conn_free(c, 0);
		return;
	}
	end.fd = sv[0];
	conn_attach(c, &end);
	c->sending = c->receiving = true;
	if (conn_watch(c, v->loop, on_host) < 0) {
		close(sv[1]);
		conn_free(c, 0);
		return;
	}
	c->peer_alloc = p->buf_alloc;
	c->peer_fwd = p->fwd_cnt;
	c->pending = PENDING_RESPONSE;
	settle(c);
	l->accept(l->arg, p->src_port, sv[1]);
}

static void on_response(struct conn *c)
{
	if (!c->connecting)
		return;
	answered(c, 0);
	if (conn_watch(c, c->vsock->loop, on_host) < 0)
		c->sending = c->receiving = false;
	/* A direction that the host's end does not have is closed from the start. */
	if (!c->sending)
		conn_end_sending(c);
	if (!c->receiving)
		conn_end_receiving(c);
}

static void on_rst(struct conn *c)
{
	c->reset = true;
	c->sending = false;
	if (c->connecting) {
		conn_free(c, ECONNREFUSED);
		return;
	}
	/* What the guest had sent before is still written. */
	c->guest_done = true;
	c->pending = 0;
	conn_flush(c);
	settle(c);
}

static void on_shutdown(struct conn *c, uint32_t flags)
{
	if (flags & VSOCK_SHUTDOWN_RECEIVE) {
		c->sending = false;
		c->readable = false;
	}
	if (flags & VSOCK_SHUTDOWN_SEND) {
		c->guest_done = true;
		conn_flush(c);
	}
}

static void on_data(struct conn *c, const struct vsock_packet *p, struct iovc *data)
{
	/* More than we said there is room for: this guest's driver does not play by the rules. */
	if (p->len > data->left || c->guest_done || c->connecting ||
		c->rx_cnt - c->fwd_cnt + p->len > CONN_BUFFER_BYTES ||
		conn_receive(c, data, p->len) < 0) {
		c->receiving = false;
		c->sending = false;
		buf_done(&c->out);
	}
}

static void on_packet(struct vsock *v, const struct vsock_packet *p, struct iovc *data)
{
	struct conn *c;

	if (p->src_cid != v->guest_cid || p->dst_cid != HOST_CID)
		return;
	c = find(v, p->src_port, p->dst_port);
	if (p->type != VSOCK_TYPE_STREAM || (!c && p->op != VSOCK_OP_REQUEST)) {
		if (p->op != VSOCK_OP_RST)
			queue_reset(v, p->src_port, p->dst_port);
		return;
	}
	if (!c) {
		on_dial(v, p);
		return;
	}
	if (c->reset)
		return;
	c->peer_alloc = p->buf_alloc;
	c->peer_fwd = p->fwd_cnt;
	switch (p->op) {
	case VSOCK_OP_RESPONSE:
		on_response(c);
		break;
	case VSOCK_OP_RST:
		on_rst(c);
		return;
	case VSOCK_OP_SHUTDOWN:
		on_shutdown(c, p->flags);
		break;
	case VSOCK_OP_RW:
		on_data(c, p, data);
		break;
	case VSOCK_OP_CREDIT_REQUEST:
		c->pending |= PENDING_CREDIT;
		break;
	case VSOCK_OP_CREDIT_UPDATE:
		break;
	default:
		c->sending = c->receiving = false;
		buf_done(&c->out);
		break;
	}
	settle(c);
}

static void on_tx(void *arg, int fd, uint32_t events)
{
	struct vsock *v = arg;
	struct vq *q = &v->dev.queue[TX];
	uint64_t count, one = 1;
	unsigned budget = q->size;
	int got = 0;

	(void)events;
	(void)!read(fd, &count, sizeof(count));
	do {
		vq_notify_off(q);
		while (budget && (got = vq_pop(q, &v->chain)) > 0) {
			budget--;
			struct iovc out = iovc_out(&v->chain);
			uint16_t head = v->chain.head;
			struct vsock_packet p;

			if (iovc_read(&out, &p, sizeof(p)) == sizeof(p))
				on_packet(v, &p, &out);
			vq_push(q, head, 0);
		}
	} while (budget && got == 0 && vq_notify_on(q));
	if (budget == 0) /* the others have their turn before we go on */
		(void)!write(fd, &one, sizeof(one));
	else if (got < 0)
		lost_ring(v);
	vdev_interrupt_queue(&v->dev, q);
	pump(v);
}

static void on_rx(void *arg, int fd, uint32_t events)
{
	uint64_t count;

	(void)events;
	(void)!read(fd, &count, sizeof(count));
	pump(arg);
}

static void drop_all(struct vsock *v)
{
	for (unsigned i = 0; i < BUCKETS; i++)
		while (!list_empty(&v->bucket[i]))
			conn_free(container_of(v->bucket[i].next, struct conn, bucket), ECONNRESET);
	v->resets = 0;
}

static void on_timer(void *arg)
{
	struct vsock *v = arg;
	uint64_t now = now_ms();

	for (unsigned i = 0; i < BUCKETS; i++)
		list_for_each_safe (c, &v->bucket[i], struct conn, bucket)
			if (c->connecting && c->deadline_ms <= now)
				conn_free(c, ETIMEDOUT);
	pump(v);
}

static void watch(void *arg)
{
	struct vsock *v = arg;

	if (loop_fd_add(v->loop, "vsock rx", v->dev.queue[RX].kick_fd, EPOLLIN, on_rx, v,
		    &v->kick[RX]) == 0)
		(void)!loop_fd_add(v->loop, "vsock tx", v->dev.queue[TX].kick_fd, EPOLLIN, on_tx, v,
			&v->kick[TX]);
	if (v->up)
		v->up(v->up_arg);
}

static void unwatch(void *arg)
{
	struct vsock *v = arg;

	for (unsigned i = 0; i < QUEUES; i++) {
		loop_fd_remove(v->kick[i]);
		v->kick[i] = NULL;
	}
	drop_all(v);
}

static int start(struct vdev *d)
{
	struct vsock *v = container_of(d, struct vsock, dev);

	loop_call(v->loop, watch, v);
	return v->kick[RX] && v->kick[TX] ? 0 : -EIO;
}

static void stop(struct vdev *d)
{
	struct vsock *v = container_of(d, struct vsock, dev);

	loop_call(v->loop, unwatch, v);
}

static const struct vdev_class vsock_class = {
	.name = "vsock",
	.virtio_id = 19,
	.queues = QUEUES,
	.queue_max = { 256, 256, 16 },
	.start = start,
	.stop = stop,
};

int vsock_new(struct loop *loop, const struct gmem *gm, uint64_t guest_cid, void (*up)(void *arg),
	void *arg, struct vsock **ret)
{
	struct vsock *v = calloc(1, sizeof(*v));
	int r;

	if (!v)
		return -ENOMEM;
	v->loop = loop;
	v->guest_cid = guest_cid;
	v->up = up;
	v->up_arg = arg;
	v->next_port = FIRST_HOST_PORT;
	list_init(&v->ready);
	for (unsigned i = 0; i < BUCKETS; i++)
		list_init(&v->bucket[i]);
	r = loop_timer_new(loop, on_timer, v, &v->timer);
	if (r == 0)
		r = vdev_init(&v->dev, &vsock_class, gm, 0, &v->guest_cid, sizeof(v->guest_cid));
	if (r < 0) {
		loop_timer_free(v->timer);
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
	drop_all(v);
	loop_timer_free(v->timer);
	free(v);
}

struct vdev *vsock_vdev(struct vsock *v)
{
	return &v->dev;
}

int vsock_listen(struct vsock *v, uint32_t port, vsock_accept_fn *fn, void *arg)
{
	if (v->listeners == LISTENERS_MAX || listener_of(v, port))
		return -EBUSY;
	v->listener[v->listeners++] = (struct listener){ port, fn, arg };
	return 0;
}

static uint32_t free_port(struct vsock *v, uint32_t guest_port)
{
	do
		v->next_port = v->next_port == LAST_HOST_PORT ? FIRST_HOST_PORT : v->next_port + 1;
	while (find(v, guest_port, v->next_port));
	return v->next_port;
}

static int dial(struct vsock *v, struct conn *c, const struct vsock_host_end *end)
{
	int r;

	if (end->preamble_len > PREAMBLE_MAX_BYTES)
		return -EINVAL;
	r = buf_append(&c->preamble, end->preamble, end->preamble_len);
	if (r < 0)
		return r;
	conn_attach(c, end);
	c->connecting = true;
	/* The preamble goes out even when the host's end itself has nothing for the guest. */
	c->sending = end->to_guest || end->preamble_len;
	c->receiving = end->from_guest;
	c->preamble_only = c->readable = !end->to_guest;
	c->pending = PENDING_REQUEST;
	c->deadline_ms = now_ms() + CONNECT_TIMEOUT_MS;
	return loop_timer_set(v->timer, CONNECT_TIMEOUT_MS + 1);
}

int vsock_connect(struct vsock *v, uint32_t port, const struct vsock_host_end *end,
	vsock_connected_fn *fn, void *arg)
{
	struct conn *c = conn_new(v, port, free_port(v, port));
	int fd = end->fd, done_fd = end->done_fd, r;

	r = c ? dial(v, c, end) : -ENOSPC;
	if (r < 0) {
		if (!c || c->fd < 0) {
			close_fd(&fd);
			close_fd(&done_fd);
		}
		if (c) {
			c->reset = true; /* the guest has not heard of it */
			conn_free(c, 0);
		}
		return r;
	}
	c->connected = fn;
	c->connected_arg = arg;
	settle(c);
	pump(v);
	return 0;
}
