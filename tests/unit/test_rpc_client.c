/* The ttrpc client against a peer made by hand, in one thread: the socket's buffer is between them.
 */
#include "agent/agent.pb-c.h"
#include "rpc/client.h"
#include "tests/unit/ttrpc_peer.h"

#include <poll.h>

#define API	 (&vmrun__agent__agent__descriptor)
#define BIG	 (2 << 20)
#define SMALL_MS 30

static struct {
	struct rpc_client *client;
	int fd; /* the peer's */

	struct {
		unsigned calls;
		uint32_t status; /* of Wait */
		struct err err;
	} done[4];
} t;

static int setup(void **state)
{
	int sv[2];

	(void)state;
	memset(&t, 0, sizeof(t));
	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, sv), 0);
	assert_int_equal(rpc_client_new(sv[0], &t.client), 0);
	t.fd = sv[1];
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	rpc_client_free(t.client);
	close_fd(&t.fd);
	return 0;
}

static void on_done(void *arg, const ProtobufCMessage *reply, const struct err *err)
{
	int i = (int)(intptr_t)arg;

	t.done[i].calls++;
	t.done[i].err = *err;
	if (reply)
		t.done[i].status = ((const Vmrun__Agent__WaitResponse *)reply)->status;
}

/* Call number i, on stream 1 + 2 * i. */
static void start_wait(int i)
{
	Vmrun__Agent__WaitRequest in = VMRUN__AGENT__WAIT_REQUEST__INIT;
	struct err err = ERR_NONE;

	in.container = (char[]){ "c" };
	assert_int_equal(
		rpc_call_start(t.client, API, "Wait", &in.base, on_done, (void *)(intptr_t)i, &err),
		0);
}

static void send_answer(uint32_t stream, uint32_t status)
{
	Vmrun__Agent__WaitResponse reply = VMRUN__AGENT__WAIT_RESPONSE__INIT;
	Ttrpc__Response envelope = TTRPC__RESPONSE__INIT;
	uint8_t bytes[32];

	reply.status = status;
	envelope.payload.len = protobuf_c_message_pack(&reply.base, bytes);
	envelope.payload.data = bytes;
	peer_send_message(t.fd, stream, TTRPC_RESPONSE, &envelope.base);
}

static void send_error(uint32_t stream, int32_t code, const char *message)
{
	Ttrpc__Response envelope = TTRPC__RESPONSE__INIT;
	Ttrpc__Status status = TTRPC__STATUS__INIT;

	status.code = code;
	status.message = (char *)(uintptr_t)message;
	envelope.status = &status;
	peer_send_message(t.fd, stream, TTRPC_RESPONSE, &envelope.base);
}

static void the_request_is_what_the_protocol_says(void **state)
{
	Vmrun__Agent__ContainerRequest in = VMRUN__AGENT__CONTAINER_REQUEST__INIT;
	Vmrun__Agent__WaitRequest *payload;
	struct err err = ERR_NONE;
	Ttrpc__Request *r;
	struct ttrpc_header h;
	uint8_t *data;

	(void)state;
	start_wait(0);
	h = peer_receive(t.fd, &data);
	assert_int_equal(h.stream, 1);
	assert_int_equal(h.type, TTRPC_REQUEST);
	assert_int_equal(h.flags, 0);
	r = ttrpc__request__unpack(NULL, h.length, data);
	assert_non_null(r);
	assert_string_equal(r->service, "vmrun.agent.Agent");
	assert_string_equal(r->method, "Wait");
	assert_int_equal(r->timeout_nano, 0);
	payload = vmrun__agent__wait_request__unpack(NULL, r->payload.len, r->payload.data);
	assert_non_null(payload);
	assert_string_equal(payload->container, "c");
	vmrun__agent__wait_request__free_unpacked(payload, NULL);
	ttrpc__request__free_unpacked(r, NULL);
	free(data);
	assert_int_equal(
		rpc_call(t.client, API, "Pause", &in.base, SMALL_MS, NULL, &err), -ETIMEDOUT);
	h = peer_receive(t.fd, &data);
	assert_int_equal(h.stream, 3);
	r = ttrpc__request__unpack(NULL, h.length, data);
	assert_non_null(r);
	assert_int_equal(r->timeout_nano, SMALL_MS * 1000000);
	ttrpc__request__free_unpacked(r, NULL);
	free(data);
}

