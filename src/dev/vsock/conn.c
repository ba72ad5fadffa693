/* A stream connection: see conn.h. Credit is virtio 1.2, section 5.10.6.3. */
#include "dev/vsock/conn.h"

#include "base/auto.h"

#include <string.h>

#define PACKET_MAX_BYTES (64U << 10)
/* The guest hears of room in steps of this size, so that it never has to ask. */
#define CREDIT_STEP_BYTES (HOST_RING_BYTES / 4)

static uint32_t credit(const struct conn *c)
{
	uint32_t in_flight = c->tx_cnt - c->peer_fwd;

	/* A guest that shrinks its buffer below what is in flight must not gain by the wrap. */
	return in_flight >= c->peer_alloc ? 0 : c->peer_alloc - in_flight;
}

static void tell_shutdown(struct conn *c, uint32_t flag)
{
	if (c->shutdown & flag)
		return;
	c->shutdown |= flag;
	c->pending |= PENDING_SHUTDOWN;
}

/* The host's end gives no more, or the guest takes no more. */
static void end_sending(struct conn *c)
{
	c->sending = false;
	tell_shutdown(c, VSOCK_SHUTDOWN_SEND);
}

static void forwarded(struct conn *c, uint32_t n)
{
	c->fwd_cnt += n;
	if (c->fwd_cnt - c->fwd_told >= CREDIT_STEP_BYTES)
		c->pending |= PENDING_CREDIT;
}

/* The host's end takes no more: what waits is lost, and the guest's writer gets EPIPE. */
static void host_failed(struct conn *c)
{
	c->receiving = false;
	c->host.used = 0;
	forwarded(c, c->rx_cnt - c->fwd_cnt);
	tell_shutdown(c, VSOCK_SHUTDOWN_RECEIVE);
}

/* The guest sends no more and all is written. */
static void end_receiving(struct conn *c)
{
	c->receiving = false;
	host_end_writing(&c->host);
	tell_shutdown(c, VSOCK_SHUTDOWN_RECEIVE);
	/* Only a socket has halves; of anything else our whole end is closed (rpc/vmctl.h). */
	if (c->host.kind != HOST_SOCKET)
		end_sending(c);
}

static void flush(struct conn *c)
{
	ssize_t n = host_flush(&c->host);

	if (n < 0)
		host_failed(c);
	else
		forwarded(c, (uint32_t)n);
}

static void on_host(void *arg, int fd, uint32_t events)
{
	struct conn *c = arg;
	struct vsock *v = c->vsock;

	(void)fd;
	if (events & ~(uint32_t)EPOLLOUT)
		c->host.readable = true;
	if (events & (EPOLLOUT | EPOLLHUP | EPOLLERR)) {
		c->host.writable = true;
		/* A socket that hung up is closed at the other end: do not wait for a write. */
		if (c->receiving && c->host.kind == HOST_SOCKET && (events & EPOLLHUP))
			host_failed(c);
		else if (c->receiving)
			flush(c);
	}
	conn_settle(c);
	vsock_pump(v);
}

void conn_answer(struct conn *c, int code)
{
	vsock_connected_fn *fn = c->connected;

	c->connected = NULL;
	if (fn)
		fn(c->connected_arg, code);
}

void conn_open(struct conn *c)
{
	list_del(&c->dialling);
	c->state = CONN_OPEN;
	if (host_watch(&c->host, vsock_loop(c->vsock), on_host, c) < 0)
		c->sending = c->receiving = false;
	/* A direction that the host's end does not have is over from the start. */
	if (!c->sending)
		tell_shutdown(c, VSOCK_SHUTDOWN_SEND);
	if (!c->receiving)
		tell_shutdown(c, VSOCK_SHUTDOWN_RECEIVE);
	conn_answer(c, 0);
}

void conn_gone(struct conn *c)
{
	bool dialling = c->state == CONN_DIALLING;

	vsock_forget(c);
	c->state = CONN_GONE;
	c->sending = false;
	c->preamble_sent = c->preamble_len;
	c->pending = 0;
	/* As a SHUTDOWN: what the guest sent before is still written. */
	c->guest_shutdown = VSOCK_SHUTDOWN_BOTH;
	if (dialling)
		c->receiving = false;
}

