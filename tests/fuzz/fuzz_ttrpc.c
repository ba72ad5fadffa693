/*
 * ttrpc with a peer that sends anything. The first byte chooses: bit 0, whether we are the client
 * or the server; bit 1, whether the rest is sent as it is or cut into frames with true lengths; bit
 * 2, whether the peer reads what we send.
 */
#include "agent/agent.pb-c.h"
#include "base/fd.h"
#include "rpc/client.h"
#include "rpc/server.h"
#include "rpc/ttrpc.pb-c.h"

#include <string.h>
#include <sys/socket.h>

enum mode { MODE_CLIENT = 1, MODE_FRAMED = 2, MODE_READS = 4 };

#define CALLS	   3
#define PARKED_MAX 64
#define METHODS	   22
#define CHUNK	   4096

static void require(bool what)
{
	if (!what)
		__builtin_trap();
}

/* ---- the bytes of the peer ---- */

/* Pieces of input (stream step, type, length, bytes) become frames. */
static void cut_into_frames(const uint8_t *data, size_t len, struct buf *out)
{
	uint32_t stream = (uint32_t)-1;

	while (len >= 4) {
		size_t size = (size_t)data[2] << 8 | data[3];
		struct ttrpc_header h = { .type = data[1] };
		uint8_t header[TTRPC_HEADER_LEN];

		stream += data[0];
		data += 4;
		len -= 4;
		if (size > len)
			size = len;
		h.stream = stream;
		h.length = (uint32_t)size;
		ttrpc_header_pack(&h, header);
		require(buf_append(out, header, sizeof(header)) == 0);
		require(buf_append(out, data, size) == 0);
		data += size;
		len -= size;
	}
}

/* What we send must be whole frames of the type that is ours. */
static void check_output(int fd, struct buf *seen, enum ttrpc_type type)
{
	struct ttrpc_header h;
	size_t at = 0;

	for (;;) {
		ssize_t n;

		require(buf_reserve(seen, CHUNK) == 0);
		n = recv(fd, seen->data + seen->len, CHUNK, MSG_DONTWAIT);
		if (n <= 0)
			break;
		seen->len += (size_t)n;
	}
	while (ttrpc_frame_next(seen->data + at, seen->len - at, &h) > 0) {
		Ttrpc__Response *r;

		require(h.type == type);
		at += TTRPC_HEADER_LEN;
		if (type == TTRPC_RESPONSE) {
			r = ttrpc__response__unpack(NULL, h.length, seen->data + at);
			require(r);
			ttrpc__response__free_unpacked(r, NULL);
		}
		at += h.length;
	}
	buf_consume(seen, at);
}

/* ---- the server ---- */

static struct {
	struct rpc_request *parked[PARKED_MAX];
	unsigned parked_count, requests, closed;
} s;

static void answer(struct rpc_request *r, unsigned how)
{
	Vmrun__Agent__WaitResponse reply = VMRUN__AGENT__WAIT_RESPONSE__INIT;
	struct err err = ERR_NONE;

	if (how % 3 == 0) {
		rpc_reply(r, &reply.base);
	} else if (how % 3 == 1) {
		rpc_reply_error(r, RPC_NOT_FOUND, "no");
	} else {
		err_set(&err, EINVAL, "text");
		rpc_reply_err(r, &err);
	}
}

static void answer_all(void)
{
	while (s.parked_count)
		answer(s.parked[--s.parked_count], s.parked_count);
}

/* Every method: answers at once, or later and then out of order. */
static void handle(ProtobufCService *service, const ProtobufCMessage *in, ProtobufCClosure closure,
	void *request)
{
	size_t len = protobuf_c_message_get_packed_size(in);

	(void)service;
	(void)closure;
	s.requests++;
	require(rpc_request_conn(request));
	if (len % 2 && s.parked_count < PARKED_MAX)
		s.parked[s.parked_count++] = request;
	else
		answer(request, (unsigned)len);
	if (len % 7 == 3)
		answer_all();
}

static void on_closed(void *arg, struct rpc_conn *conn)
{
	(void)arg;
	for (unsigned i = 0; i < s.parked_count; i++)
		require(rpc_request_conn(s.parked[i]) == conn);
	s.closed++;
	if (s.requests % 2)
		answer_all();
}

typedef void handler_fn(ProtobufCService *service, const ProtobufCMessage *in,
	ProtobufCClosure closure, void *request);

