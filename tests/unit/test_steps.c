/* The step runner: order, undo, whose error it is. */
#include "tests/unit/steps_example.h"

#include <stdlib.h>

static const struct steps example = STEPS("example", example_steps);

static void test_all_are_done_in_order(void **state)
{
	struct diary d = { "", NULL };
	struct err err = ERR_NONE;

	(void)state;
	assert_int_equal(steps_run(&example, &d, &err), 0);
	assert_string_equal(d.text, "a b c d ");
	assert_int_equal(err.code, 0);
}

static void test_what_was_done_is_undone(void **state)
{
	static const struct {
		const char *fails, *diary;
	} cases[] = {
		{ "a", "" },
		{ "b", "a -a " },
		{ "c", "a b -a " },
		{ "d", "a b c -c -a " },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		struct diary d = { "", cases[i].fails };
		struct err err = ERR_NONE;
		char message[32];

		assert_int_equal(steps_run(&example, &d, &err), -ENOSPC);
		assert_string_equal(d.text, cases[i].diary);
		snprintf(message, sizeof(message), "no room for %s", cases[i].fails);
		assert_string_equal(err.msg, message);
	}
}

static void test_undo_later(void **state)
{
	struct diary d = { "", NULL };

	(void)state;
	steps_undo(&example, 3, &d);
	assert_string_equal(d.text, "-c -a ");
}

static void note(void *ctx, const struct step *step, bool done)
{
	struct diary *d = ctx;

	write_down(d, done ? "done" : "begins");
	write_down(d, step->name);
}

static void test_notes(void **state)
{
	struct steps noted = example;
	struct diary d = { "", "b" };
	struct err err = ERR_NONE;

	(void)state;
	noted.note = note;
	assert_int_equal(steps_run(&noted, &d, &err), -ENOSPC);
	assert_string_equal(d.text, "begins a a done a begins b -a ");
}

/* What is installed does not look at it. */
static void test_faults_are_not_built_in(void **state)
{
#ifdef VMRUN_FAULT_INJECTION
	(void)state;
	skip();
#else
	struct diary d = { "", NULL };
	struct err err = ERR_NONE;

	(void)state;
	assert_int_equal(setenv("VMRUN_FAULT", "example:b:fail", 1), 0);
	assert_int_equal(steps_run(&example, &d, &err), 0);
	assert_int_equal(unsetenv("VMRUN_FAULT"), 0);
#endif
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_all_are_done_in_order),
		cmocka_unit_test(test_what_was_done_is_undone),
		cmocka_unit_test(test_undo_later),
		cmocka_unit_test(test_notes),
		cmocka_unit_test(test_faults_are_not_built_in),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
