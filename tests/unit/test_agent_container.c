/* What is inside of a container that the agent has made on this machine, and what it refuses to
 * make. */
#include "tests/unit/agent_acts.h"
#include "tests/unit/unit.h"

#include <stdio.h>
#include <string.h>

static void test_output_and_status(void **state)
{
	struct box_result res;

	(void)state;
	run_script("echo out; echo error >&2; exit 7", &res);
	assert_string_equal(res.out, "out\n");
	assert_string_equal(res.error, "error\n");
	assert_int_equal(res.status, 7);
	result_done(&res);
}

static void test_an_empty_home_is_none(void **state)
{
	struct box_request r;
	struct box_result res;

	(void)state;
	request_init(&r, "c", "env | grep HOME");
	r.env[r.process.n_env++] = (char *)(uintptr_t) "HOME=";
	box_run(&box, &r, &res);
	assert_string_equal(res.out, "HOME=/root\n");
	result_done(&res);
}

static void test_what_is_inside(void **state)
{
	struct box_result res;

	(void)state;
	run_script(
		"echo pid $$; cat /proc/mounts; ls -l /dev; readlink /dev/stdin; cat "
		"/proc/1/cgroup;"
		" ls /; ls -l /proc/self/fd; umask; grep -c . /proc/net/dev; cat </dev/null;"
		" cat /sys/class/net/lo/flags; echo HOME=$HOME; cat /proc/self/oom_score_adj; pwd",
		&res);
	assert_int_equal(res.status, 0);
	has_line(&res, "pid 1");
	has_line(&res, "0022");
	has_line(&res, "/proc/self/fd/0");
	has_line(&res, "3");   /* two lines of heading and lo */
	has_line(&res, "0x9"); /* up, loopback */
	has_line(&res, "HOME=/root");
	has_line(&res, "0");
	has_line(&res, "/");
	if (box.cgroup[0])
		assert_non_null(strstr(res.out, "0::/\n"));
	/* Nothing of the machine outside is mounted. */
	assert_null(strstr(res.out, "ext4"));
	assert_null(strstr(res.out, "vmrun"));
	assert_non_null(strstr(res.out, "null"));
	assert_non_null(strstr(res.out, "ptmx -> pts/ptmx"));
	result_done(&res);
}

static void test_bad_programs(void **state)
{
	static const struct {
		const char *program, *pattern;
	} cases[] = {
		{ "no-such", "^exec: \"no-such\": executable file not found in \\$PATH$" },
		{ "/no/such", "^exec: \"/no/such\": stat /no/such: no such file or directory$" },
		{ "/etc/passwd", "^exec: \"/etc/passwd\": permission denied$" },
		{ "/etc", "^exec: \"/etc\": permission denied$" },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		struct box_request r;

		request_init(&r, "c", "");
		r.args[0] = (char *)(uintptr_t)cases[i].program;
		create_fails(&r, cases[i].pattern);
	}
}

/* A request whose startContainer hooks are sh -c lines. */
struct hooked {
	struct box_request r;
	Vmrun__Agent__Hook hooks[3], *list[3];
	Vmrun__Agent__HookState state;
	char *args[3][3], *env[1];
};

static void hooked_init(struct hooked *h, const char *script)
{
	request_init(&h->r, "c", script);
	h->r.create.start_hooks = h->list;
	vmrun__agent__hook_state__init(&h->state);
	h->state.before_pid = (ProtobufCBinaryData){ 4, (uint8_t *)(uintptr_t) "pid " };
	h->state.after_pid = (ProtobufCBinaryData){ 2, (uint8_t *)(uintptr_t) ".\n" };
	h->r.create.hook_state = &h->state;
}

static Vmrun__Agent__Hook *hooked_add(struct hooked *h, const char *script)
{
	size_t i = h->r.create.n_start_hooks++;
	Vmrun__Agent__Hook *hook = h->list[i] = &h->hooks[i];

	vmrun__agent__hook__init(hook);
	h->args[i][0] = (char *)(uintptr_t) "sh";
	h->args[i][1] = (char *)(uintptr_t) "-c";
	h->args[i][2] = (char *)(uintptr_t)script;
	hook->path = (char *)(uintptr_t) "/bin/sh";
	hook->args = h->args[i];
	hook->n_args = 3;
	return hook;
}

