/* The ttrpc server, turn by turn, against a peer made by hand. */
#include "agent/agent.pb-c.h"
#include "rpc/server.h"
#include "tests/unit/ttrpc_peer.h"

#include <fcntl.h>

#define SERVICE	   "vmrun.agent.Agent"
#define PARKED_MAX 80
#define LARGE	   (3 << 20)

static struct {
	struct loop *loop;
	struct rpc_server *server;
	int fd; /* the peer's */
	struct rpc_request *parked[PARKED_MAX];
	const Vmrun__Agent__WaitRequest *message[PARKED_MAX];
	unsigned parked_count;
	unsigned closed;
	unsigned known_at_close; /* parked requests that were told apart as the closed one's */
} t;

/* Answered at once; "bad" is an error, "large" an answer beyond all limits. */
static void on_pause(Vmrun__Agent__Agent_Service *s, const Vmrun__Agent__ContainerRequest *in,
	Vmrun__Agent__Empty_Closure closure, void *request)
{
	Vmrun__Agent__Empty empty = VMRUN__AGENT__EMPTY__INIT;

	(void)s;
	(void)closure;
	if (strcmp(in->container, "bad") == 0)
		rpc_reply_error(request, RPC_NOT_FOUND, "no such container");
	else
		rpc_reply(request, &empty.base);
}

static void reply_bytes(struct rpc_request *request, size_t len)
{
	Vmrun__Agent__ConfigureResponse reply = VMRUN__AGENT__CONFIGURE_RESPONSE__INIT;
	char *text = malloc(len + 1);

	assert_non_null(text);
	memset(text, 'x', len);
	text[len] = '\0';
	reply.kernel_release = text;
	rpc_reply(request, &reply.base);
	free(text);
}

static void on_configure(Vmrun__Agent__Agent_Service *s, const Vmrun__Agent__ConfigureRequest *in,
	Vmrun__Agent__ConfigureResponse_Closure closure, void *request)
{
	(void)s;
	(void)closure;
	reply_bytes(request, (size_t)in->realtime_ns);
}

static void on_wait(Vmrun__Agent__Agent_Service *s, const Vmrun__Agent__WaitRequest *in,
	Vmrun__Agent__WaitResponse_Closure closure, void *request)
{
	(void)s;
	(void)closure;
	assert_true(t.parked_count < PARKED_MAX);
	t.message[t.parked_count] = in;
	t.parked[t.parked_count++] = request;
}

/* No handler for the others. */
static Vmrun__Agent__Agent_Service service = {
	.base = { .descriptor = &vmrun__agent__agent__descriptor },
	.pause = on_pause,
	.wait = on_wait,
	.configure = on_configure,
};

static void on_closed(void *arg, struct rpc_conn *conn)
{
	(void)arg;
	t.closed++;
	for (unsigned i = 0; i < t.parked_count; i++)
		t.known_at_close += rpc_request_conn(t.parked[i]) == conn;
}

static int setup(void **state)
{
	int sv[2];

	(void)state;
	memset(&t, 0, sizeof(t));
	assert_int_equal(loop_new(&t.loop), 0);
	assert_int_equal(rpc_server_new(t.loop, &service.base, on_closed, NULL, &t.server), 0);
	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, sv), 0);
	assert_int_equal(rpc_server_add(t.server, sv[1]), 0);
	t.fd = sv[0];
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	close_fd(&t.fd);
	rpc_server_free(t.server);
	/* Requests outlive the server and its connections until they are answered. */
	for (unsigned i = 0; i < t.parked_count; i++)
		rpc_reply_error(t.parked[i], RPC_UNAVAILABLE, "the end");
	loop_free(t.loop);
	return 0;
}

/* Lets the server do all that it can do now. */
static void turn(void)
{
	while (loop_turn(t.loop, 0) > 0)
		;
}

static void send_call(uint32_t stream, const char *service_name, const char *method,
	const ProtobufCMessage *request)
{
	Ttrpc__Request envelope = TTRPC__REQUEST__INIT;

	envelope.service = (char *)(uintptr_t)service_name;
	envelope.method = (char *)(uintptr_t)method;
	envelope.payload.len = protobuf_c_message_get_packed_size(request);
	envelope.payload.data = malloc(envelope.payload.len + 1);
	assert_non_null(envelope.payload.data);
	protobuf_c_message_pack(request, envelope.payload.data);
	peer_send_message(t.fd, stream, TTRPC_REQUEST, &envelope.base);
	free(envelope.payload.data);
}

static void send_pause(uint32_t stream, const char *container)
{
	Vmrun__Agent__ContainerRequest in = VMRUN__AGENT__CONTAINER_REQUEST__INIT;

	in.container = (char *)(uintptr_t)container;
	send_call(stream, SERVICE, "Pause", &in.base);
}

static void send_wait(uint32_t stream, const char *container)
{
	Vmrun__Agent__WaitRequest in = VMRUN__AGENT__WAIT_REQUEST__INIT;

	in.container = (char *)(uintptr_t)container;
	send_call(stream, SERVICE, "Wait", &in.base);
}

