/* The ttrpc client: see client.h. Single-threaded, on one connected stream socket. */
#include "rpc/client.h"

#include "base/auto.h"
#include "base/clock.h"
#include "base/list.h"
#include "base/str.h"
#include "rpc/ttrpc.pb-c.h"

#include <limits.h>
#include <poll.h>
#include <stdlib.h>
#include <sys/socket.h>

#define OUTPUT_MAX_BYTES (16 << 20) /* calls fail rather than pile up before a peer that hangs */
#define READ_BYTES	 16384
#define READS_MAX	 64 /* in one go, so that a peer that never stops cannot hold us here */

/* What a synchronous call waits for. */
struct waiter {
	bool done;
	ProtobufCMessage *reply;
	struct err *err;
};

struct call {
	uint32_t stream;
	const ProtobufCMethodDescriptor *method;
	struct waiter *waiter; /* of a synchronous call; else done and arg */
	rpc_done_fn *done;
	void *arg;
	struct list link;
};

struct rpc_client {
	int fd;
	uint32_t next_stream; /* odd, increasing, each used once; 0 when they are used up */
	struct list calls;
	struct buf in, out;
	size_t in_done; /* bytes at the front of in that have been dealt with */
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
	buf_done(&c->out);
	free(c);
}

int rpc_client_fd(const struct rpc_client *c)
{
	return c->fd;
}

short rpc_client_events(const struct rpc_client *c)
{
	return c->out.len && !c->closed ? POLLIN | POLLOUT : POLLIN;
}

/* reply is freed here unless a synchronous caller takes it. */
static void finish(struct call *call, ProtobufCMessage *reply, const struct err *err)
{
	list_del(&call->link);
	if (call->waiter) {
		call->waiter->done = true;
		call->waiter->reply = steal_ptr(&reply);
		*call->waiter->err = *err;
	} else {
		call->done(call->arg, reply, err);
	}
	protobuf_c_message_free_unpacked(reply, NULL);
	free(call);
}

/* The peer has gone, or talks nonsense: every outstanding call fails with that. */
static int lose(struct rpc_client *c, int code, const char *why)
{
	c->closed = true;
	while (!list_empty(&c->calls)) {
		struct call *call = container_of(c->calls.next, struct call, link);
		struct err err = ERR_NONE;

		err_set(&err, code, "%s: %s", call->method->name, why);
		finish(call, NULL, &err);
	}
	return -EPIPE;
}

static int lose_closed(struct rpc_client *c)
{
	return lose(c, EPIPE, "the connection has closed");
}

/* The text of a status may come from a guest. */
static void take_message(struct err *err, const struct call *call, const Ttrpc__Status *status)
{
	if (!*status->message) {
		err_set(err, rpc_code_to_errno((enum rpc_code)status->code),
			"%s failed with status %d", call->method->name, status->code);
		return;
	}
	err_set(err, rpc_code_to_errno((enum rpc_code)status->code), "%s", status->message);
	str_blank_controls(err->msg);
}

static void answer(struct call *call, const uint8_t *data, size_t len)
{
	Ttrpc__Response *r =
		(Ttrpc__Response *)ttrpc_unpack(&ttrpc__response__descriptor, len, data);
	ProtobufCMessage *reply = NULL;
	struct err err = ERR_NONE;

	if (r && r->status && r->status->code != RPC_OK)
		take_message(&err, call, r->status);
	else if (r)
		reply = ttrpc_unpack(call->method->output, r->payload.len, r->payload.data);
	if (!reply && !err.code)
		err_set(&err, EPROTO, "%s: the answer cannot be decoded", call->method->name);
	if (r)
		ttrpc__response__free_unpacked(r, NULL);
	finish(call, reply, &err);
}

static struct call *find_call(const struct rpc_client *c, uint32_t stream)
{
	list_for_each (call, &c->calls, struct call, link)
		if (call->stream == stream)
			return call;
	return NULL;
}

/*
 * Completes the calls of all whole frames; answers to nobody's call are dropped. A callback may
 * call again and so come back here: a frame counts as done before its call is completed.
 */
static int handle_frames(struct rpc_client *c)
{
	while (c->in.len > c->in_done) {
		const uint8_t *data = c->in.data + c->in_done;
		struct ttrpc_header h;
		struct call *call;
		int r = ttrpc_frame_next(data, c->in.len - c->in_done, &h);

		if (r <= 0)
			return r;
		c->in_done += TTRPC_HEADER_LEN + h.length;
		call = h.type == TTRPC_RESPONSE ? find_call(c, h.stream) : NULL;
		if (call)
			answer(call, data + TTRPC_HEADER_LEN, h.length);
	}
	return 0;
}

/* Returns 1 when something was read, 0 when there is nothing now, or -errno. */
static int receive(struct rpc_client *c)
{
	ssize_t n;

	buf_consume(&c->in, c->in_done);
	c->in_done = 0;
	if (buf_reserve(&c->in, READ_BYTES) < 0)
		return -ENOMEM;
	do
		n = recv(c->fd, c->in.data + c->in.len, c->in.cap - c->in.len, MSG_DONTWAIT);
	while (n < 0 && errno == EINTR);
	if (n < 0)
		return errno == EAGAIN ? 0 : -errno;
	c->in.len += (size_t)n;
	return n ? 1 : -EPIPE;
}

/* Writes what the socket takes now. */
static int flush(struct rpc_client *c)
{
	size_t sent = 0;
	int r = 0;

	while (sent < c->out.len && r == 0) {
		ssize_t n = send(
			c->fd, c->out.data + sent, c->out.len - sent, MSG_NOSIGNAL | MSG_DONTWAIT);

		if (n >= 0)
			sent += (size_t)n;
		else if (errno != EINTR)
			r = -errno;
	}
	buf_consume(&c->out, sent);
	return r == -EAGAIN ? 0 : r;
}

