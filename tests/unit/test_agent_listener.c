/* Seccomp listeners of the agent: what the host is told of a process, and what its answers do. */
#include "agent/calls.h"
#include "base/auto.h"
#include "tests/unit/agent_box.h"
#include "tests/unit/unit.h"

#include <linux/filter.h>
#include <linux/seccomp.h>
#include <stdio.h>
#include <string.h>
#include <sys/syscall.h>

#define CALL_MS	       20000
#define UNANSWERED_MAX 16 /* of agent/listener.c */

static struct sock_filter notify_of_mkdir[] = {
	BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
	BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_mkdir, 0, 1),
	BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_USER_NOTIF),
	BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
};

static void start(const char *process)
{
	Vmrun__Agent__StartContainerRequest in = VMRUN__AGENT__START_CONTAINER_REQUEST__INIT;

	in.container = (char *)(uintptr_t) "c";
	in.process = (char *)(uintptr_t)process;
	box_call(&box, start_container, &in);
}

static void add_filter(Vmrun__Agent__Process *p, Vmrun__Agent__Seccomp *filter)
{
	vmrun__agent__seccomp__init(filter);
	filter->filter.data = (uint8_t *)notify_of_mkdir;
	filter->filter.len = sizeof(notify_of_mkdir);
	filter->flags = SECCOMP_FILTER_FLAG_NEW_LISTENER;
	p->seccomp = filter;
}

static void run(const char *script)
{
	Vmrun__Agent__Seccomp filter;
	struct box_request r;

	request_init(&r, "c", script);
	r.stdio.stdin = r.stdio.stdout = r.stdio.stderr = 0;
	add_filter(&r.process, &filter);
	box_call(&box, create_container, &r.create);
	start("");
}

static void request_of(Vmrun__Agent__NotificationRequest *in, const char *process)
{
	vmrun__agent__notification_request__init(in);
	in->container = (char *)(uintptr_t) "c";
	in->process = (char *)(uintptr_t)process;
}

static Vmrun__Agent__NextNotificationResponse *next_of(
	struct rpc_client *client, const char *process)
{
	Vmrun__Agent__NextNotificationResponse *reply;
	Vmrun__Agent__NotificationRequest in;
	struct err err = ERR_NONE;

	request_of(&in, process);
	if (agent_call_next_notification(client, &in, CALL_MS, &reply, &err) < 0)
		fail_msg("NextNotification: %s", err.msg);
	return reply;
}

static void free_next(Vmrun__Agent__NextNotificationResponse *n)
{
	vmrun__agent__next_notification_response__free_unpacked(n, NULL);
}

/* Returns the kernel's errno value. */
typedef int call_fn(struct rpc_client *client, const Vmrun__Agent__NotificationRequest *in,
	unsigned timeout_ms, Vmrun__Agent__NotificationResult **ret, struct err *err);

static unsigned call_on(
	struct rpc_client *client, call_fn *call, const Vmrun__Agent__NotificationRequest *in)
{
	Vmrun__Agent__NotificationResult *result;
	struct err err = ERR_NONE;
	unsigned error;

	if (call(client, in, CALL_MS, &result, &err) < 0)
		fail_msg("%s", err.msg);
	error = result->error;
	vmrun__agent__notification_result__free_unpacked(result, NULL);
	return error;
}

static unsigned answer(struct rpc_client *client, uint64_t id, int error, uint32_t flags)
{
	Vmrun__Agent__NotificationRequest in;

	request_of(&in, "");
	in.id = id;
	in.error = error;
	in.flags = flags;
	return call_on(client, agent_call_answer_notification, &in);
}

static bool is_valid(struct rpc_client *client, uint64_t id)
{
	Vmrun__Agent__NotificationRequest in;

	request_of(&in, "");
	in.id = id;
	return call_on(client, agent_call_notification_valid, &in) == 0;
}

/* What the first argument points to. */
static const char *path_of(const Vmrun__Agent__NextNotificationResponse *n)
{
	for (size_t i = 0; i < n->n_memory; i++) {
		const Vmrun__Agent__MemoryCopy *m = n->memory[i];
		uint64_t at = n->args[0] - m->address;

		assert_int_equal(m->address % 4096, 0);
		assert_true(m->data.len <= 8192);
		if (n->args[0] >= m->address && at < m->data.len &&
			memchr(m->data.data + at, '\0', m->data.len - at))
			return (const char *)m->data.data + at;
	}
	fail_msg("no memory at the first argument");
	return "";
}

/* The call goes on with another path. */
static void rename_and_continue(
	struct rpc_client *host, const Vmrun__Agent__NextNotificationResponse *n, const char *path)
{
	Vmrun__Agent__MemoryCopy copy = VMRUN__AGENT__MEMORY_COPY__INIT, *list = &copy;
	Vmrun__Agent__NotificationRequest in;

	request_of(&in, "");
	in.id = n->id;
	in.flags = SECCOMP_USER_NOTIF_FLAG_CONTINUE;
	in.memory = &list;
	in.n_memory = 1;
	copy.address = 8; /* nobody has anything there */
	copy.data.data = (uint8_t *)(uintptr_t)path;
	copy.data.len = strlen(path) + 1;
	assert_int_equal(call_on(host, agent_call_answer_notification, &in), EFAULT);
	copy.address = n->args[0];
	assert_int_equal(call_on(host, agent_call_answer_notification, &in), 0);
}

