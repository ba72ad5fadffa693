/* The ttrpc client and server against each other, in two threads. */
#include "agent/agent.pb-c.h"
#include "base/fd.h"
#include "rpc/client.h"
#include "rpc/server.h"
#include "tests/unit/unit.h"

#include <pthread.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

static struct {
	struct loop *loop;
	struct rpc_server *server;
	struct rpc_request *parked;
	int closed;
	int client_fd;
	pthread_t thread;
} t;

static void pause_call(Vmrun__Agent__Agent_Service *s, const Vmrun__Agent__ContainerRequest *in,
	Vmrun__Agent__Empty_Closure closure, void *data)
{
	Vmrun__Agent__Empty empty = VMRUN__AGENT__EMPTY__INIT;

	(void)s;
	(void)closure;
	if (strcmp(in->container, "bad") == 0)
		rpc_reply_error(data, RPC_NOT_FOUND, "container \"bad\" does not exist");
	else
		rpc_reply(data, &empty.base);
	if (t.parked) {
		Vmrun__Agent__WaitResponse w = VMRUN__AGENT__WAIT_RESPONSE__INIT;

		w.status = 7;
		rpc_reply(t.parked, &w.base);
		t.parked = NULL;
	}
}

/* Parked until the next pause_call: answers may come out of order. */
static void wait_call(Vmrun__Agent__Agent_Service *s, const Vmrun__Agent__WaitRequest *in,
	Vmrun__Agent__WaitResponse_Closure closure, void *data)
{
	(void)s;
	(void)in;
	(void)closure;
	t.parked = data;
}

static Vmrun__Agent__Agent_Service service = {
	.base = { .descriptor = &vmrun__agent__agent__descriptor,
		.invoke = protobuf_c_service_invoke_internal },
	.pause = pause_call,
	.wait = wait_call,
};

static void on_closed(void *arg, struct rpc_conn *conn)
{
	(void)arg;
	(void)conn;
	t.closed++;
}

static void *serve(void *arg)
{
	(void)arg;
	return (void *)(intptr_t)loop_run(t.loop);
}

static int setup(void **state)
{
	int sv[2];

	(void)state;
	t.closed = 0;
	t.parked = NULL;
	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, sv) < 0 || loop_new(&t.loop) < 0)
		return -1;
	if (rpc_server_new(t.loop, &service.base, on_closed, NULL, &t.server) < 0 ||
		rpc_server_add(t.server, sv[1]) < 0)
		return -1;
	t.client_fd = sv[0];
	return pthread_create(&t.thread, NULL, serve, NULL);
}

static int teardown(void **state)
{
	(void)state;
	loop_quit(t.loop);
	pthread_join(t.thread, NULL);
	rpc_server_free(t.server);
	if (t.parked)
		rpc_reply_error(t.parked, RPC_UNAVAILABLE, "gone");
	loop_free(t.loop);
	return 0;
}

static void note(void *arg, const ProtobufCMessage *reply, const struct err *err)
{
	*(int *)arg = reply ? (int)((const Vmrun__Agent__WaitResponse *)reply)->status : -err->code;
}

static void calls_errors_and_answers_out_of_order(void **state)
{
	Vmrun__Agent__ContainerRequest in = VMRUN__AGENT__CONTAINER_REQUEST__INIT;
	Vmrun__Agent__WaitRequest wait = VMRUN__AGENT__WAIT_REQUEST__INIT;
	AUTO(rpc_client_free) struct rpc_client *c = NULL;
	struct err err = ERR_NONE;
	int status = 0;

	(void)state;
	assert_int_equal(rpc_client_new(t.client_fd, &c), 0);
	assert_int_equal(rpc_call_start(c, &vmrun__agent__agent__descriptor, "Wait", &wait.base,
				 note, &status, &err),
		0);
	in.container = (char[]){ "good" };
	assert_int_equal(
		rpc_call(c, &vmrun__agent__agent__descriptor, "Pause", &in.base, 10000, NULL, &err),
		0);
	in.container = (char[]){ "bad" };
	assert_int_equal(
		rpc_call(c, &vmrun__agent__agent__descriptor, "Pause", &in.base, 10000, NULL, &err),
		-ENOENT);
	assert_string_equal(err.msg, "container \"bad\" does not exist");
	assert_int_equal(status, 7);
	err_clear(&err);
	assert_int_equal(
		rpc_call(c, &vmrun__agent__agent__descriptor, "Wait", &wait.base, 50, NULL, &err),
		-ETIMEDOUT);
}

static void a_lost_connection_fails_what_is_outstanding(void **state)
{
	Vmrun__Agent__WaitRequest wait = VMRUN__AGENT__WAIT_REQUEST__INIT;
	AUTO(rpc_client_free) struct rpc_client *c = NULL;
	struct err err = ERR_NONE;
	int sv[2], status = 0;

	(void)state;
	close(t.client_fd);
	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, sv), 0);
	assert_int_equal(rpc_client_new(sv[0], &c), 0);
	assert_int_equal(rpc_call_start(c, &vmrun__agent__agent__descriptor, "Wait", &wait.base,
				 note, &status, &err),
		0);
	close(sv[1]);
	assert_int_equal(rpc_client_process(c), -EPIPE);
	assert_int_equal(status, -EPIPE);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(
			calls_errors_and_answers_out_of_order, setup, teardown),
		cmocka_unit_test_setup_teardown(
			a_lost_connection_fails_what_is_outstanding, setup, teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
