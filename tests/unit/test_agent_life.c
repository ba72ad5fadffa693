/* How containers and their processes live and end, and who is told. */
#include "agent/calls.h"
#include "base/fd.h"
#include "tests/unit/agent_acts.h"
#include "tests/unit/unit.h"

#include <signal.h>
#include <string.h>

/* The agent does not keep a record of every health check. */
static void test_exec_records(void **state)
{
	struct rpc_client *first = box.client;
	Vmrun__Agent__WaitRequest wait = VMRUN__AGENT__WAIT_REQUEST__INIT;
	struct box_request r;
	Vmrun__Agent__ExecRequest exec = VMRUN__AGENT__EXEC_REQUEST__INIT;

	(void)state;
	run_detached("c", "sleep 1000");
	request_init(&r, "unused", "exit 3");
	r.stdio.stdin = r.stdio.stdout = r.stdio.stderr = 0;
	exec.container = (char *)(uintptr_t) "c";
	exec.process = (char *)(uintptr_t) "e";
	exec.spec = &r.process;
	box.client = box_connect(&box);
	box_call(&box, exec, &exec);
	box_fails(&box, exec, &exec, "process e of container c exists already");
	assert_int_equal(box_wait(&box, "c", "e"), 3);
	assert_int_equal(box_wait(&box, "c", "e"), 3);
	rpc_client_free(box.client);
	box.client = first;
	wait.container = (char *)(uintptr_t) "c";
	wait.process = (char *)(uintptr_t) "e";
	/* The agent hears of the end of one connection before it reads from the other one again. */
	send_signal("c", "", SIGCONT, false);
	box_fails(&box, wait, &wait, "process e of container c does not exist");
	box_delete(&box, "c");
}

static void test_exec(void **state)
{
	struct box_request r;
	struct box_result res;
	Vmrun__Agent__ExecRequest exec = VMRUN__AGENT__EXEC_REQUEST__INIT;

	(void)state;
	run_detached("c", "echo marker >/dev/shared; sleep 1000");
	exec_in("c", "while ! test -e /dev/shared; do :; done; cat /dev/shared; exit 42", &res);
	assert_string_equal(res.out, "marker\n");
	assert_int_equal(res.status, 42);
	result_done(&res);
	exec_in("c", "tr '\\0' ' ' </proc/1/cmdline | head -c 5; kill -9 $$", &res);
	assert_string_equal(res.out, "sleep");
	assert_int_equal(res.status, 128 + SIGKILL);
	result_done(&res);
	request_init(&r, "unused", "echo $A; id -u; pwd; cat /proc/self/cgroup | grep 0::");
	r.env[1] = (char *)(uintptr_t) "A=b";
	r.process.n_env = 2;
	r.process.uid = 1000;
	r.process.cwd = (char *)(uintptr_t) "/etc";
	box_exec(&box, "c", &r.process, &res);
	assert_non_null(strstr(res.out, "b\n1000\n/etc\n0::/\n"));
	result_done(&res);
	exec.container = (char *)(uintptr_t) "c";
	exec.process = (char *)(uintptr_t) "e";
	exec.spec = &r.process;
	r.args[0] = (char *)(uintptr_t) "no-such";
	box_fails(&box, exec, &exec, "^exec: \"no-such\": executable file not found in \\$PATH$");
	exec.container = (char *)(uintptr_t) "nosuch";
	box_fails(&box, exec, &exec, "container nosuch does not exist");
	send_signal("c", "", SIGKILL, false);
	assert_int_equal(box_wait(&box, "c", ""), 137);
	exec.container = (char *)(uintptr_t) "c";
	box_fails(&box, exec, &exec, "not running");
	box_delete(&box, "c");
}