static void answers_find_their_calls(void **state)
{
	(void)state;
	start_wait(0);
	start_wait(1);
	start_wait(2);
	send_answer(5, 12);
	send_answer(7, 1);				  /* to no call */
	peer_send(t.fd, 1, 3, "\x08\x01", 2);		  /* a frame of another type */
	peer_send(t.fd, 1, TTRPC_REQUEST, "\x08\x01", 2); /* a request to us */
	send_answer(1, 10);
	send_answer(1, 99); /* a second answer */
	assert_int_equal(rpc_client_process(t.client), 0);
	assert_int_equal(t.done[0].calls, 1);
	assert_int_equal(t.done[0].status, 10);
	assert_int_equal(t.done[1].calls, 0);
	assert_int_equal(t.done[2].calls, 1);
	assert_int_equal(t.done[2].status, 12);
	assert_int_equal(t.done[2].err.code, 0);
}

static void errors_carry_code_and_text(void **state)
{
	(void)state;
	for (int i = 0; i < 4; i++)
		start_wait(i);
	send_error(1, RPC_NOT_FOUND, "executable file not found in $PATH: foo");
	send_error(3, RPC_INTERNAL,
		"a\nb\033[31mc\x7f\xc2\x9b"
		"d\xc3\xa9");
	send_error(5, -7, "");
	send_error(7, 77, "odd");
	assert_int_equal(rpc_client_process(t.client), 0);
	assert_int_equal(t.done[0].err.code, ENOENT);
	assert_string_equal(t.done[0].err.msg, "executable file not found in $PATH: foo");
	assert_int_equal(t.done[1].err.code, EIO);
	/* One line, nothing that a terminal would obey. */
	assert_string_equal(t.done[1].err.msg, "a b [31mc   d\xc3\xa9");
	assert_int_equal(t.done[2].err.code, EIO);
	assert_string_equal(t.done[2].err.msg, "Wait failed with status -7");
	assert_int_equal(t.done[3].err.code, EIO);
}

static void what_came_before_the_end_counts(void **state)
{
	Vmrun__Agent__ContainerRequest in = VMRUN__AGENT__CONTAINER_REQUEST__INIT;
	struct err err = ERR_NONE;

	(void)state;
	start_wait(0);
	start_wait(1);
	send_answer(1, 5);
	close_fd(&t.fd);
	assert_int_equal(rpc_client_process(t.client), -EPIPE);
	assert_int_equal(t.done[0].calls, 1);
	assert_int_equal(t.done[0].status, 5);
	assert_int_equal(t.done[1].calls, 1);
	assert_int_equal(t.done[1].err.code, EPIPE);
	assert_int_equal(rpc_client_process(t.client), -EPIPE);
	assert_int_equal(rpc_call(t.client, API, "Pause", &in.base, 0, NULL, &err), -EPIPE);
	assert_string_equal(err.msg, "Pause: the connection has closed");
	assert_int_equal(t.done[1].calls, 1);
}

static void a_peer_that_has_gone_is_noticed_when_sending(void **state)
{
	Vmrun__Agent__ContainerRequest in = VMRUN__AGENT__CONTAINER_REQUEST__INIT;
	struct err err = ERR_NONE;

	(void)state;
	start_wait(0);
	send_answer(1, 5);
	/* Only its reading end: what it has said is still there. */
	assert_int_equal(shutdown(t.fd, SHUT_RD), 0);
	assert_int_equal(rpc_call(t.client, API, "Pause", &in.base, 0, NULL, &err), -EPIPE);
	assert_int_equal(rpc_client_process(t.client), -EPIPE);
	assert_int_equal(t.done[0].status, 5);
}