/* Completes what is complete; negative when that was the end of the connection. */
static int complete(struct rpc_client *c)
{
	if (handle_frames(c) < 0)
		return lose(c, EPROTO, "the peer does not speak the protocol");
	/* A callback's own call may have found the end. */
	return c->closed ? -EPIPE : 0;
}

int rpc_client_process(struct rpc_client *c)
{
	int sent, r;

	if (c->closed)
		return -EPIPE;
	sent = flush(c);
	/* Inside a callback: the frames behind its own have been read already. */
	r = complete(c);
	for (int i = 0; i < READS_MAX && r == 0; i++) {
		r = receive(c);
		/* What failed to be sent counts behind the answers that have come before. */
		if (r == 0)
			return sent < 0 ? lose_closed(c) : 0;
		if (r == -ENOMEM)
			return lose(c, ENOMEM, "out of memory");
		r = r < 0 ? lose_closed(c) : complete(c);
	}
	return r;
}

static int append_request(struct rpc_client *c, const ProtobufCServiceDescriptor *service,
	const ProtobufCMethodDescriptor *method, const ProtobufCMessage *request,
	unsigned timeout_ms)
{
	Ttrpc__Request envelope = TTRPC__REQUEST__INIT;
	int r = ttrpc_payload(request, &envelope.payload);

	if (r < 0)
		return r;
	envelope.service = (char *)(uintptr_t)service->name;
	envelope.method = (char *)(uintptr_t)method->name;
	envelope.timeout_nano = (int64_t)timeout_ms * 1000000;
	r = ttrpc_frame_append(&c->out, c->next_stream, TTRPC_REQUEST, &envelope.base);
	free(envelope.payload.data);
	return r;
}

static int send_request(struct rpc_client *c, const ProtobufCServiceDescriptor *service,
	const ProtobufCMethodDescriptor *method, const ProtobufCMessage *request,
	unsigned timeout_ms)
{
	int r;

	if (c->closed)
		return -EPIPE;
	if (c->next_stream == 0)
		return -EOVERFLOW;
	if (c->out.len > OUTPUT_MAX_BYTES)
		return -ENOBUFS;
	r = append_request(c, service, method, request, timeout_ms);
	return r < 0 ? r : flush(c);
}

/* Takes over *call on success. */
static int start(struct rpc_client *c, const ProtobufCServiceDescriptor *service,
	const char *method, const ProtobufCMessage *request, unsigned timeout_ms, struct call *call,
	struct err *err)
{
	int r;

	call->method = protobuf_c_service_descriptor_get_method_by_name(service, method);
	if (!call->method)
		return err_set(err, ENOSYS, "%s has no call %s", service->name, method);
	r = send_request(c, service, call->method, request, timeout_ms);
	if (r == -EPIPE || r == -ECONNRESET)
		return err_set(err, EPIPE, "%s: the connection has closed", method);
	if (r < 0)
		return err_sys(err, -r, "%s: cannot send the request", method);
	call->stream = c->next_stream;
	c->next_stream += 2;
	if (c->next_stream < call->stream)
		c->next_stream = 0;
	list_add_tail(&c->calls, &call->link);
	return 0;
}

int rpc_call_start(struct rpc_client *c, const ProtobufCServiceDescriptor *service,
	const char *method, const ProtobufCMessage *request, rpc_done_fn *done, void *arg,
	struct err *err)
{
	AUTO_FREE struct call *call = calloc(1, sizeof(*call));
	int r;

	if (!call)
		return err_sys(err, ENOMEM, "%s", method);
	call->done = done;
	call->arg = arg;
	r = start(c, service, method, request, 0, call, err);
	if (r == 0)
		steal_ptr(&call);
	return r;
}

/* deadline 0: none. false: it has passed. */
static bool wait_for_events(const struct rpc_client *c, int64_t deadline)
{
	struct pollfd p = { .fd = c->fd, .events = rpc_client_events(c) };
	int64_t left = deadline ? deadline - clock_now_ms() : -1;

	if (deadline && left <= 0)
		return false;
	(void)!poll(&p, 1, left > INT_MAX ? INT_MAX : (int)left);
	return true;
}

int rpc_call(struct rpc_client *c, const ProtobufCServiceDescriptor *service, const char *method,
	const ProtobufCMessage *request, unsigned timeout_ms, ProtobufCMessage **ret_reply,
	struct err *err)
{
	int64_t deadline = timeout_ms ? clock_now_ms() + timeout_ms : 0;
	AUTO_FREE struct call *call = calloc(1, sizeof(*call));
	struct waiter w = { .err = err };
	int r;

	if (!call)
		return err_sys(err, ENOMEM, "%s", method);
	call->waiter = &w;
	r = start(c, service, method, request, timeout_ms, call, err);
	if (r < 0)
		return r;
	while (!w.done) {
		if (!wait_for_events(c, deadline)) {
			/* The late answer will find nobody. */
			list_del(&call->link);
			return err_set(
				err, ETIMEDOUT, "%s: no answer within %u ms", method, timeout_ms);
		}
		(void)!rpc_client_process(c);
	}
	steal_ptr(&call); /* freed as it was completed */
	if (err->code)
		return -err->code;
	if (ret_reply)
		*ret_reply = w.reply;
	else
		protobuf_c_message_free_unpacked(w.reply, NULL);
	return 0;
}
