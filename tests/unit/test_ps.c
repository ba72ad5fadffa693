/* ps: what its options choose, and how its columns look. The expected texts are procps's. */
#include "base/auto.h"
#include "cmd/ps_options.h"
#include "tests/unit/unit.h"

#include <stdlib.h>
#include <string.h>

#define NOW_NS	  (1700000000 * INT64_C(1000000000))
#define WORDS_MAX 4

static struct process_info processes[] = {
	{ .pid = 345,
		.ppid = 12,
		.pgid = 345,
		.sid = 345,
		.tpgid = -1,
		.uid = 1000,
		.euid = 1000,
		.gid = 5,
		.egid = 5,
		.cpu_ms = 90061000,
		.started_at_ns = NOW_NS + 1000000000,
		.threads = 1,
		.state = 'Z',
		.priority = 20,
		.terminal = (char[]){ "" },
		.wait_channel = (char[]){ "" },
		.name = (char[]){ "kworker" },
		.command = (char[]){ "[kworker]" } },
	{ .pid = 12,
		.ppid = 1,
		.pgid = 12,
		.sid = 12,
		.tpgid = 12,
		.cpu_ms = 65000,
		.started_at_ns = NOW_NS - 100000000000,
		.threads = 3,
		.state = 'S',
		.priority = 25,
		.nice = 5,
		.flags = 0x400100,
		.virtual_bytes = 2268 << 10,
		.resident_bytes = 1380 << 10,
		.text_bytes = 1550 << 10,
		.major_faults = 7,
		.processor = 1,
		.blocked_signals = 0x10000,
		.terminal = (char[]){ "pts/0" },
		.wait_channel = (char[]){ "hrtimer_nanosleep" },
		.name = (char[]){ "sleep" },
		.command = (char[]){ "sleep 1 2" } },
};
static const struct process_list list = {
	.anchor = 99,
	.v = processes,
	.n = 2,
	.memory_bytes = 256 << 20,
};

struct line {
	const char *words[WORDS_MAX];
	const char *text;
};

static size_t count(const struct line *l)
{
	size_t n = 0;

	while (n < WORDS_MAX && l->words[n])
		n++;
	return n;
}

static void check(const struct line *lines, size_t n)
{
	const struct ps_host host = { .now_ns = NOW_NS, .pid_width = 5 };

	setenv("TZ", "UTC0", 1);
	for (size_t i = 0; i < n; i++) {
		AUTO(ps_request_done) struct ps_request request = { 0 };
		AUTO(buf_done) struct buf b = { 0 };
		struct err err = ERR_NONE;

		if (ps_options_parse(lines[i].words, count(&lines[i]), &request, &err) < 0)
			fail_msg("%s", err.msg);
		assert_int_equal(ps_print(&request, &host, &list, &b), 0);
		assert_non_null(buf_str(&b));
		assert_string_equal(b.data, lines[i].text);
	}
}

#define EF                                                                                         \
	"UID        PID  PPID  C STIME TTY          TIME CMD\n"                                    \
	"root        12     1 65 22:11 pts/0    00:01:05 sleep 1 2\n"                              \
	"1000       345    12  0 22:13 ?        1-01:01:01 [kworker] <defunct>\n"

static void formats_are_procps(void **state)
{
	static const struct line lines[] = {
		{ { NULL }, EF },
		{ { "-ef" }, EF },
		{ { "-e", "-f" }, EF },
		{ { "-efww" }, EF },
		{ { "-A" }, "  PID TTY          TIME CMD\n"
			    "   12 pts/0    00:01:05 sleep\n"
			    "  345 ?        1-01:01:01 kworker <defunct>\n" },
		{ { "-e", "-x" }, "  PID TTY      STAT   TIME COMMAND\n"
				  "   12 pts/0    SNsl+   1:05 sleep 1 2\n"
				  "  345 ?        Zs   1501:01 [kworker] <defunct>\n" },
		{ { "aux" },
			"USER       PID %CPU %MEM    VSZ   RSS TTY      STAT START   TIME COMMAND\n"
			"root        12 65.0  0.5   2268  1380 pts/0    SNsl+ 22:11   1:05 sleep 1 "
			"2\n"
			"1000       345  0.0  0.0      0     0 ?        Zs   22:13 1501:01 "
			"[kworker] "
			"<defunct>\n" },
		{ { "-lp12" },
			"F S   UID   PID  PPID  C PRI  NI ADDR SZ WCHAN  TTY          TIME CMD\n"
			"4 S     0    12     1 65  85   5 -   567 hrtime pts/0    00:01:05 "
			"sleep\n" },
		{ { "-ly", "-p", "12" },
			"S   UID   PID  PPID  C PRI  NI   RSS    SZ WCHAN  TTY          TIME CMD\n"
			"S     0    12     1 65  85   5  1380   567 hrtime pts/0    00:01:05 "
			"sleep\n" },
		{ { "-F", "-C", "sleep" },
			"UID        PID  PPID  C    SZ   RSS PSR STIME TTY          TIME CMD\n"
			"root        12     1 65   567  1380   1 22:11 pts/0    00:01:05 sleep 1 "
			"2\n" },
		{ { "-jf", "12" },
			"UID        PID  PPID  PGID   SID  C STIME TTY          TIME CMD\n"
			"root        12     1    12    12 65 22:11 pts/0    00:01:05 sleep 1 2\n" },
		{ { "l", "12" }, "F   UID   PID  PPID PRI  NI    VSZ   RSS WCHAN  STAT TTY        "
				 "TIME COMMAND\n"
				 "4     0    12     1  25   5   2268  1380 hrtime SNsl+ pts/0     "
				 "1:05 sleep 1 "
				 "2\n" },
		{ { "jc", "12" },
			" PPID   PID  PGID   SID TTY      TPGID STAT   UID   TIME COMMAND\n"
			"    1    12    12    12 pts/0       12 SNsl+    0   1:05 sleep\n" },
		{ { "v", "12" },
			"  PID TTY      STAT   TIME  MAJFL   TRS   DRS   RSS %MEM COMMAND\n"
			"   12 pts/0    SNsl+   1:05     7  1550   718  1380  0.5 sleep 1 2\n" },
		{ { "s", "p", "12" },
			"  UID   PID          PENDING          BLOCKED          IGNORED           "
			"CAUGHT STAT TTY        TIME COMMAND\n"
			"    0    12 0000000000000000 0000000000010000 0000000000000000 "
			"0000000000000000 SNsl+ pts/0     1:05 sleep 1 2\n" },
	};

	(void)state;
	check(lines, ARRAY_LEN(lines));
}