/* Turns, then expects the answer of stream with this status; message NULL: any. */
static void assert_answer(uint32_t stream, enum rpc_code code, const char *message)
{
	struct ttrpc_header h;
	Ttrpc__Response *r;
	uint8_t *data;

	turn();
	h = peer_receive(t.fd, &data);
	assert_int_equal(h.stream, stream);
	assert_int_equal(h.type, TTRPC_RESPONSE);
	assert_int_equal(h.flags, 0);
	r = ttrpc__response__unpack(NULL, h.length, data);
	assert_non_null(r);
	assert_int_equal(r->status ? r->status->code : 0, code);
	if (message)
		assert_string_equal(r->status->message, message);
	ttrpc__response__free_unpacked(r, NULL);
	free(data);
}

static void assert_serves_on(uint32_t stream)
{
	send_pause(stream, "good");
	assert_answer(stream, RPC_OK, NULL);
	assert_int_equal(t.closed, 0);
}

static void answers_and_errors(void **state)
{
	uint8_t *data;

	(void)state;
	send_pause(1, "good");
	turn();
	/* An empty message makes a frame of length 0. */
	assert_int_equal(peer_receive(t.fd, &data).length, 0);
	free(data);
	send_pause(3, "bad");
	assert_answer(3, RPC_NOT_FOUND, "no such container");
	assert_serves_on(5);
}

static void what_is_unknown_is_unimplemented(void **state)
{
	Vmrun__Agent__Empty empty = VMRUN__AGENT__EMPTY__INIT;

	(void)state;
	send_call(1, "containerd.task.v3.Task", "Pause", &empty.base);
	assert_answer(1, RPC_UNIMPLEMENTED, NULL);
	send_call(3, SERVICE, "Frobnicate", &empty.base);
	assert_answer(3, RPC_UNIMPLEMENTED, NULL);
	send_call(5, SERVICE, "Resume", &empty.base); /* a method without a handler */
	assert_answer(5, RPC_UNIMPLEMENTED, NULL);
	send_call(7, "", "", &empty.base);
	assert_answer(7, RPC_UNIMPLEMENTED, NULL);
	assert_serves_on(9);
}

static void bad_stream_ids_are_refused(void **state)
{
	(void)state;
	send_pause(2, "good");
	assert_answer(2, RPC_INVALID_ARGUMENT, NULL);
	send_pause(0, "good");
	assert_answer(0, RPC_INVALID_ARGUMENT, NULL);
	send_pause(7, "good");
	assert_answer(7, RPC_OK, NULL);
	send_pause(7, "good");
	assert_answer(7, RPC_INVALID_ARGUMENT, NULL);
	send_pause(5, "good");
	assert_answer(5, RPC_INVALID_ARGUMENT, NULL);
	assert_serves_on(UINT32_MAX);
}

static void garbage_is_refused(void **state)
{
	Ttrpc__Request envelope = TTRPC__REQUEST__INIT;

	(void)state;
	peer_send(t.fd, 1, TTRPC_REQUEST, "\xff\xff\xff", 3);
	assert_answer(1, RPC_INVALID_ARGUMENT, NULL);
	envelope.service = (char[]){ SERVICE };
	envelope.method = (char[]){ "Pause" };
	envelope.payload = (ProtobufCBinaryData){ 3, (uint8_t[]){ 0xff, 0xff, 0xff } };
	peer_send_message(t.fd, 3, TTRPC_REQUEST, &envelope.base);
	assert_answer(3, RPC_INVALID_ARGUMENT, NULL);
	peer_send(t.fd, 5, TTRPC_REQUEST, "", 0);
	assert_answer(5, RPC_UNIMPLEMENTED, NULL);
	assert_serves_on(7);
}

static void send_zeros(size_t len)
{
	static const uint8_t zeros[65536];

	while (len) {
		size_t n = len < sizeof(zeros) ? len : sizeof(zeros);

		assert_int_equal(fd_write_all(t.fd, zeros, n), 0);
		turn();
		len -= n;
	}
}

static void large_requests_are_skipped(void **state)
{
	(void)state;
	peer_send(t.fd, 1, TTRPC_REQUEST, NULL, TTRPC_MESSAGE_MAX + 1);
	/* Refused before it has come. */
	assert_answer(1, RPC_RESOURCE_EXHAUSTED, NULL);
	send_zeros(TTRPC_MESSAGE_MAX + 1);
	assert_serves_on(3);
}

static void other_frames_are_ignored(void **state)
{
	(void)state;
	peer_send(t.fd, 1, 3, "data", 4);
	peer_send(t.fd, 1, TTRPC_RESPONSE, "", 0);
	peer_send(t.fd, 1, 3, NULL, TTRPC_MESSAGE_MAX + 1);
	send_zeros(TTRPC_MESSAGE_MAX + 1);
	turn();
	assert_true(peer_is_silent(t.fd));
	assert_serves_on(1);
}

