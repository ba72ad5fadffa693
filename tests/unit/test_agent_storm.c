/* Many clients at once that create, exec, kill, delete and hang up at any moment: the agent lives,
 * and nothing is left. AGENT_STORM_ROUNDS and AGENT_STORM_SEED change the amount and the course. */
#include "base/fd.h"
#include "base/str.h"
#include "tests/unit/agent_box.h"
#include "tests/unit/unit.h"

#include <signal.h>
#include <stdio.h>
#include <sys/wait.h>

#define CLIENTS	      6
#define ROUNDS	      25
#define MAX_DELETE_MS 20000

static unsigned seed = 1, rounds = ROUNDS;

static const char *const scripts[] = {
	"exit 3",
	"sleep 1000",
	"echo x; echo y >&2; sleep 0.01",
	"sleep 1000 & sleep 1000 & wait",
	"yes",
	"nosuchcommand",
	"cat",
};

static unsigned pick(unsigned n)
{
	return (unsigned)rand_r(&seed) % n;
}

/* Any answer will do, as long as one comes. */
static void try_call(struct rpc_client *c, const char *method, const void *request)
{
	struct err err = ERR_NONE;
	int r = rpc_call(
		c, &vmrun__agent__agent__descriptor, method, request, MAX_DELETE_MS, NULL, &err);

	if (r == -ETIMEDOUT || r == -EPIPE) {
		fprintf(stderr, "%s: %s\n", method, err.msg);
		_exit(1);
	}
}

static void on_reply(void *arg, const ProtobufCMessage *reply, const struct err *err)
{
	(void)arg;
	(void)reply;
	(void)err;
}

/* Begun, not waited for: the connection may end before the answer. */
static void begin_call(struct rpc_client *c, const char *method, const void *request)
{
	struct err err = ERR_NONE;

	(void)!rpc_call_start(
		c, &vmrun__agent__agent__descriptor, method, request, on_reply, NULL, &err);
}

static void one_action(struct rpc_client *c, const char *id, struct box_request *r)
{
	Vmrun__Agent__ExecRequest exec = VMRUN__AGENT__EXEC_REQUEST__INIT;
	Vmrun__Agent__SignalRequest signal = VMRUN__AGENT__SIGNAL_REQUEST__INIT;
	Vmrun__Agent__WaitRequest wait = VMRUN__AGENT__WAIT_REQUEST__INIT;
	Vmrun__Agent__ContainerRequest name = VMRUN__AGENT__CONTAINER_REQUEST__INIT;
	Vmrun__Agent__StartContainerRequest start = VMRUN__AGENT__START_CONTAINER_REQUEST__INIT;
	static const char *const by_name[] = { "Pause", "Resume", "ListProcesses" };
	char process[16];

	exec.container = signal.container = wait.container = name.container = start.container =
		(char *)(uintptr_t)id;
	snprintf(process, sizeof(process), "e%u", pick(4));
	exec.process = process;
	exec.spec = &r->process;
	signal.signal = pick(2) ? SIGKILL : SIGTERM;
	signal.all = pick(2);
	wait.process = pick(2) ? process : (char *)(uintptr_t) "";
	wait.anchor = pick(2);
	switch (pick(7)) {
	case 0:
		try_call(c, "StartContainer", &start.base);
		break;
	case 1:
		try_call(c, "Exec", &exec.base);
		break;
	case 2:
		begin_call(c, "Exec", &exec.base);
		break;
	case 3:
		try_call(c, "Signal", &signal.base);
		break;
	case 4:
		begin_call(c, "Wait", &wait.base);
		break;
	case 5:
		try_call(c, by_name[pick(3)], &name.base);
		break;
	default:
		if (r->stdio.stdout)
			close(box_stream(&box, r->stdio.stdout));
	}
}

static void one_round(const char *id)
{
	Vmrun__Agent__ContainerRequest name = VMRUN__AGENT__CONTAINER_REQUEST__INIT;
	struct rpc_client *c = box_connect(&box), *last;
	struct box_request r;

	name.container = (char *)(uintptr_t)id;
	request_init(&r, id, scripts[pick(ARRAY_LEN(scripts))]);
	if (pick(2))
		r.stdio.stdin = r.stdio.stdout = r.stdio.stderr = 0;
	r.stdio.terminal = pick(4) == 0;
	if (pick(8) == 0)
		r.args[0] = (char *)(uintptr_t) "no-such-program";
	if (pick(6) == 0)
		begin_call(c, "CreateContainer", &r.create.base);
	else
		try_call(c, "CreateContainer", &r.create.base);
	for (unsigned i = 0, n = pick(8); i < n; i++)
		one_action(c, id, &r);
	if (pick(2))
		try_call(c, "DeleteContainer", &name.base);
	rpc_client_free(c);
	/* Whatever is left of it now goes. */
	last = box_connect(&box);
	try_call(last, "DeleteContainer", &name.base);
	rpc_client_free(last);
}

static unsigned count_descriptors(void)
{
	unsigned n = 0;

	for (int fd = 0; fd < 4096; fd++) {
		char link[64], target[16];

		snprintf(link, sizeof(link), "/proc/%d/fd/%d", (int)box.pid, fd);
		n += readlink(link, target, sizeof(target)) > 0;
	}
	return n;
}

static void test_storm(void **state)
{
	unsigned before = count_descriptors();

	(void)state;
	for (unsigned i = 0; i < CLIENTS; i++) {
		char id[8];
		pid_t pid = fork();

		assert_true(pid >= 0);
		if (pid)
			continue;
		seed = seed * 1000 + i;
		snprintf(id, sizeof(id), "c%u", i);
		for (unsigned j = 0; j < rounds; j++)
			one_round(id);
		_exit(0);
	}
	for (unsigned i = 0; i < CLIENTS; i++) {
		int status;

		assert_true(waitpid(-1, &status, 0) > 0);
		assert_int_equal(status, 0);
	}
	/* Streams that found no process wait for theirs half a minute; all else is closed. */
	assert_in_range(count_descriptors(), before, before + 3 * 64);
}

static void read_environment(const char *name, unsigned *value)
{
	const char *text = getenv(name);
	uint64_t number;

	if (text && str_to_u64(text, &number) == 0)
		*value = (unsigned)number;
}

int main(void)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test(test_storm) };

	read_environment("AGENT_STORM_ROUNDS", &rounds);
	read_environment("AGENT_STORM_SEED", &seed);
	if (!box_possible())
		return 77; /* automake: skipped */
	return cmocka_run_group_tests(tests, box_set_up, box_tear_down);
}