static void test_signals(void **state)
{
	Vmrun__Agent__SignalRequest request = VMRUN__AGENT__SIGNAL_REQUEST__INIT;
	struct box_request r;
	AUTO_CLOSE int out = -1;
	char text[8];

	(void)state;
	request_init(&r, "c", "trap 'exit 9' TERM; echo ready; while :; do sleep 0.1; done");
	r.stdio.stdin = r.stdio.stderr = 0;
	box_call(&box, create_container, &r.create);
	out = box_stream(&box, r.stdio.stdout);
	start("c");
	assert_int_equal(fd_read_all(out, text, 6), 0);
	send_signal("c", "", SIGTERM, false);
	assert_int_equal(box_wait(&box, "c", ""), 9);
	request.container = (char *)(uintptr_t) "c";
	request.signal = SIGTERM;
	box_fails(&box, signal, &request, "container c is not running");
	request.signal = 1000;
	box_fails(&box, signal, &request, "unknown signal 1000");
	box_delete(&box, "c");
	run_detached("c", "sleep 1000");
	send_signal("c", "", SIGKILL, true);
	assert_int_equal(box_wait(&box, "c", ""), 137);
	box_delete(&box, "c");
	/* One that waits for its start is not deaf, though it is the first of its pid namespace. */
	request_init(&r, "c", "exit 3");
	r.stdio.stdin = r.stdio.stdout = r.stdio.stderr = 0;
	box_call(&box, create_container, &r.create);
	send_signal("c", "", SIGTERM, false);
	assert_int_equal(box_wait(&box, "c", ""), 143);
	box_delete(&box, "c");
	/* And the program has the defaults. */
	run_detached("c", "grep SigCgt /proc/self/status | grep -q '0000000000000000' && exit 4");
	assert_int_equal(box_wait(&box, "c", ""), 4);
	box_delete(&box, "c");
}

static void test_life_cycle(void **state)
{
	Vmrun__Agent__StartContainerRequest again = VMRUN__AGENT__START_CONTAINER_REQUEST__INIT;
	Vmrun__Agent__ContainerRequest unknown = VMRUN__AGENT__CONTAINER_REQUEST__INIT;
	struct box_request r;

	(void)state;
	request_init(&r, "c", "exit 0");
	box_call(&box, create_container, &r.create);
	box_fails(&box, create_container, &r.create, "container c exists already");
	if (box.cgroup[0]) {
		Vmrun__Agent__ContainerRequest pause = VMRUN__AGENT__CONTAINER_REQUEST__INIT;

		pause.container = again.container = (char *)(uintptr_t) "c";
		box_call(&box, pause, &pause);
		box_fails(&box, start_container, &again, "container c is paused");
	}
	box_delete(&box, "c"); /* never started */
	request_init(&r, "c", "exit 0");
	r.stdio.stdin = r.stdio.stdout = r.stdio.stderr = 0;
	box_call(&box, create_container, &r.create);
	start("c");
	again.container = (char *)(uintptr_t) "c";
	box_fails(&box, start_container, &again, "running already|has stopped");
	assert_int_equal(box_wait(&box, "c", ""), 0);
	box_delete(&box, "c");
	unknown.container = (char *)(uintptr_t) "c";
	box_fails(&box, delete_container, &unknown, "container c does not exist");
}

static void on_reply(void *arg, const ProtobufCMessage *reply, const struct err *err)
{
	(void)reply;
	(void)err;
	*(bool *)arg = true;
}

static void test_anchor(void **state)
{
	Vmrun__Agent__WaitRequest wait = VMRUN__AGENT__WAIT_REQUEST__INIT;
	struct rpc_client *anchor = box_connect(&box), *creator = box_connect(&box);
	struct rpc_client *box_client = box.client;
	struct err err = ERR_NONE;
	struct box_request r;
	bool replied = false;

	(void)state;
	box.client = creator;
	run_detached("c", "sleep 1000");
	wait.container = (char *)(uintptr_t) "c";
	wait.anchor = true;
	assert_int_equal(agent_begin_wait(anchor, &wait, on_reply, &replied, &err), 0);
	/* Answered after the Wait is known: only one loop. */
	box.client = anchor;
	send_signal("c", "", SIGCONT, false);
	box.client = box_client;
	rpc_client_free(creator);
	send_signal("c", "", SIGCONT, false); /* it lives */
	assert_false(replied);
	rpc_client_free(anchor);
	assert_int_equal(box_wait(&box, "c", ""), 137);
	box_delete(&box, "c");

	/* One that was only created goes with its creator. */
	box.client = creator = box_connect(&box);
	request_init(&r, "c", "exit 0");
	box_call(&box, create_container, &r.create);
	rpc_client_free(creator);
	box.client = box_client;
	/* The same id is free once the agent has noticed; it answers in order of arrival. */
	for (int i = 0; i < 1000; i++) {
		struct err ignored = ERR_NONE;

		if (agent_call_create_container(box.client, &r.create, 0, NULL, &ignored) == 0)
			break;
	}
	box_delete(&box, "c");
}

