/* The ttrpc server: see server.h. Everything in the loop's thread. */
#include "rpc/server.h"

#include "base/auto.h"
#include "base/fd.h"
#include "base/list.h"
#include "rpc/ttrpc.pb-c.h"

#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#define OUTSTANDING_MAX	 64
#define OUTPUT_MAX_BYTES (16 << 20) /* a peer that does not read is dropped */
#define READ_BYTES	 16384
#define KEEP_BYTES	 65536 /* an empty buffer larger than this is given back */

struct rpc_conn {
	struct rpc_server *server;
	int fd;
	struct loop_fd *lf;
	struct buf in, out;
	bool blocked;	/* output waits for the socket: EPOLLOUT is armed */
	bool lost;	/* nothing is sent any more; the loop closes it */
	uint32_t drain; /* bytes of an oversized frame still to be skipped */
	uint32_t last_stream;
	unsigned outstanding;
	struct list requests;
	struct list link;
};

struct rpc_request {
	struct rpc_conn *conn; /* NULL when it has ended */
	uint32_t stream;
	ProtobufCMessage *message;
	struct list link;
};

struct rpc_server {
	struct loop *loop;
	ProtobufCService *service;
	void (*conn_closed)(void *arg, struct rpc_conn *conn);
	void *arg;
	unsigned outstanding_max;
	struct list conns;
};

int rpc_server_new(struct loop *loop, ProtobufCService *service,
	void (*conn_closed)(void *arg, struct rpc_conn *conn), void *arg, struct rpc_server **ret)
{
	struct rpc_server *s = calloc(1, sizeof(*s));

	if (!s)
		return -ENOMEM;
	*s = (struct rpc_server){
		.loop = loop,
		.service = service,
		.conn_closed = conn_closed,
		.arg = arg,
		.outstanding_max = OUTSTANDING_MAX,
	};
	list_init(&s->conns);
	*ret = s;
	return 0;
}

void rpc_server_limit(struct rpc_server *s, unsigned outstanding_max)
{
	s->outstanding_max = outstanding_max;
}

static void conn_close(struct rpc_conn *c)
{
	struct rpc_server *s = c->server;

	loop_fd_remove(c->lf);
	list_del(&c->link);
	c->lost = true;
	close_fd(&c->fd);
	/* Before the requests are cut off, so that the callee can tell which were this one's. */
	if (s->conn_closed)
		s->conn_closed(s->arg, c);
	list_for_each_safe (r, &c->requests, struct rpc_request, link) {
		list_del(&r->link);
		r->conn = NULL;
	}
	buf_done(&c->in);
	buf_done(&c->out);
	free(c);
}

void rpc_server_free(struct rpc_server *s)
{
	if (!s)
		return;
	while (!list_empty(&s->conns))
		conn_close(container_of(s->conns.next, struct rpc_conn, link));
	free(s);
}

struct rpc_conn *rpc_request_conn(const struct rpc_request *r)
{
	return r->conn;
}

/* Not closed at once, since a handler may be at work on it: the loop sees the hang-up. */
static void conn_lose(struct rpc_conn *c)
{
	c->lost = true;
	shutdown(c->fd, SHUT_RDWR);
}

/* Gives the memory of a large message back when it is through. */
static void trim(struct buf *b)
{
	if (b->len == 0 && b->cap > KEEP_BYTES)
		buf_done(b);
}

/* Writes what the socket takes now. */
static void flush(struct rpc_conn *c)
{
	size_t sent = 0;
	bool blocked = false;

	while (sent < c->out.len && !blocked) {
		ssize_t n = send(
			c->fd, c->out.data + sent, c->out.len - sent, MSG_NOSIGNAL | MSG_DONTWAIT);

		if (n >= 0) {
			sent += (size_t)n;
		} else if (errno == EAGAIN) {
			blocked = true;
		} else if (errno != EINTR) {
			conn_lose(c);
			return;
		}
	}
	buf_consume(&c->out, sent);
	trim(&c->out);
	if (blocked == c->blocked)
		return;
	c->blocked = blocked;
	if (loop_fd_events(c->lf, blocked ? EPOLLIN | EPOLLOUT : EPOLLIN) < 0)
		conn_lose(c);
}