/* The guest broke the protocol: nothing of this connection is of worth any more. */
static void violate(struct conn *c)
{
	bool dialling = c->state == CONN_DIALLING;

	vsock_queue_reset(c->vsock, c->guest_port, c->host_port, VSOCK_TYPE_STREAM);
	conn_gone(c);
	c->receiving = false;
	if (dialling)
		conn_answer(c, ECONNRESET);
}

static bool over(const struct conn *c)
{
	return c->state != CONN_DIALLING && !c->sending && !c->receiving;
}

static bool preamble_waits(const struct conn *c)
{
	return c->preamble_sent < c->preamble_len;
}

static bool data_waits(const struct conn *c)
{
	return preamble_waits(c) || (c->sending && c->host.readable);
}

/* A SHUTDOWN that says "no more data" must not overtake the preamble. */
static bool shutdown_waits(const struct conn *c)
{
	return (c->pending & PENDING_SHUTDOWN) && !preamble_waits(c);
}

static bool has_work(const struct conn *c)
{
	switch (c->state) {
	case CONN_DIALLING:
		return c->pending & PENDING_REQUEST;
	case CONN_OPEN:
		return (c->pending & (PENDING_RESPONSE | PENDING_CREDIT)) || shutdown_waits(c) ||
		       (data_waits(c) && (credit(c) || !c->credit_asked));
	default:
		return false;
	}
}

void conn_settle(struct conn *c)
{
	if (c->receiving && (c->guest_shutdown & VSOCK_SHUTDOWN_SEND) && c->host.used == 0)
		end_receiving(c);
	if (over(c))
		host_close(&c->host);
	if (over(c) && c->state == CONN_GONE) {
		conn_free(c);
		return;
	}
	if (!has_work(c))
		list_del(&c->work);
	else if (list_empty(&c->work))
		vsock_queue_work(c->vsock, c);
}

/* Packets of the guest. They return false when the guest may not send such a thing now. */

static bool on_response(struct conn *c, const struct vsock_packet *p, struct iovc *data)
{
	(void)p;
	(void)data;
	if (c->state != CONN_DIALLING || (c->pending & PENDING_REQUEST))
		return false;
	conn_open(c);
	return true;
}

static bool on_rst(struct conn *c, const struct vsock_packet *p, struct iovc *data)
{
	bool dialling = c->state == CONN_DIALLING;

	(void)p;
	(void)data;
	conn_gone(c);
	if (dialling)
		conn_answer(c, ECONNREFUSED);
	return true;
}

static bool on_shutdown(struct conn *c, const struct vsock_packet *p, struct iovc *data)
{
	(void)data;
	if (c->state != CONN_OPEN)
		return false;
	c->guest_shutdown |= p->flags & VSOCK_SHUTDOWN_BOTH;
	if (c->guest_shutdown == VSOCK_SHUTDOWN_BOTH) {
		/* Answered at once: the guest does not wait for a slow reader of ours. */
		vsock_queue_reset(c->vsock, c->guest_port, c->host_port, VSOCK_TYPE_STREAM);
		conn_gone(c);
	} else if ((c->guest_shutdown & VSOCK_SHUTDOWN_RECEIVE) && c->sending) {
		host_end_reading(&c->host);
		c->preamble_sent = c->preamble_len;
		end_sending(c);
	}
	return true;
}

static bool on_data(struct conn *c, const struct vsock_packet *p, struct iovc *data)
{
	uint32_t room = HOST_RING_BYTES - (c->rx_cnt - c->fwd_cnt);
	ssize_t n;

	if (c->state != CONN_OPEN || (c->guest_shutdown & VSOCK_SHUTDOWN_SEND) || p->len > room ||
		p->len > data->left)
		return false;
	c->rx_cnt += p->len;
	if (!c->receiving) {
		/* Was under way when the guest was told: dropped, but its room is given back. */
		forwarded(c, p->len);
		return true;
	}
	n = host_write(&c->host, data, p->len);
	if (n < 0)
		host_failed(c);
	else
		forwarded(c, (uint32_t)n);
	return true;
}

static bool on_credit_update(struct conn *c, const struct vsock_packet *p, struct iovc *data)
{
	(void)p;
	(void)data;
	return c->state == CONN_OPEN;
}

static bool on_credit_request(struct conn *c, const struct vsock_packet *p, struct iovc *data)
{
	(void)p;
	(void)data;
	c->pending |= PENDING_CREDIT;
	return c->state == CONN_OPEN;
}

