/*
 * Who is connected to whom: ports, listeners, connections and the time that a guest has to answer.
 * See device.h and vsock.h; loop thread.
 */
#include "base/auto.h"
#include "base/clock.h"
#include "dev/vsock/device.h"

#include <string.h>
#include <sys/socket.h>

/* Ports of our ends when we dial: the upper half of what the guest cannot be listening on. */
#define FIRST_HOST_PORT (1U << 30)
#define LAST_HOST_PORT	((1U << 31) - 1)
/* An emulated guest is slow to answer; one that is up answers within milliseconds. */
#define DIAL_TIMEOUT_MS 60000

static struct list *bucket_of(struct vsock *v, uint32_t guest_port, uint32_t host_port)
{
	return &v->bucket[(guest_port ^ guest_port >> 8 ^ host_port) % BUCKETS];
}

struct conn *dial_find(struct vsock *v, uint32_t guest_port, uint32_t host_port)
{
	list_for_each (c, bucket_of(v, guest_port, host_port), struct conn, bucket)
		if (c->guest_port == guest_port && c->host_port == host_port)
			return c;
	return NULL;
}

/* Takes the host's end also when it fails. */
static int conn_new(struct vsock *v, uint32_t guest_port, uint32_t host_port,
	const struct vsock_host_end *end, struct conn **ret)
{
	struct conn *c = v->count < CONNS_MAX ? calloc(1, sizeof(*c)) : NULL;
	int fd = end->fd, done_fd = end->done_fd;

	if (!c) {
		int r = v->count < CONNS_MAX ? -ENOMEM : -ENFILE;

		close_fd(&fd);
		close_fd(&done_fd);
		return r;
	}
	c->vsock = v;
	c->guest_port = guest_port;
	c->host_port = host_port;
	c->sending = end->to_guest;
	c->receiving = end->from_guest;
	host_init(&c->host, fd, done_fd);
	list_init(&c->work);
	list_init(&c->dialling);
	list_add_tail(&v->conns, &c->all);
	list_add_tail(bucket_of(v, guest_port, host_port), &c->bucket);
	v->count++;
	*ret = c;
	return 0;
}

void vsock_forget(struct conn *c)
{
	list_del(&c->bucket);
	list_del(&c->dialling);
	list_del(&c->work);
}

void conn_free(struct conn *c)
{
	vsock_forget(c);
	list_del(&c->all);
	host_close(&c->host);
	c->vsock->count--;
	free(c);
}

static const struct listener *listener_of(const struct vsock *v, uint32_t port)
{
	for (unsigned i = 0; i < v->listeners; i++)
		if (v->listener[i].port == port)
			return &v->listener[i];
	return NULL;
}

int vsock_listen(struct vsock *v, uint32_t port, vsock_accept_fn *fn, void *arg)
{
	if (listener_of(v, port))
		return -EADDRINUSE;
	if (v->listeners == LISTENERS_MAX)
		return -ENOSPC;
	v->listener[v->listeners++] = (struct listener){ port, fn, arg };
	return 0;
}

void dial_request(struct vsock *v, const struct vsock_packet *p)
{
	const struct listener *l = listener_of(v, p->dst_port);
	struct vsock_host_end end = { .done_fd = -1, .to_guest = true, .from_guest = true };
	struct conn *c;
	int sv[2];

	/* Only ports that are listened on; the rest of the host is not there. */
	if (!l || socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, sv) < 0) {
		vsock_queue_reset(v, p->src_port, p->dst_port, p->type);
		return;
	}
	end.fd = sv[0];
	if (conn_new(v, p->src_port, p->dst_port, &end, &c) < 0) {
		close(sv[1]);
		vsock_queue_reset(v, p->src_port, p->dst_port, p->type);
		return;
	}
	c->peer_alloc = p->buf_alloc;
	c->peer_fwd = p->fwd_cnt;
	c->pending = PENDING_RESPONSE;
	conn_open(c);
	conn_settle(c);
	l->accepted(l->arg, p->src_port, sv[1]);
}

/* The oldest dial has the earliest deadline: all have the same time. */
static void arm_timer(struct vsock *v)
{
	int64_t now = clock_now_ms(), at;

	if (list_empty(&v->dialling))
		return;
	at = container_of(v->dialling.next, struct conn, dialling)->deadline_ms;
	/* Cannot fail on our own timer; a dial would only wait longer. */
	(void)!loop_timer_set(v->timer, at > now ? (uint64_t)(at - now) : 1);
}

static void fail(struct conn *c, int code)
{
	conn_gone(c);
	conn_answer(c, code);
	conn_settle(c);
}

static void on_timer(void *arg)
{
	struct vsock *v = arg;
	int64_t now = clock_now_ms();

	/* From the head each time: a callback may dial again or end others. */
	while (!list_empty(&v->dialling)) {
		struct conn *c = container_of(v->dialling.next, struct conn, dialling);

		if (c->deadline_ms > now)
			break;
		/* An answer that comes yet is refused. */
		if (!(c->pending & PENDING_REQUEST))
			vsock_queue_reset(v, c->guest_port, c->host_port, VSOCK_TYPE_STREAM);
		fail(c, ETIMEDOUT);
	}
	arm_timer(v);
	vsock_pump(v);
}

static uint32_t free_port(struct vsock *v, uint32_t guest_port)
{
	do
		v->next_port = v->next_port == LAST_HOST_PORT ? FIRST_HOST_PORT : v->next_port + 1;
	while (dial_find(v, guest_port, v->next_port));
	return v->next_port;
}

int vsock_connect(struct vsock *v, uint32_t port, const struct vsock_host_end *end,
	vsock_connected_fn *fn, void *arg)
{
	struct conn *c;
	int r = conn_new(v, port, free_port(v, port), end, &c);

	if (r < 0)
		return r;
	if (end->fd < 0 || end->preamble_len > PREAMBLE_MAX_BYTES ||
		(!end->to_guest && !end->from_guest)) {
		conn_free(c);
		return -EINVAL;
	}
	if (end->preamble_len)
		memcpy(c->preamble, end->preamble, end->preamble_len);
	c->preamble_len = (unsigned)end->preamble_len;
	c->connected = fn;
	c->connected_arg = arg;
	c->pending = PENDING_REQUEST;
	c->deadline_ms = clock_now_ms() + DIAL_TIMEOUT_MS;
	list_add_tail(&v->dialling, &c->dialling);
	arm_timer(v);
	conn_settle(c);
	vsock_pump(v);
	return 0;
}

int dial_init(struct vsock *v)
{
	list_init(&v->conns);
	list_init(&v->dialling);
	for (unsigned i = 0; i < BUCKETS; i++)
		list_init(&v->bucket[i]);
	v->next_port = FIRST_HOST_PORT;
	return loop_timer_new(v->loop, on_timer, v, &v->timer);
}

int dial_go_on(struct vsock *v, uint64_t port)
{
	if (port < FIRST_HOST_PORT || port > LAST_HOST_PORT)
		return -EINVAL;
	v->next_port = (uint32_t)port;
	return 0;
}

void dial_reset(struct vsock *v)
{
	/* Those that a callback dials meanwhile wait for the next driver. */
	for (unsigned n = v->count; n && !list_empty(&v->conns); n--) {
		struct conn *c = container_of(v->conns.next, struct conn, all);

		list_del(&c->all);
		list_add_tail(&v->conns, &c->all);
		fail(c, ECONNRESET);
	}
}

void dial_done(struct vsock *v)
{
	dial_reset(v);
	while (!list_empty(&v->conns))
		conn_free(container_of(v->conns.next, struct conn, all));
	loop_timer_free(v->timer);
}