static int respond(struct rpc_conn *c, uint32_t stream, const Ttrpc__Response *response)
{
	int r;

	if (c->lost)
		return 0;
	r = ttrpc_frame_append(&c->out, stream, TTRPC_RESPONSE, &response->base);
	if (r < 0)
		return r;
	flush(c);
	if (c->out.len > OUTPUT_MAX_BYTES)
		conn_lose(c);
	return 0;
}

static void respond_error(
	struct rpc_conn *c, uint32_t stream, enum rpc_code code, const char *message)
{
	Ttrpc__Response response = TTRPC__RESPONSE__INIT;
	Ttrpc__Status status = TTRPC__STATUS__INIT;

	status.code = (int32_t)code;
	status.message = (char *)(uintptr_t)message;
	response.status = &status;
	/* A caller that would wait for ever for an answer is better off without a connection. */
	if (respond(c, stream, &response) < 0)
		conn_lose(c);
}

static void request_free(struct rpc_request *r)
{
	if (r->conn) {
		r->conn->outstanding--;
		list_del(&r->link);
	}
	protobuf_c_message_free_unpacked(r->message, NULL);
	free(r);
}

static int respond_message(struct rpc_conn *c, uint32_t stream, const ProtobufCMessage *reply)
{
	Ttrpc__Response response = TTRPC__RESPONSE__INIT;
	int r = ttrpc_payload(reply, &response.payload);

	if (r < 0)
		return r;
	r = respond(c, stream, &response);
	free(response.payload.data);
	return r;
}

void rpc_reply(struct rpc_request *r, const ProtobufCMessage *reply)
{
	int failed = r->conn ? respond_message(r->conn, r->stream, reply) : 0;

	if (failed)
		respond_error(r->conn, r->stream, RPC_RESOURCE_EXHAUSTED,
			failed == -EMSGSIZE ? "the answer is larger than 4 MiB" : "out of memory");
	request_free(r);
}

void rpc_reply_error(struct rpc_request *r, enum rpc_code code, const char *message)
{
	if (r->conn)
		respond_error(r->conn, r->stream, code, message);
	request_free(r);
}

void rpc_reply_err(struct rpc_request *r, const struct err *err)
{
	rpc_reply_error(r, rpc_code_from_errno(err->code), err->msg);
}

/* The generated handlers want a closure; answers go through rpc_reply(). */
static void no_closure(const ProtobufCMessage *message, void *data)
{
	(void)message;
	(void)data;
}

typedef void handler_fn(ProtobufCService *service, const ProtobufCMessage *in,
	ProtobufCClosure closure, void *data);

/* The handlers of a generated service stand behind its base, in the order of the methods. */
static handler_fn *find_handler(ProtobufCService *service, const Ttrpc__Request *envelope,
	const ProtobufCMessageDescriptor **ret_input)
{
	const ProtobufCServiceDescriptor *d = service->descriptor;
	const ProtobufCMethodDescriptor *m =
		protobuf_c_service_descriptor_get_method_by_name(d, envelope->method);
	handler_fn *const *handlers = (handler_fn *const *)(service + 1);

	if (!m || strcmp(envelope->service, d->name) != 0)
		return NULL;
	*ret_input = m->input;
	return handlers[m - d->methods];
}

static void dispatch(struct rpc_conn *c, uint32_t stream, const Ttrpc__Request *envelope)
{
	const ProtobufCMessageDescriptor *input;
	handler_fn *handler = find_handler(c->server->service, envelope, &input);
	struct rpc_request *r;

	if (!handler) {
		respond_error(c, stream, RPC_UNIMPLEMENTED, "unknown service or method");
		return;
	}
	if (c->outstanding >= c->server->outstanding_max) {
		respond_error(c, stream, RPC_RESOURCE_EXHAUSTED, "too many outstanding requests");
		return;
	}
	r = calloc(1, sizeof(*r));
	if (r)
		r->message = ttrpc_unpack(input, envelope->payload.len, envelope->payload.data);
	if (!r || !r->message) {
		free(r);
		respond_error(c, stream, RPC_INVALID_ARGUMENT, "the request cannot be decoded");
		return;
	}
	r->conn = c;
	r->stream = stream;
	c->outstanding++;
	list_add_tail(&c->requests, &r->link);
	handler(c->server->service, r->message, no_closure, r);
}