static void test_events(void **state)
{
	Vmrun__Agent__NextEventsResponse *events;
	const Vmrun__Agent__Event *last;
	struct box_result res;
	uint64_t seen;

	(void)state;
	run_script("exit 1", &res);
	result_done(&res);
	next_events(0, &events);
	assert_true(events->n_events > 0);
	seen = events->events[events->n_events - 1]->sequence;
	protobuf_c_message_free_unpacked(&events->base, NULL);
	run_script("exit 23", &res);
	result_done(&res);
	next_events(seen, &events);
	assert_int_equal(events->n_events, 1);
	last = events->events[0];
	assert_int_equal(last->sequence, seen + 1);
	assert_int_equal(last->kind, VMRUN__AGENT__EVENT__KIND__EXIT);
	assert_string_equal(last->container, "c");
	assert_string_equal(last->process, "");
	assert_int_equal(last->status, 23);
	protobuf_c_message_free_unpacked(&events->base, NULL);
}

static void test_pause_and_list(void **state)
{
	Vmrun__Agent__ContainerRequest request = VMRUN__AGENT__CONTAINER_REQUEST__INIT;
	Vmrun__Agent__ListProcessesResponse *list;
	Vmrun__Agent__ExecRequest exec = VMRUN__AGENT__EXEC_REQUEST__INIT;
	struct err err = ERR_NONE;
	struct box_request r;
	struct box_result res;

	(void)state;
	if (!box.cgroup[0])
		skip();
	run_detached("c", "sleep 1000 & wait");
	request.container = (char *)(uintptr_t) "c";
	box_call(&box, pause, &request);
	request_init(&r, "unused", "true");
	exec.container = (char *)(uintptr_t) "c";
	exec.process = (char *)(uintptr_t) "e";
	exec.spec = &r.process;
	box_fails(&box, exec, &exec, "paused");
	box_call(&box, resume, &request);
	exec_in("c", "until cat /proc/[0-9]*/comm | grep -qx sleep; do :; done", &res);
	result_done(&res);
	assert_int_equal(agent_call_list_processes(box.client, &request, 5000, &list, &err), 0);
	assert_int_equal(list->n_processes, 2);
	assert_string_equal(list->processes[0]->command, "sh -c sleep 1000 & wait");
	assert_string_equal(list->processes[1]->command, "sleep 1000");
	assert_int_equal(list->processes[1]->ppid, list->processes[0]->pid);
	assert_true(list->processes[0]->started_at_ns > (int64_t)1e18);
	assert_int_equal(strlen(list->processes[1]->state), 1); /* it may still run */
	assert_string_equal(list->processes[1]->terminal, "");
	assert_int_equal(list->processes[1]->threads, 1);
	protobuf_c_message_free_unpacked(&list->base, NULL);
	box_call(&box, pause, &request);
	box_delete(&box, "c"); /* also while frozen */
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_teardown(test_exec_records, clean_up),
		cmocka_unit_test_teardown(test_exec, clean_up),
		cmocka_unit_test_teardown(test_signals, clean_up),
		cmocka_unit_test_teardown(test_life_cycle, clean_up),
		cmocka_unit_test_teardown(test_anchor, clean_up),
		cmocka_unit_test_teardown(test_events, clean_up),
		cmocka_unit_test_teardown(test_pause_and_list, clean_up),
	};

	if (!box_possible())
		return 77; /* automake: skipped */
	return cmocka_run_group_tests(tests, box_set_up, box_tear_down);
}
