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

struct rpc_conn {
	struct rpc_server *server;
	int fd;
	struct loop_fd *lf;
	struct buf in, out;
	bool blocked;	/* output waits for the socket: EPOLLOUT is armed */
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
	};
	list_init(&s->conns);
	*ret = s;
	return 0;
}

static void conn_close(struct rpc_conn *c)
{
	struct rpc_server *s = c->server;

	loop_fd_remove(c->lf);
	c->lf = NULL;
	close_fd(&c->fd);
	list_del(&c->link);
	list_for_each_safe (r, &c->requests, struct rpc_request, link) {
		list_del(&r->link);
		r->conn = NULL;
	}
	if (s->conn_closed)
		s->conn_closed(s->arg, c);
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

/* Writes what the socket takes now. false: the connection is lost (not closed
 * here). */
static bool flush(struct rpc_conn *c)
{
	bool blocked = false;

	while (c->out.len && !blocked) {
		ssize_t n = send(c->fd, c->out.data, c->out.len, MSG_NOSIGNAL | MSG_DONTWAIT);

		if (n >= 0)
			buf_consume(&c->out, (size_t)n);
		else if (errno == EAGAIN)
			blocked = true;
		else if (errno != EINTR)
			return false;
	}
	if (blocked != c->blocked) {
		c->blocked = blocked;
		return loop_fd_events(c->lf, blocked ? EPOLLIN | EPOLLOUT : EPOLLIN) == 0;
	}
	return true;
}

static void respond(struct rpc_conn *c, uint32_t stream, const Ttrpc__Response *response)
{
	size_t len = ttrpc__response__get_packed_size(response);
	struct ttrpc_header h = { .stream = stream, .type = TTRPC_RESPONSE };

	if (len > TTRPC_MESSAGE_MAX || buf_reserve(&c->out, TTRPC_HEADER_LEN + len) < 0)
		return;
	h.length = (uint32_t)len;
	ttrpc_header_pack(&h, c->out.data + c->out.len);
	ttrpc__response__pack(response, c->out.data + c->out.len + TTRPC_HEADER_LEN);
	c->out.len += TTRPC_HEADER_LEN + len;
	/* A lost connection shows as a hang-up in the loop; nothing is closed under a
	 * caller here. */
	(void)flush(c);
}

static void respond_error(
	struct rpc_conn *c, uint32_t stream, enum rpc_code code, const char *message)
{
	Ttrpc__Response response = TTRPC__RESPONSE__INIT;
	Ttrpc__Status status = TTRPC__STATUS__INIT;

	status.code = (int32_t)code;
	status.message = (char *)(uintptr_t)message;
	response.status = &status;
	respond(c, stream, &response);
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

void rpc_reply(struct rpc_request *r, const ProtobufCMessage *reply)
{
	Ttrpc__Response response = TTRPC__RESPONSE__INIT;
	size_t len = protobuf_c_message_get_packed_size(reply);
	AUTO_FREE uint8_t *bytes = malloc(len ? len : 1);

	if (r->conn && bytes) {
		response.payload.len = protobuf_c_message_pack(reply, bytes);
		response.payload.data = bytes;
		respond(r->conn, r->stream, &response);
	} else if (r->conn) {
		respond_error(r->conn, r->stream, RPC_RESOURCE_EXHAUSTED, "out of memory");
	}
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

static void dispatch(struct rpc_conn *c, uint32_t stream, const Ttrpc__Request *envelope)
{
	const ProtobufCServiceDescriptor *d = c->server->service->descriptor;
	const ProtobufCMethodDescriptor *m =
		protobuf_c_service_descriptor_get_method_by_name(d, envelope->method);
	struct rpc_request *r;

	if (strcmp(envelope->service, d->name) != 0 || !m) {
		respond_error(c, stream, RPC_UNIMPLEMENTED, "unknown service or method");
		return;
	}
	if (c->outstanding >= OUTSTANDING_MAX) {
		respond_error(c, stream, RPC_RESOURCE_EXHAUSTED, "too many outstanding requests");
		return;
	}
	r = calloc(1, sizeof(*r));
	if (r)
		r->message = protobuf_c_message_unpack(
			m->input, NULL, envelope->payload.len, envelope->payload.data);
	if (!r || !r->message) {
		free(r);
		respond_error(c, stream, RPC_INVALID_ARGUMENT, "the request cannot be decoded");
		return;
	}
	r->conn = c;
	r->stream = stream;
	c->outstanding++;
	list_add_tail(&c->requests, &r->link);
	c->server->service->invoke(
		c->server->service, (unsigned)(m - d->methods), r->message, no_closure, r);
}

static void request_frame(struct rpc_conn *c, const struct ttrpc_header *h, const uint8_t *data)
{
	Ttrpc__Request *envelope;

	if (h->stream % 2 == 0 || h->stream <= c->last_stream) {
		respond_error(c, h->stream, RPC_INVALID_ARGUMENT, "invalid stream id");
		return;
	}
	c->last_stream = h->stream;
	envelope = ttrpc__request__unpack(NULL, h->length, data);
	if (!envelope) {
		respond_error(c, h->stream, RPC_INVALID_ARGUMENT, "the request cannot be decoded");
		return;
	}
	dispatch(c, h->stream, envelope);
	ttrpc__request__free_unpacked(envelope, NULL);
}

/* Skips the rest of a frame that is too large. true: something was skipped. */
static bool drain(struct rpc_conn *c)
{
	size_t n = c->drain < c->in.len ? c->drain : c->in.len;

	buf_consume(&c->in, n);
	c->drain -= (uint32_t)n;
	return n > 0;
}

/* Handles one whole frame if there is one. Returns 1, 0 or -ENOMEM. */
static int next_frame(struct rpc_conn *c)
{
	AUTO_FREE uint8_t *data = NULL;
	struct ttrpc_header h;

	if (c->drain)
		return drain(c);
	if (c->in.len < TTRPC_HEADER_LEN)
		return 0;
	h = ttrpc_header_unpack(c->in.data);
	if (h.length > TTRPC_MESSAGE_MAX) {
		buf_consume(&c->in, TTRPC_HEADER_LEN);
		c->drain = h.length;
		respond_error(c, h.stream, RPC_RESOURCE_EXHAUSTED, "message larger than 4 MiB");
		return 1;
	}
	if (c->in.len - TTRPC_HEADER_LEN < h.length)
		return 0;
	data = malloc(h.length ? h.length : 1);
	if (!data)
		return -ENOMEM;
	memcpy(data, c->in.data + TTRPC_HEADER_LEN, h.length);
	buf_consume(&c->in, TTRPC_HEADER_LEN + h.length);
	if (h.type == TTRPC_REQUEST)
		request_frame(c, &h, data);
	return 1;
}

static void on_socket(void *arg, int fd, uint32_t events)
{
	struct rpc_conn *c = arg;
	ssize_t n;
	int r;

	if ((events & EPOLLOUT) && !flush(c)) {
		conn_close(c);
		return;
	}
	if (!(events & (EPOLLIN | EPOLLHUP | EPOLLERR)))
		return;
	if (buf_reserve(&c->in, 65536) < 0) {
		conn_close(c);
		return;
	}
	n = recv(fd, c->in.data + c->in.len, c->in.cap - c->in.len, MSG_DONTWAIT);
	if (n < 0 && (errno == EAGAIN || errno == EINTR))
		return;
	if (n <= 0) {
		conn_close(c);
		return;
	}
	c->in.len += (size_t)n;
	do
		r = next_frame(c);
	while (r > 0);
	if (r < 0 || c->out.len > OUTPUT_MAX_BYTES)
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
