/* Faults: when one is due, and what the step runner does then. */
#include "base/fault.h"
#include "tests/unit/steps_example.h"

#include <signal.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

static const struct steps example = STEPS("example", example_steps);

static void test_due(void **state)
{
	static const struct {
		const char *spec;
		enum fault fault;
	} cases[] = {
		{ "create:boot the guest:kill", FAULT_KILL },
		{ "create:3:kill", FAULT_KILL },
		{ "create:3:fail", FAULT_FAIL },
		{ NULL, FAULT_NONE },
		{ "", FAULT_NONE },
		{ "create", FAULT_NONE },
		{ "create:3", FAULT_NONE },
		{ "create:3:", FAULT_NONE },
		{ "create:3:explode", FAULT_NONE },
		{ "create:30:kill", FAULT_NONE },
		{ "create:03:kill", FAULT_NONE },
		{ "create:boot:kill", FAULT_NONE },
		{ "exec:3:kill", FAULT_NONE },
		{ "creat:3:kill", FAULT_NONE },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(cases); i++)
		assert_int_equal(
			fault_due(cases[i].spec, "create", "boot the guest", 3), cases[i].fault);
}

static void test_fail(void **state)
{
	struct diary d = { "", NULL };
	struct err err = ERR_NONE;

	(void)state;
	assert_int_equal(setenv("VMRUN_FAULT", "example:3:fail", 1), 0);
	assert_int_equal(steps_run(&example, &d, &err), -ECANCELED);
	/* The step itself was done, so it is undone as well. */
	assert_string_equal(d.text, "a b c -c -a ");
	assert_string_equal(err.msg, "VMRUN_FAULT: after \"c\" of example");
}

static void test_kill(void **state)
{
	struct diary *d =
		mmap(NULL, sizeof(*d), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	struct err err = ERR_NONE;
	int status;
	pid_t pid;

	(void)state;
	assert_ptr_not_equal(d, MAP_FAILED);
	assert_int_equal(setenv("VMRUN_FAULT", "example:b:kill", 1), 0);
	pid = fork();
	assert_true(pid >= 0);
	if (pid == 0)
		_exit(steps_run(&example, d, &err) < 0);
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_true(WIFSIGNALED(status));
	assert_int_equal(WTERMSIG(status), SIGKILL);
	assert_string_equal(d->text, "a b ");
	munmap(d, sizeof(*d));
}

/* A test goes from step to step until there is none any more. */
static void test_past_the_end(void **state)
{
	struct diary d = { "", NULL };
	struct err err = ERR_NONE;

	(void)state;
	assert_int_equal(setenv("VMRUN_FAULT", "example:5:kill", 1), 0);
	assert_int_equal(steps_run(&example, &d, &err), 0);
	assert_string_equal(d.text, "a b c d ");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_due),
		cmocka_unit_test(test_fail),
		cmocka_unit_test(test_kill),
		cmocka_unit_test(test_past_the_end),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