static bool (*const handlers[])(struct conn *c, const struct vsock_packet *p, struct iovc *data) = {
	[VSOCK_OP_RESPONSE] = on_response,
	[VSOCK_OP_RST] = on_rst,
	[VSOCK_OP_SHUTDOWN] = on_shutdown,
	[VSOCK_OP_RW] = on_data,
	[VSOCK_OP_CREDIT_UPDATE] = on_credit_update,
	[VSOCK_OP_CREDIT_REQUEST] = on_credit_request,
};

void conn_packet_in(struct conn *c, const struct vsock_packet *p, struct iovc *data)
{
	c->peer_alloc = p->buf_alloc;
	c->peer_fwd = p->fwd_cnt;
	if (credit(c))
		c->credit_asked = false;
	if (p->op >= ARRAY_LEN(handlers) || !handlers[p->op] || !handlers[p->op](c, p, data))
		violate(c);
	conn_settle(c);
}

/* Packets for the guest. */

static bool control(struct conn *c, enum conn_pending bit, enum vsock_op op, struct vsock_packet *p)
{
	if (!(c->pending & bit))
		return false;
	c->pending &= ~(unsigned)bit;
	p->op = (uint16_t)op;
	if (op == VSOCK_OP_SHUTDOWN)
		p->flags = c->shutdown;
	return true;
}

/* At most max bytes of preamble or of the host's, to the cursor. As host_read(). */
static ssize_t take_data(struct conn *c, struct iovc *in, size_t max)
{
	struct iovec iov[VQ_IOV_MAX];

	if (preamble_waits(c)) {
		size_t n = c->preamble_len - c->preamble_sent;

		n = iovc_write(in, c->preamble + c->preamble_sent, n < max ? n : max);
		c->preamble_sent += (unsigned)n;
		return (ssize_t)n;
	}
	return host_read(&c->host, iov, iovc_peek(in, max, iov, VQ_IOV_MAX));
}

/* A packet of data, or the question for room. */
static bool data(struct conn *c, const struct iovc *in, struct vsock_packet *p)
{
	struct iovc body = *in;
	size_t max = credit(c);
	ssize_t n;

	if (max == 0) {
		p->op = VSOCK_OP_CREDIT_REQUEST;
		return !c->credit_asked && (c->credit_asked = true);
	}
	if (max > PACKET_MAX_BYTES)
		max = PACKET_MAX_BYTES;
	iovc_skip(&body, sizeof(*p));
	n = take_data(c, &body, max);
	if (n == 0)
		end_sending(c);
	if (n <= 0)
		return false;
	c->tx_cnt += (uint32_t)n;
	p->op = VSOCK_OP_RW;
	p->len = (uint32_t)n;
	return true;
}

static bool shutdown_packet(struct conn *c, struct vsock_packet *p)
{
	return shutdown_waits(c) && control(c, PENDING_SHUTDOWN, VSOCK_OP_SHUTDOWN, p);
}

/* In this order: a SHUTDOWN for the data that has just ended follows in the same turn. */
static bool choose(struct conn *c, const struct iovc *in, struct vsock_packet *p)
{
	if (c->state == CONN_DIALLING)
		return control(c, PENDING_REQUEST, VSOCK_OP_REQUEST, p);
	return control(c, PENDING_RESPONSE, VSOCK_OP_RESPONSE, p) || shutdown_packet(c, p) ||
	       (data_waits(c) && data(c, in, p)) || shutdown_packet(c, p) ||
	       control(c, PENDING_CREDIT, VSOCK_OP_CREDIT_UPDATE, p);
}

bool conn_packet_out(struct conn *c, const struct iovc *in, struct vsock_packet *p)
{
	*p = (struct vsock_packet){
		.src_cid = VSOCK_CID_HOST,
		.dst_cid = vsock_guest_cid(c->vsock),
		.src_port = c->host_port,
		.dst_port = c->guest_port,
		.type = VSOCK_TYPE_STREAM,
		.buf_alloc = HOST_RING_BYTES,
		.fwd_cnt = c->fwd_cnt,
	};
	if (!choose(c, in, p))
		return false;
	/* Every packet carries our credit. */
	c->fwd_told = c->fwd_cnt;
	c->pending &= ~(unsigned)PENDING_CREDIT;
	return true;
}