static void told_and_answered(void **state)
{
	AUTO(rpc_client_free) struct rpc_client *host = box_connect(&box);
	Vmrun__Agent__NextNotificationResponse *n;
	uint64_t first;

	(void)state;
	run("cd /tmp; mkdir one; a=$?; mkdir /tmp/two; test -d new; b=$?; mkdir three; exit "
	    "$a$b$?");
	n = next_of(host, "");
	assert_false(n->ended);
	assert_int_equal(n->nr, SYS_mkdir);
	assert_int_equal(n->n_args, 6);
	assert_string_equal(path_of(n), "one");
	assert_string_equal(n->cwd, "/tmp");
	first = n->id;
	assert_true(is_valid(host, first));
	assert_false(is_valid(host, first + 1));
	assert_int_equal(answer(host, first + 1, 0, 0), ENOENT);
	assert_int_equal(answer(host, first, -1, SECCOMP_USER_NOTIF_FLAG_CONTINUE), EINVAL);
	assert_int_equal(answer(host, first, -EXDEV, 0), 0);
	assert_false(is_valid(host, first));
	assert_true(answer(host, first, 0, 0) != 0);
	free_next(n);
	n = next_of(host, "");
	assert_string_equal(path_of(n), "/tmp/two");
	rename_and_continue(host, n, "/tmp/new");
	free_next(n);
	n = next_of(host, "");
	assert_int_equal(answer(host, n->id, 0, 0), 0);
	free_next(n);
	/* Nobody is left who could notify. */
	n = next_of(host, "");
	assert_true(n->ended);
	free_next(n);
	assert_int_equal(box_wait(&box, "c", ""), 100);
	box_delete(&box, "c");
}

static void closed_with_its_connection(void **state)
{
	struct rpc_client *host = box_connect(&box);
	Vmrun__Agent__NotificationRequest in;

	(void)state;
	run("mkdir /tmp/a || mkdir /tmp/b || exit 7");
	free_next(next_of(host, ""));
	rpc_client_free(host);
	/* Both fail: the one that was told, and the one that cannot be told any more. */
	assert_int_equal(box_wait(&box, "c", ""), 7);
	request_of(&in, "");
	box_fails(&box, next_notification, &in, "no seccomp listener");
	box_delete(&box, "c");
}

/* As many as there may be, then no more until one is answered, or its target has gone. */
static void a_bounded_number(void **state)
{
	AUTO(rpc_client_free) struct rpc_client *host = box_connect(&box);
	Vmrun__Agent__NextNotificationResponse *n;
	Vmrun__Agent__NotificationRequest in;
	struct err err = ERR_NONE;
	uint64_t ids[UNANSWERED_MAX];

	(void)state;
	run("i=0; while test $i != 20; do mkdir /tmp/m$i & i=$(($i + 1)); done; wait; exit 3");
	for (unsigned i = 0; i < UNANSWERED_MAX; i++) {
		n = next_of(host, "");
		ids[i] = n->id;
		for (unsigned k = 0; k < i; k++)
			assert_true(ids[k] != n->id);
		free_next(n);
	}
	request_of(&in, "");
	assert_int_equal(agent_call_next_notification(host, &in, 300, NULL, &err), -ETIMEDOUT);
	/* The one who was asked in vain gets it; this is the next. */
	assert_int_equal(answer(host, ids[0], 0, 0), 0);
	assert_int_equal(answer(host, ids[1], 0, 0), 0);
	n = next_of(host, "");
	assert_int_equal(n->n_gone, 0);
	free_next(n);
	box_delete(&box, "c");
}

/* It waits for whoever listens, even to its execve(2). */
static void an_exec_waits(void **state)
{
	Vmrun__Agent__ExecRequest exec = VMRUN__AGENT__EXEC_REQUEST__INIT;
	AUTO(rpc_client_free) struct rpc_client *host = box_connect(&box);
	Vmrun__Agent__NextNotificationResponse *n;
	Vmrun__Agent__NotificationRequest in;
	Vmrun__Agent__Seccomp filter;
	struct box_request plain, r;

	(void)state;
	request_init(&plain, "c", "sleep 1000");
	plain.stdio.stdin = plain.stdio.stdout = plain.stdio.stderr = 0;
	box_call(&box, create_container, &plain.create);
	start("");
	request_of(&in, "");
	box_fails(&box, next_notification, &in, "no seccomp listener");
	request_init(&r, "c", "mkdir /tmp/x || exit 9");
	r.stdio.stdin = r.stdio.stdout = r.stdio.stderr = 0;
	add_filter(&r.process, &filter);
	exec.container = (char *)(uintptr_t) "c";
	exec.process = (char *)(uintptr_t) "e";
	exec.spec = &r.process;
	box_call(&box, exec, &exec);
	start("e");
	n = next_of(host, "e");
	assert_string_equal(path_of(n), "/tmp/x");
	request_of(&in, "e");
	in.id = n->id;
	in.error = -EPERM;
	assert_int_equal(call_on(host, agent_call_answer_notification, &in), 0);
	free_next(n);
	assert_int_equal(box_wait(&box, "c", "e"), 9);
	box_delete(&box, "c");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(told_and_answered),
		cmocka_unit_test(closed_with_its_connection),
		cmocka_unit_test(a_bounded_number),
		cmocka_unit_test(an_exec_waits),
	};

	if (!box_possible())
		return 77; /* automake: skipped */
	return cmocka_run_group_tests(tests, box_set_up, box_tear_down);
}
