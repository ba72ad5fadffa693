/* The columns of ps: what its options choose, and how they look. */
#include "base/auto.h"
#include "cmd/ps_columns.h"
#include "tests/unit/unit.h"

#include <stdlib.h>
#include <string.h>

#define NOW_NS (1700000000 * INT64_C(1000000000))

static struct process_info processes[] = {
	{ .pid = 12,
		.ppid = 1,
		.uid = 0,
		.cpu_ms = 65000,
		.started_at_ns = NOW_NS - 100000000000,
		.threads = 3,
		.state = 'S',
		.terminal = (char[]){ "pts/0" },
		.command = (char[]){ "sleep 1 2" } },
	{ .pid = 345,
		.ppid = 12,
		.uid = 1000,
		.cpu_ms = 90061000,
		.started_at_ns = NOW_NS + 1000000000,
		.threads = 1,
		.state = 'R',
		.terminal = (char[]){ "" },
		.command = (char[]){ "[kworker]" } },
};
static const struct process_list list = { .anchor = 99, .v = processes, .n = 2 };

static char *print(const char *const *options, size_t n)
{
	struct ps_columns columns;
	struct buf b = { 0 };
	struct err err = ERR_NONE;

	if (ps_columns_choose(options, n, &columns, &err) < 0)
		fail_msg("%s", err.msg);
	assert_int_equal(ps_columns_print(&columns, &list, NOW_NS, &b), 0);
	assert_non_null(buf_str(&b));
	return (char *)b.data;
}

static void as_ps_ef(void **state)
{
	const char *const ef[] = { "-ef" }, *const e_f[] = { "-e", "-f" };
	AUTO_FREE char *none = NULL, *first = NULL, *second = NULL;

	(void)state;
	setenv("TZ", "UTC0", 1);
	none = print(NULL, 0);
	first = print(ef, 1);
	second = print(e_f, 2);
	assert_string_equal(none,
		"UID          PID    PPID  C STIME TTY          TIME CMD\n"
		"root          12       1 65 22:11 pts/0    00:01:05 sleep 1 2\n"
		"1000         345      12  0 22:13 ?        1-01:01:01 [kworker]\n");
	assert_string_equal(first, none);
	assert_string_equal(second, none);
}

static void columns_of_ones_own(void **state)
{
	static const struct {
		const char *words[3];
		const char *text;
	} cases[] = {
		{ { "-o", "pid,args" }, "    PID CMD\n     12 sleep 1 2\n    345 [kworker]\n" },
		{ { "-eo", "pid= nlwp=" }, "     12    3\n    345    1\n" },
		{ { "-opid", "-o", "s" }, "    PID S\n     12 S\n    345 R\n" },
		{ { "-eopcpu,etime" }, "%CPU     ELAPSED\n65.0       01:40\n 0.0       00:00\n" },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		AUTO_FREE char *text = NULL;
		size_t n = 0;

		while (n < 3 && cases[i].words[n])
			n++;
		text = print(cases[i].words, n);
		assert_string_equal(text, cases[i].text);
	}
}

static void what_is_not_known(void **state)
{
	static const char *const words[] = { "-Z", "-o", "-ovsz", "-opid=title", "--forest" };

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(words); i++) {
		struct ps_columns columns;
		struct err err = ERR_NONE;

		assert_true(ps_columns_choose(&words[i], 1, &columns, &err) < 0);
		assert_int_equal(strncmp(err.msg, "ps: ", 4), 0);
	}
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(as_ps_ef),
		cmocka_unit_test(columns_of_ones_own),
		cmocka_unit_test(what_is_not_known),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