static void garbage_fails_the_call_or_the_connection(void **state)
{
	(void)state;
	start_wait(0);
	start_wait(1);
	start_wait(2);
	peer_send(t.fd, 1, TTRPC_RESPONSE, "\xff\xff", 2);
	peer_send(t.fd, 3, TTRPC_RESPONSE, "\x12\x02\xff\xff", 4); /* a payload that is none */
	assert_int_equal(rpc_client_process(t.client), 0);
	assert_int_equal(t.done[0].err.code, EPROTO);
	assert_int_equal(t.done[1].err.code, EPROTO);
	assert_int_equal(t.done[2].calls, 0);
	peer_send(t.fd, 5, TTRPC_RESPONSE, NULL, TTRPC_MESSAGE_MAX + 1);
	assert_int_equal(rpc_client_process(t.client), -EPIPE);
	assert_int_equal(t.done[2].err.code, EPROTO);
}

/* Two bytes on the wire stand for a struct each. */
static void a_small_answer_cannot_take_all_memory(void **state)
{
	Vmrun__Agent__ContainerRequest in = VMRUN__AGENT__CONTAINER_REQUEST__INIT;
	size_t payload = TTRPC_MESSAGE_MAX - 16, at = 0;
	Ttrpc__Response envelope = TTRPC__RESPONSE__INIT;
	struct buf frame = { 0 };
	struct err err = ERR_NONE;

	(void)state;
	envelope.payload.len = payload;
	envelope.payload.data = malloc(payload);
	assert_non_null(envelope.payload.data);
	for (size_t i = 0; i < payload; i += 2)
		memcpy(envelope.payload.data + i, "\x0a", 2); /* an empty entry of field 1 */
	assert_int_equal(ttrpc_frame_append(&frame, 1, TTRPC_RESPONSE, &envelope.base), 0);
	assert_int_equal(
		rpc_call_start(t.client, API, "ListProcesses", &in.base, on_done, NULL, &err), 0);
	while (at < frame.len) {
		ssize_t n = send(t.fd, frame.data + at, frame.len - at, MSG_DONTWAIT);

		if (n > 0)
			at += (size_t)n;
		assert_int_equal(rpc_client_process(t.client), 0);
	}
	assert_int_equal(t.done[0].calls, 1);
	assert_int_equal(t.done[0].err.code, EPROTO);
	free(envelope.payload.data);
	buf_done(&frame);
}

static void big_request(Vmrun__Agent__ConfigureRequest *in, size_t len)
{
	static uint8_t bytes[TTRPC_MESSAGE_MAX + 1];

	vmrun__agent__configure_request__init(in);
	in->entropy = (ProtobufCBinaryData){ len, bytes };
}

static void a_peer_that_hangs_holds_no_call_beyond_its_deadline(void **state)
{
	Vmrun__Agent__ConfigureRequest in;
	struct err err = ERR_NONE;

	(void)state;
	big_request(&in, BIG);
	assert_int_equal(
		rpc_call(t.client, API, "Configure", &in.base, SMALL_MS, NULL, &err), -ETIMEDOUT);
	assert_string_equal(err.msg, "Configure: no answer within 30 ms");
	/* Nor does it make us keep requests without end. */
	err_clear(&err);
	for (int i = 0; i < 16 && err.code == 0; i++)
		(void)!rpc_call_start(t.client, API, "Configure", &in.base, on_done, NULL, &err);
	assert_int_equal(err.code, ENOBUFS);
}

