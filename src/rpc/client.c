/* The ttrpc client: see client.h. Single-threaded, on one connected stream
 * socket. */
#include "rpc/client.h"

#include "base/auto.h"
#include "base/fd.h"
#include "base/list.h"
#include "rpc/ttrpc.pb-c.h"

#include <poll.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>

struct call {
	uint32_t stream;
	const ProtobufCMessageDescriptor *output;
	rpc_done_fn *done;
	void *arg;
	struct list link;
};

struct rpc_client {
	int fd;
	uint32_t next_stream; /* odd, increasing, each used once */
	struct list calls;
	struct buf in;
	bool closed;
};

int rpc_client_new(int fd, struct rpc_client **ret)
{
	struct rpc_client *c = calloc(1, sizeof(*c));

	if (!c) {
		close(fd);
		return -ENOMEM;
	}
	c->fd = fd;
	c->next_stream = 1;
	list_init(&c->calls);
	*ret = c;
	return 0;
}

void rpc_client_free(struct rpc_client *c)
{
	if (!c)
		return;
	list_for_each_safe (call, &c->calls, struct call, link)
		free(call);
	close_fd(&c->fd);
	buf_done(&c->in);
	free(c);
}

int rpc_client_fd(const struct rpc_client *c)
{
	return c->fd;
}

static void finish(struct call *call, const ProtobufCMessage *reply, const struct err *err)
{
	list_del(&call->link);
	call->done(call->arg, reply, err);
	free(call);
}

/* The peer has gone: every outstanding call fails with that. */
static int connection_lost(struct rpc_client *c)
{
	c->closed = true;
	while (!list_empty(&c->calls)) {
		struct err err = ERR_NONE;

		err_set(&err, EPIPE, "the agent's connection has closed");
		finish(container_of(c->calls.next, struct call, link), NULL, &err);
	}
	return -EPIPE;
}

static void answer(struct call *call, const uint8_t *data, size_t len)
{
	Ttrpc__Response *r = ttrpc__response__unpack(NULL, len, data);
	ProtobufCMessage *reply = NULL;
	struct err err = ERR_NONE;

	if (!r)
		err_set(&err, EPROTO, "the agent's answer cannot be decoded");
	else if (r->status && r->status->code != RPC_OK)
		err_set(&err, rpc_code_to_errno((enum rpc_code)r->status->code), "%s",
			r->status->message);
	else if (!(reply = protobuf_c_message_unpack(
			   call->output, NULL, r->payload.len, r->payload.data)))
		err_set(&err, EPROTO, "the agent's answer cannot be decoded");
	finish(call, reply, &err);
	if (reply)
		protobuf_c_message_free_unpacked(reply, NULL);
	if (r)
		ttrpc__response__free_unpacked(r, NULL);
}

/* Completes the call of one whole frame; answers to nobody's call are dropped.
 */
static void frame(struct rpc_client *c, const struct ttrpc_header *h, const uint8_t *data)
{
	if (h->type != TTRPC_RESPONSE)
		return;
	list_for_each (call, &c->calls, struct call, link) {
		if (call->stream == h->stream) {
			answer(call, data, h->length);
			return;
		}
	}
}

static int frames(struct rpc_client *c)
{
	while (c->in.len >= TTRPC_HEADER_LEN) {
		struct ttrpc_header h = ttrpc_header_unpack(c->in.data);
		AUTO_FREE uint8_t *data = NULL;

		if (h.length > TTRPC_MESSAGE_MAX)
			return -EPROTO;
		if (c->in.len - TTRPC_HEADER_LEN < h.length)
			return 0;
		/* A callback may make further calls, so the frame leaves the buffer first.
		 */
		data = malloc(h.length ? h.length : 1);
		if (!data)
			return -ENOMEM;
		memcpy(data, c->in.data + TTRPC_HEADER_LEN, h.length);
		buf_consume(&c->in, TTRPC_HEADER_LEN + h.length);
		frame(c, &h, data);
	}
	return 0;
}

int rpc_client_process(struct rpc_client *c)
{
	if (c->closed)
		return -EPIPE;
	for (;;) {
		ssize_t n;

		if (buf_reserve(&c->in, 16384) < 0)
			return connection_lost(c);
		n = recv(c->fd, c->in.data + c->in.len, c->in.cap - c->in.len, MSG_DONTWAIT);
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0 && (errno == EAGAIN || errno == EWOULDBLOCK))
			return 0;
		if (n <= 0)
			return connection_lost(c);
		c->in.len += (size_t)n;
		if (frames(c) < 0)
			return connection_lost(c);
	}
}

static int send_all(int fd, const uint8_t *data, size_t len)
{
	while (len) {
		ssize_t n = send(fd, data, len, MSG_NOSIGNAL);

		if (n < 0) {
			struct pollfd p = { .fd = fd, .events = POLLOUT };

			if (errno == EINTR)
				continue;
			if (errno != EAGAIN)
				return -errno;
			poll(&p, 1, -1);
			continue;
		}
		data += n;
		len -= (size_t)n;
	}
	return 0;
}