static void columns_of_ones_own(void **state)
{
	static const struct line lines[] = {
		{ { "-o", "pid,args" },
			"  PID COMMAND\n   12 sleep 1 2\n  345 [kworker] <defunct>\n" },
		{ { "-eo", "pid= nlwp=" }, "   12    3\n  345    1\n" },
		{ { "-opid", "-o", "s" }, "  PID S\n   12 S\n  345 Z\n" },
		{ { "-eopcpu,etime" }, "%CPU     ELAPSED\n65.0       01:40\n 0.0       00:00\n" },
		{ { "axo", "user:12,pid=Who, that is" },
			"USER         Who, that is\nroot                   12\n1000                "
			"  345\n" },
		{ { "-eo", "comm,pid,wchan:20" },
			"COMMAND           PID WCHAN\nsleep              12 hrtimer_nanosleep\n"
			"kworker <defunc   345 -\n" },
		{ { "-O", "rss", "-p12" }, "  PID   RSS S TTY          TIME COMMAND\n"
					   "   12  1380 S pts/0    00:01:05 sleep 1 2\n" },
		{ { "-eo", "pid", "--sort=-pid" }, "  PID\n  345\n   12\n" },
		{ { "axo", "pid", "k", "user" }, "  PID\n  345\n   12\n" },
		{ { "-eo", "pid", "--no-headers" }, "   12\n  345\n" },
		{ { "axho", "pid" }, "   12\n  345\n" },
		{ { "-u", "root", "-opid" }, "  PID\n   12\n" },
		{ { "-N", "-p", "12", "-opid" }, "  PID\n  345\n" },
		{ { "--ppid", "12", "-opid" }, "  PID\n  345\n" },
		{ { "-ef", "--forest" },
			"UID        PID  PPID  C STIME TTY          TIME CMD\n"
			"root        12     1 65 22:11 pts/0    00:01:05 sleep 1 2\n"
			"1000       345    12  0 22:13 ?        1-01:01:01  \\_ [kworker] "
			"<defunct>\n" },
		{ { "-eHo", "pid,comm" },
			"  PID COMMAND\n   12 sleep\n  345   kworker <defunct>\n" },
	};

	(void)state;
	check(lines, ARRAY_LEN(lines));
}

static void a_loop_of_parents_is_listed_once(void **state)
{
	const struct ps_host host = { .now_ns = NOW_NS, .pid_width = 5 };
	static const char *const words[] = { "-e", "--forest", "-opid" };
	struct process_info loop[3] = { processes[0], processes[0], processes[0] };
	const struct process_list three = { .v = loop, .n = 3 };
	AUTO(ps_request_done) struct ps_request request = { 0 };
	AUTO(buf_done) struct buf b = { 0 };
	struct err err = ERR_NONE;

	(void)state;
	loop[0].pid = loop[1].ppid = 1;
	loop[1].pid = loop[0].ppid = 2;
	loop[2].pid = loop[2].ppid = 3;
	assert_int_equal(ps_options_parse(words, 3, &request, &err), 0);
	assert_int_equal(ps_print(&request, &host, &three, &b), 0);
	assert_non_null(buf_str(&b));
	assert_string_equal(b.data, "  PID\n    3\n    1\n    2\n");
}

static void what_is_not_known(void **state)
{
	static const struct line lines[] = {
		{ { "-Z" }, "-Z" },
		{ { "-o" }, "needs a value" },
		{ { "-ovmz" }, "vmz" },
		{ { "-oUID" }, "UID" },
		{ { "--bad" }, "--bad" },
		{ { "-eL" }, "-eL" },
		{ { "-ef", "-o", "pid" }, "conflicting" },
		{ { "ul" }, "conflicting" },
		{ { "-opid:x" }, "width" },
		{ { "-p", "x" }, "number" },
		{ { "--sort=nothing" }, "nothing" },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(lines); i++) {
		AUTO(ps_request_done) struct ps_request request = { 0 };
		struct err err = ERR_NONE;

		assert_true(ps_options_parse(lines[i].words, count(&lines[i]), &request, &err) < 0);
		assert_int_equal(strncmp(err.msg, "ps: ", 4), 0);
		if (!strstr(err.msg, lines[i].text))
			fail_msg("%s: %s", lines[i].words[0], err.msg);
	}
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(formats_are_procps),
		cmocka_unit_test(columns_of_ones_own),
		cmocka_unit_test(a_loop_of_parents_is_listed_once),
		cmocka_unit_test(what_is_not_known),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