static void large_requests_go_out_piece_by_piece(void **state)
{
	Vmrun__Agent__ConfigureRequest in;
	struct err err = ERR_NONE;
	static uint8_t bytes[65536];
	size_t got = 0;

	(void)state;
	big_request(&in, BIG);
	assert_int_equal(rpc_client_events(t.client), POLLIN);
	assert_int_equal(
		rpc_call_start(t.client, API, "Configure", &in.base, on_done, NULL, &err), 0);
	assert_int_equal(rpc_client_events(t.client), POLLIN | POLLOUT);
	while (got < BIG) {
		ssize_t n = recv(t.fd, bytes, sizeof(bytes), 0);

		assert_true(n > 0);
		got += (size_t)n;
		assert_int_equal(rpc_client_process(t.client), 0);
	}
	assert_int_equal(rpc_client_events(t.client), POLLIN);
	send_error(1, RPC_INTERNAL, "no");
	assert_int_equal(rpc_client_process(t.client), 0);
	assert_int_equal(t.done[0].err.code, EIO);
	big_request(&in, TTRPC_MESSAGE_MAX + 1);
	assert_int_equal(rpc_call_start(t.client, API, "Configure", &in.base, on_done, NULL, &err),
		-EMSGSIZE);
}

static void unknown_methods_are_our_own_error(void **state)
{
	Vmrun__Agent__Empty in = VMRUN__AGENT__EMPTY__INIT;
	struct err err = ERR_NONE;

	(void)state;
	assert_int_equal(rpc_call(t.client, API, "Frobnicate", &in.base, 0, NULL, &err), -ENOSYS);
	assert_string_equal(err.msg, "vmrun.agent.Agent has no call Frobnicate");
	assert_true(peer_is_silent(t.fd));
}

static void a_late_answer_finds_nobody(void **state)
{
	Vmrun__Agent__WaitRequest in = VMRUN__AGENT__WAIT_REQUEST__INIT;
	ProtobufCMessage *reply = NULL;
	struct err err = ERR_NONE;

	(void)state;
	assert_int_equal(
		rpc_call(t.client, API, "Wait", &in.base, SMALL_MS, NULL, &err), -ETIMEDOUT);
	err_clear(&err);
	send_answer(1, 8);
	send_answer(3, 9);
	assert_int_equal(rpc_call(t.client, API, "Wait", &in.base, 10000, &reply, &err), 0);
	assert_int_equal(((Vmrun__Agent__WaitResponse *)reply)->status, 9);
	protobuf_c_message_free_unpacked(reply, NULL);
}

/* A callback that calls, which reads the answers behind its own. */
static void call_again(void *arg, const ProtobufCMessage *reply, const struct err *err)
{
	Vmrun__Agent__WaitRequest in = VMRUN__AGENT__WAIT_REQUEST__INIT;
	struct err own = ERR_NONE;

	on_done(arg, reply, err);
	assert_int_equal(rpc_call(t.client, API, "Wait", &in.base, 10000, NULL, &own), 0);
}

static void callbacks_may_call(void **state)
{
	Vmrun__Agent__WaitRequest in = VMRUN__AGENT__WAIT_REQUEST__INIT;
	struct err err = ERR_NONE;

	(void)state;
	assert_int_equal(
		rpc_call_start(t.client, API, "Wait", &in.base, call_again, (void *)0, &err), 0);
	start_wait(1);
	send_answer(1, 21);
	send_answer(3, 22);
	send_answer(5, 23); /* to the call that the callback is going to make */
	assert_int_equal(rpc_client_process(t.client), 0);
	assert_int_equal(t.done[0].status, 21);
	assert_int_equal(t.done[1].status, 22);
	assert_int_equal(t.done[1].calls, 1);
}

int main(void)
{
#define TEST(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
	const struct CMUnitTest tests[] = {
		TEST(the_request_is_what_the_protocol_says),
		TEST(answers_find_their_calls),
		TEST(errors_carry_code_and_text),
		TEST(what_came_before_the_end_counts),
		TEST(a_peer_that_has_gone_is_noticed_when_sending),
		TEST(garbage_fails_the_call_or_the_connection),
		TEST(a_small_answer_cannot_take_all_memory),
		TEST(a_peer_that_hangs_holds_no_call_beyond_its_deadline),
		TEST(large_requests_go_out_piece_by_piece),
		TEST(unknown_methods_are_our_own_error),
		TEST(a_late_answer_finds_nobody),
		TEST(callbacks_may_call),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