/* Answers with code 3 are those of the Go server (contracts.md 1.2). */
static bool take_stream(struct rpc_conn *c, uint32_t stream)
{
	if (stream % 2 == 0 || stream <= c->last_stream) {
		respond_error(c, stream, RPC_INVALID_ARGUMENT, "invalid stream id");
		return false;
	}
	c->last_stream = stream;
	return true;
}

static void request_frame(struct rpc_conn *c, const struct ttrpc_header *h, const uint8_t *data)
{
	Ttrpc__Request *envelope;

	if (!take_stream(c, h->stream))
		return;
	envelope = (Ttrpc__Request *)ttrpc_unpack(&ttrpc__request__descriptor, h->length, data);
	if (!envelope) {
		respond_error(c, h->stream, RPC_INVALID_ARGUMENT, "the request cannot be decoded");
		return;
	}
	dispatch(c, h->stream, envelope);
	ttrpc__request__free_unpacked(envelope, NULL);
}

/*
 * Handles what stands at the front: a whole frame, or the beginning or a further piece of one that
 * is too large. Frames of other types are skipped. Returns the bytes dealt with, 0: more must come.
 */
static size_t step(struct rpc_conn *c, const uint8_t *data, size_t len)
{
	size_t skipped = c->drain < len ? c->drain : len;
	struct ttrpc_header h;
	int r;

	c->drain -= (uint32_t)skipped;
	if (skipped)
		return skipped;
	r = ttrpc_frame_next(data, len, &h);
	if (r == 0)
		return 0;
	if (r > 0) {
		if (h.type == TTRPC_REQUEST)
			request_frame(c, &h, data + TTRPC_HEADER_LEN);
		return TTRPC_HEADER_LEN + h.length;
	}
	c->drain = h.length;
	if (h.type == TTRPC_REQUEST && take_stream(c, h.stream))
		respond_error(
			c, h.stream, RPC_RESOURCE_EXHAUSTED, "the request is larger than 4 MiB");
	return TTRPC_HEADER_LEN;
}

/* Reads once, so that other descriptors of the loop get their turn. */
static void receive(struct rpc_conn *c)
{
	size_t done = 0, n;
	ssize_t got;

	if (buf_reserve(&c->in, READ_BYTES) < 0) {
		conn_lose(c);
		return;
	}
	got = recv(c->fd, c->in.data + c->in.len, c->in.cap - c->in.len, MSG_DONTWAIT);
	if (got < 0 && (errno == EAGAIN || errno == EINTR))
		return;
	if (got <= 0) {
		c->lost = true;
		return;
	}
	c->in.len += (size_t)got;
	while (!c->lost && (n = step(c, c->in.data + done, c->in.len - done)) > 0)
		done += n;
	buf_consume(&c->in, done);
	trim(&c->in);
}

static void on_socket(void *arg, int fd, uint32_t events)
{
	struct rpc_conn *c = arg;

	(void)fd;
	if (!c->lost && (events & EPOLLOUT))
		flush(c);
	if (!c->lost && (events & (EPOLLIN | EPOLLHUP | EPOLLERR)))
		receive(c);
	if (c->lost)
		conn_close(c);
}

int rpc_server_add(struct rpc_server *s, int fd)
{
	struct rpc_conn *c = calloc(1, sizeof(*c));
	int r;

	if (!c) {
		close(fd);
		return -ENOMEM;
	}
	c->server = s;
	c->fd = fd;
	list_init(&c->requests);
	list_init(&c->link);
	r = loop_fd_add(s->loop, "rpc", fd, EPOLLIN, on_socket, c, &c->lf);
	if (r < 0) {
		close(fd);
		free(c);
		return r;
	}
	list_add_tail(&s->conns, &c->link);
	return 0;
}