static void test_hooks(void **state)
{
	struct hooked h;
	struct box_result res;
	Vmrun__Agent__Hook *own;

	(void)state;
	hooked_init(&h, "cat /dev/shm/log");
	request_mount(&h.r, "tmpfs", "/dev/shm");
	hooked_add(&h, "echo first $(cat) $$ $PPID $NAME $(pwd) >>/dev/shm/log; ls /proc/self/fd | "
		       "tr '\\n' ' ' >>/dev/shm/log");
	own = hooked_add(&h, "echo second $(cat) $NAME $OWN >>/dev/shm/log");
	h.env[0] = (char *)(uintptr_t) "OWN=own";
	own->own_env = true;
	own->env = h.env;
	own->n_env = 1;
	own->timeout_s = 60;
	h.r.process.env[h.r.process.n_env++] = (char *)(uintptr_t) "NAME=inherited";
	box_run(&box, &h.r, &res);
	has_line(&res, "0 1 2 3 second pid 1. own");
	assert_non_null(strstr(res.out, "first pid 1. "));
	assert_non_null(strstr(res.out, " 1 inherited /\n"));
	result_done(&res);
}

static void hook_fails(const char *script, unsigned timeout_s, const char *pattern)
{
	Vmrun__Agent__StartContainerRequest request = VMRUN__AGENT__START_CONTAINER_REQUEST__INIT;
	struct hooked h;

	hooked_init(&h, "echo never; exit 3");
	h.r.stdio.stdin = h.r.stdio.stdout = h.r.stdio.stderr = 0;
	hooked_add(&h, "true");
	hooked_add(&h, script)->timeout_s = timeout_s;
	hooked_add(&h, "kill -9 1");
	box_call(&box, create_container, &h.r.create);
	request.container = (char[]){ "c" };
	box_fails(&box, start_container, &request, pattern);
	/* The program was not run. */
	assert_int_equal(box_wait(&box, "c", ""), 127);
	box_delete(&box, "c");
}

static void test_bad_hooks(void **state)
{
	(void)state;
	hook_fails("echo why; exit 9", 0,
		"^error running startContainer hook #1: /bin/sh: exit status 9: why$");
	hook_fails("sleep 1000 & wait", 1,
		"^error running startContainer hook #1: /bin/sh: killed after its timeout of 1 s$");
	hook_fails("exec /no/such", 0,
		"^error running startContainer hook #1: /bin/sh: exit status 127: ");
}

static void test_bad_requests(void **state)
{
	struct box_request r;

	(void)state;
	request_init(&r, "c", "true");
	r.rootfs.share = (char *)(uintptr_t) "nosuch";
	create_fails(&r, "^rootfs: share \"nosuch\".*No such file");
	request_init(&r, "c", "true");
	request_mount(&r, "tmpfs", "/dir")->data = (char *)(uintptr_t) "size=much";
	create_fails(&r, "^mounts\\[4\\]: tmpfs: .*size");
	request_init(&r, "c", "true");
	request_mount(&r, "nosuchfs", "/dir");
	create_fails(&r, "nosuchfs: No such device");
	request_init(&r, "c", "true");
	r.process.cwd = (char *)(uintptr_t) "relative";
	create_fails(&r, "cwd \"relative\"");
	request_init(&r, "c", "true");
	r.process.n_args = 0;
	create_fails(&r, "no arguments");
	request_init(&r, "../c", "true");
	create_fails(&r, "invalid container id");
	request_init(&r, "c", "true");
	r.ns[3].join_container = (char *)(uintptr_t) "nosuch";
	create_fails(&r, "container nosuch.*does not exist");
	request_init(&r, "c", "true");
	request_mount(&r, "proc", "/escape");
	create_fails(&r, "symlink");
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

static void test_no_descriptor_leaks(void **state)
{
	unsigned before = count_descriptors();
	struct box_result res;

	(void)state;
	for (int i = 0; i < 20; i++) {
		run_script("echo x; exit 1", &res);
		result_done(&res);
	}
	assert_int_equal(count_descriptors(), before);
	run_script("ls /proc/self/fd | wc -l", &res);
	assert_string_equal(res.out, "4\n"); /* 0, 1, 2 and the directory */
	result_done(&res);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_teardown(test_output_and_status, clean_up),
		cmocka_unit_test_teardown(test_an_empty_home_is_none, clean_up),
		cmocka_unit_test_teardown(test_what_is_inside, clean_up),
		cmocka_unit_test_teardown(test_bad_programs, clean_up),
		cmocka_unit_test_teardown(test_hooks, clean_up),
		cmocka_unit_test_teardown(test_bad_hooks, clean_up),
		cmocka_unit_test_teardown(test_bad_requests, clean_up),
		cmocka_unit_test_teardown(test_no_descriptor_leaks, clean_up),
	};

	if (!box_possible())
		return 77; /* automake: skipped */
	return cmocka_run_group_tests(tests, box_set_up, box_tear_down);
}