/* One frame with an envelope for request. */
static int pack(struct buf *out, uint32_t stream, const char *service, const char *method,
	const ProtobufCMessage *request)
{
	Ttrpc__Request envelope = TTRPC__REQUEST__INIT;
	size_t payload = protobuf_c_message_get_packed_size(request);
	AUTO_FREE uint8_t *bytes = malloc(payload ? payload : 1);
	struct ttrpc_header h = { .stream = stream, .type = TTRPC_REQUEST };
	size_t len;

	if (!bytes)
		return -ENOMEM;
	envelope.service = (char *)(uintptr_t)service;
	envelope.method = (char *)(uintptr_t)method;
	envelope.payload.len = protobuf_c_message_pack(request, bytes);
	envelope.payload.data = bytes;
	len = ttrpc__request__get_packed_size(&envelope);
	if (len > TTRPC_MESSAGE_MAX)
		return -EMSGSIZE;
	if (buf_reserve(out, TTRPC_HEADER_LEN + len) < 0)
		return -ENOMEM;
	h.length = (uint32_t)len;
	ttrpc_header_pack(&h, out->data);
	ttrpc__request__pack(&envelope, out->data + TTRPC_HEADER_LEN);
	out->len = TTRPC_HEADER_LEN + len;
	return 0;
}

int rpc_call_start(struct rpc_client *c, const ProtobufCServiceDescriptor *service,
	const char *method, const ProtobufCMessage *request, rpc_done_fn *done, void *arg,
	struct err *err)
{
	const ProtobufCMethodDescriptor *m =
		protobuf_c_service_descriptor_get_method_by_name(service, method);
	AUTO(buf_done) struct buf out = { 0 };
	struct call *call;
	int r;

	if (!m)
		return err_set(err, ENOSYS, "the agent API has no call %s", method);
	if (c->closed)
		return err_set(err, EPIPE, "the agent's connection has closed");
	call = calloc(1, sizeof(*call));
	if (!call)
		return err_sys(err, ENOMEM, "%s", method);
	*call = (struct call){
		.stream = c->next_stream,
		.output = m->output,
		.done = done,
		.arg = arg,
	};
	r = pack(&out, call->stream, service->name, method, request);
	if (r == 0)
		r = send_all(c->fd, out.data, out.len);
	if (r < 0) {
		free(call);
		return err_sys(err, -r, "cannot send %s to the agent", method);
	}
	c->next_stream += 2;
	list_add_tail(&c->calls, &call->link);
	return 0;
}

/* What a synchronous call waits for. */
struct waiter {
	bool done;
	ProtobufCMessage *reply;
	struct err err;
};

static void wake(void *arg, const ProtobufCMessage *reply, const struct err *err)
{
	struct waiter *w = arg;

	w->done = true;
	w->err = *err;
	if (reply) {
		/* The reply is only borrowed: keep a copy by a round through its encoding.
		 */
		size_t len = protobuf_c_message_get_packed_size(reply);
		AUTO_FREE uint8_t *bytes = malloc(len ? len : 1);

		if (bytes) {
			protobuf_c_message_pack(reply, bytes);
			w->reply = protobuf_c_message_unpack(reply->descriptor, NULL, len, bytes);
		}
		if (!w->reply)
			err_set(&w->err, ENOMEM, "out of memory");
	}
}

static int64_t now_ms(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (int64_t)ts.tv_sec * 1000 + ts.tv_nsec / 1000000;
}

/* A call that nobody waits for any more: its late answer is dropped. */
static void forget(struct rpc_client *c, const struct waiter *w)
{
	list_for_each_safe (call, &c->calls, struct call, link) {
		if (call->arg == w) {
			list_del(&call->link);
			free(call);
		}
	}
}

int rpc_call(struct rpc_client *c, const ProtobufCServiceDescriptor *service, const char *method,
	const ProtobufCMessage *request, unsigned timeout_ms, ProtobufCMessage **ret_reply,
	struct err *err)
{
	struct waiter w = { 0 };
	int64_t deadline = timeout_ms ? now_ms() + timeout_ms : 0;
	int r = rpc_call_start(c, service, method, request, wake, &w, err);

	if (r < 0)
		return r;
	while (!w.done) {
		struct pollfd p = { .fd = c->fd, .events = POLLIN };
		int64_t left = deadline ? deadline - now_ms() : -1;

		if (deadline && left <= 0) {
			forget(c, &w);
			return err_set(err, ETIMEDOUT, "the agent did not answer %s within %u ms",
				method, timeout_ms);
		}
		if (poll(&p, 1, (int)left) > 0)
			(void)!rpc_client_process(c);
	}
	if (w.err.code) {
		*err = w.err;
		return -err->code;
	}
	if (ret_reply)
		*ret_reply = w.reply;
	else
		protobuf_c_message_free_unpacked(w.reply, NULL);
	return 0;
}