static void frames_come_in_any_pieces(void **state)
{
	Ttrpc__Request envelope = TTRPC__REQUEST__INIT;
	struct buf b = { 0 };

	(void)state;
	envelope.service = (char[]){ SERVICE };
	envelope.method = (char[]){ "Pause" };
	for (uint32_t i = 0; i < 3; i++)
		assert_int_equal(
			ttrpc_frame_append(&b, 1 + 2 * i, TTRPC_REQUEST, &envelope.base), 0);
	for (size_t i = 0; i < b.len; i++) {
		assert_int_equal(fd_write_all(t.fd, b.data + i, 1), 0);
		turn();
	}
	for (uint32_t i = 0; i < 3; i++)
		assert_answer(1 + 2 * i, RPC_OK, NULL);
	buf_done(&b);
	assert_serves_on(7);
}

static void answers_may_come_late_and_out_of_order(void **state)
{
	Vmrun__Agent__WaitResponse reply = VMRUN__AGENT__WAIT_RESPONSE__INIT;

	(void)state;
	send_wait(1, "first");
	send_wait(3, "second");
	assert_serves_on(5);
	assert_int_equal(t.parked_count, 2);
	/* The messages are kept as long as the requests. */
	assert_string_equal(t.message[0]->container, "first");
	assert_string_equal(t.message[1]->container, "second");
	rpc_reply(t.parked[1], &reply.base);
	rpc_reply(t.parked[0], &reply.base);
	t.parked_count = 0;
	assert_answer(3, RPC_OK, NULL);
	assert_answer(1, RPC_OK, NULL);
}

static void outstanding_requests_are_limited(void **state)
{
	uint32_t stream = 1;

	(void)state;
	for (int i = 0; i < 64; i++, stream += 2)
		send_wait(stream, "c");
	turn();
	assert_true(peer_is_silent(t.fd));
	send_wait(stream, "c");
	assert_answer(stream, RPC_RESOURCE_EXHAUSTED, NULL);
	rpc_reply_error(t.parked[--t.parked_count], RPC_OK, "");
	assert_answer(stream - 2, RPC_OK, NULL);
	rpc_server_limit(t.server, 65);
	send_wait(stream + 2, "c");
	send_wait(stream + 4, "c");
	turn();
	assert_true(peer_is_silent(t.fd));
	assert_int_equal(t.parked_count, 65);
}

static void an_answer_too_large_is_an_error(void **state)
{
	Vmrun__Agent__ConfigureRequest in = VMRUN__AGENT__CONFIGURE_REQUEST__INIT;

	(void)state;
	in.realtime_ns = TTRPC_MESSAGE_MAX;
	send_call(1, SERVICE, "Configure", &in.base);
	assert_answer(1, RPC_RESOURCE_EXHAUSTED, NULL);
	/* As large as it may be, with the envelope around it. */
	in.realtime_ns = TTRPC_MESSAGE_MAX - 10;
	send_call(3, SERVICE, "Configure", &in.base);
	turn();
	assert_int_equal(fd_set_nonblock(t.fd, true), 0);
	for (size_t left = TTRPC_MESSAGE_MAX + TTRPC_HEADER_LEN; left;) {
		static uint8_t bytes[65536];
		ssize_t n = recv(t.fd, bytes, sizeof(bytes), 0);

		assert_true(n > 0);
		left -= (size_t)n;
		turn();
	}
	assert_int_equal(fd_set_nonblock(t.fd, false), 0);
	assert_serves_on(5);
}

static void a_peer_that_never_reads_is_dropped(void **state)
{
	(void)state;
	for (uint32_t i = 0; i < 12; i++)
		send_wait(1 + 2 * i, "c");
	turn();
	assert_int_equal(t.parked_count, 12);
	/* Answers that come late, from outside the connection's own turn. */
	for (unsigned i = 0; i < 8; i++)
		reply_bytes(t.parked[4 + i], LARGE);
	t.parked_count = 4;
	assert_int_equal(t.closed, 0);
	turn();
	assert_int_equal(t.closed, 1);
	assert_int_equal(t.known_at_close, 4);
	assert_null(rpc_request_conn(t.parked[0]));
}

static void the_end_of_a_connection(void **state)
{
	Vmrun__Agent__WaitResponse reply = VMRUN__AGENT__WAIT_RESPONSE__INIT;

	(void)state;
	send_wait(1, "c");
	send_wait(3, "c");
	turn();
	close_fd(&t.fd);
	turn();
	assert_int_equal(t.closed, 1);
	assert_int_equal(t.known_at_close, 2);
	assert_null(rpc_request_conn(t.parked[0]));
	rpc_reply(t.parked[1], &reply.base);
	t.parked_count = 1;
}

int main(void)
{
#define TEST(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
	const struct CMUnitTest tests[] = {
		TEST(answers_and_errors),
		TEST(what_is_unknown_is_unimplemented),
		TEST(bad_stream_ids_are_refused),
		TEST(garbage_is_refused),
		TEST(large_requests_are_skipped),
		TEST(other_frames_are_ignored),
		TEST(frames_come_in_any_pieces),
		TEST(answers_may_come_late_and_out_of_order),
		TEST(outstanding_requests_are_limited),
		TEST(an_answer_too_large_is_an_error),
		TEST(a_peer_that_never_reads_is_dropped),
		TEST(the_end_of_a_connection),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