static void feed_server(int mode, const uint8_t *data, size_t len)
{
	/* As protoc-c lays a service out; one method has no handler. */
	struct {
		ProtobufCService base;
		handler_fn *handlers[METHODS];
	} service = { .base = { .descriptor = &vmrun__agent__agent__descriptor } };
	AUTO(buf_done) struct buf seen = { 0 };
	AUTO(loop_free) struct loop *loop = NULL;
	struct rpc_server *server;
	int sv[2];

	require(service.base.descriptor->n_methods == METHODS);
	for (unsigned i = 1; i < METHODS; i++)
		service.handlers[i] = handle;
	memset(&s, 0, sizeof(s));
	require(loop_new(&loop) == 0);
	require(rpc_server_new(loop, &service.base, on_closed, NULL, &server) == 0);
	require(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, sv) == 0);
	require(rpc_server_add(server, sv[1]) == 0);
	rpc_server_limit(server, PARKED_MAX / 2);
	while (len && !s.closed) {
		ssize_t n =
			send(sv[0], data, len < CHUNK ? len : CHUNK, MSG_DONTWAIT | MSG_NOSIGNAL);

		if (n > 0) {
			data += n;
			len -= (size_t)n;
		}
		require(loop_turn(loop, 0) >= 0);
		if (mode & MODE_READS)
			check_output(sv[0], &seen, TTRPC_RESPONSE);
	}
	while (loop_turn(loop, 0) > 0 && (mode & MODE_READS))
		check_output(sv[0], &seen, TTRPC_RESPONSE);
	close(sv[0]);
	while (!s.closed)
		require(loop_turn(loop, 1000) > 0);
	require(s.closed == 1);
	rpc_server_free(server);
	answer_all();
}

/* ---- the client ---- */

struct done {
	struct rpc_client *client;
	unsigned calls;
	bool again;
};

static void on_done(void *arg, const ProtobufCMessage *reply, const struct err *err)
{
	Vmrun__Agent__ContainerRequest in = VMRUN__AGENT__CONTAINER_REQUEST__INIT;
	struct done *d = arg;
	struct err own = ERR_NONE;

	d->calls++;
	require(!reply == (err->code != 0));
	for (const char *c = err->msg; *c; c++)
		require((unsigned char)*c >= ' ' && *c != 0x7f);
	if (reply)
		(void)protobuf_c_message_get_packed_size(reply);
	/* Reads on from inside the callback. */
	if (d->again)
		(void)!rpc_call(d->client, &vmrun__agent__agent__descriptor, "ListProcesses",
			&in.base, 1, NULL, &own);
}

static void feed_client(int mode, const uint8_t *data, size_t len)
{
	static const char *const methods[CALLS] = { "ListProcesses", "NextEvents", "Configure" };
	Vmrun__Agent__ContainerRequest in = VMRUN__AGENT__CONTAINER_REQUEST__INIT;
	AUTO(buf_done) struct buf seen = { 0 };
	struct done done[CALLS] = { 0 };
	struct rpc_client *c;
	struct err err = ERR_NONE;
	int sv[2], r = 0;

	require(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, sv) == 0);
	require(rpc_client_new(sv[1], &c) == 0);
	for (int i = 0; i < CALLS; i++) {
		done[i] = (struct done){ .client = c, .again = i == 0 };
		require(rpc_call_start(c, &vmrun__agent__agent__descriptor, methods[i], &in.base,
				on_done, &done[i], &err) == 0);
	}
	while (len && r == 0) {
		ssize_t n =
			send(sv[0], data, len < CHUNK ? len : CHUNK, MSG_DONTWAIT | MSG_NOSIGNAL);

		if (n > 0) {
			data += n;
			len -= (size_t)n;
		}
		r = rpc_client_process(c);
		if (mode & MODE_READS)
			check_output(sv[0], &seen, TTRPC_REQUEST);
	}
	close(sv[0]);
	while (r == 0)
		r = rpc_client_process(c);
	require(r == -EPIPE);
	for (int i = 0; i < CALLS; i++)
		require(done[i].calls == 1);
	rpc_client_free(c);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
	AUTO(buf_done) struct buf frames = { 0 };
	int mode;

	if (len == 0)
		return 0;
	mode = *data++;
	len--;
	if (mode & MODE_FRAMED) {
		cut_into_frames(data, len, &frames);
		data = frames.data;
		len = frames.len;
	}
	if (mode & MODE_CLIENT)
		feed_client(mode, data, len);
	else
		feed_server(mode, data, len);
	return 0;
}
