/* The QMP client against a QEMU that is played by the test, well-behaved and not. */
#include "tests/unit/unit.h"
#include "vmm/qmp.h"

#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

static struct ctx {
	struct loop *loop;
	struct qmp *qmp;
	int sock;
	int ready, closed;
	char reason[64], failure[64];
} t;

static void on_ready(void *arg)
{
	(void)arg;
	t.ready++;
}

static void on_shutdown(void *arg, const char *reason)
{
	(void)arg;
	snprintf(t.reason, sizeof(t.reason), "<%s>", reason);
}

static void on_failed(void *arg, const char *text)
{
	(void)arg;
	snprintf(t.failure, sizeof(t.failure), "%s", text);
}

static void on_closed(void *arg)
{
	(void)arg;
	t.closed++;
}

static int fresh(void **state)
{
	const struct qmp_handler handler = { on_ready, on_shutdown, on_failed, on_closed, NULL };
	int sv[2];

	(void)state;
	t = (struct ctx){ 0 };
	assert_int_equal(loop_new(&t.loop), 0);
	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, sv), 0);
	t.sock = sv[0];
	assert_int_equal(qmp_new(t.loop, sv[1], &handler, &t.qmp), 0);
	return 0;
}

static int done(void **state)
{
	(void)state;
	qmp_free(t.qmp);
	loop_free(t.loop);
	close_fd(&t.sock);
	return 0;
}

static void say(const char *text)
{
	assert_int_equal(write(t.sock, text, strlen(text)), (ssize_t)strlen(text));
	for (int i = 0; i < 1000 && loop_turn(t.loop, 0) > 0; i++)
		;
}

static void heard(const char *wanted)
{
	char got[512] = "";

	(void)!recv(t.sock, got, sizeof(got) - 1, MSG_DONTWAIT);
	assert_string_equal(got, wanted);
}

static void greet(void)
{
	say("{\"QMP\": {\"version\": {}, \"capabilities\": []}}\r\n");
	heard("{\"execute\": \"qmp_capabilities\"}\n");
	assert_int_equal(t.ready, 0);
	say("{\"return\": {}}\r\n");
	assert_int_equal(t.ready, 1);
}

static void the_handshake(void **state)
{
	(void)state;
	greet();
	say("{\"return\": {}}\n");
	assert_int_equal(t.ready, 1);
}

static void commands_wait_for_it(void **state)
{
	(void)state;
	assert_int_equal(qmp_execute(t.qmp, "stop", NULL), 0);
	assert_int_equal(qmp_execute(t.qmp, "balloon", "{\"value\": 5}"), 0);
	heard("");
	greet();
	heard("{\"execute\": \"stop\"}\n{\"execute\": \"balloon\", \"arguments\": {\"value\": "
	      "5}}\n");
	assert_int_equal(qmp_execute(t.qmp, "cont", NULL), 0);
	heard("{\"execute\": \"cont\"}\n");
}

static void events_and_errors(void **state)
{
	(void)state;
	greet();
	say("{\"event\": \"RTC_CHANGE\", \"data\": {\"offset\": 1}}\n");
	assert_string_equal(t.reason, "");
	say("{\"error\": {\"class\": \"GenericError\", \"desc\": \"no balloon\"}}\n");
	assert_string_equal(t.failure, "no balloon");
	say("{\"event\": \"SHUTDOWN\", \"data\": {\"guest\": true, \"reason\": "
	    "\"guest-reset\"}}\n");
	assert_string_equal(t.reason, "<guest-reset>");
	say("{\"event\": \"SHUTDOWN\"}\n");
	assert_string_equal(t.reason, "<>");
}

static void lines_in_pieces(void **state)
{
	const char *text = "{\"QMP\": {}}\n{\"return\": {}}\n{\"event\": \"SHUTDOWN\", "
			   "\"data\": {\"reason\": \"guest-shutdown\"}}\n";

	(void)state;
	for (size_t i = 0; text[i]; i++)
		say((char[]){ text[i], '\0' });
	assert_int_equal(t.ready, 1);
	assert_string_equal(t.reason, "<guest-shutdown>");
}

static void what_is_no_message_is_ignored(void **state)
{
	static const char *const lines[] = { "\n", "null\n", "[]\n", "{\n", "\"QMP\"\n",
		"{\"event\": 5}\n", "{\"event\": \"SHUTDOWN\", \"data\": 7}\n", "{\"error\": 1}\n",
		"{\"QMP\": 1}\n", "\xff\xfe\n" };

	(void)state;
	greet();
	for (size_t i = 0; i < ARRAY_LEN(lines); i++)
		say(lines[i]);
	assert_string_equal(t.failure, "");
	assert_int_equal(t.closed, 0);
	heard("");
}

static void an_endless_line_ends_it(void **state)
{
	char text[4096];

	(void)state;
	memset(text, 'x', sizeof(text) - 1);
	text[sizeof(text) - 1] = '\0';
	for (int i = 0; i < 20 && !t.closed; i++)
		say(text);
	assert_int_equal(t.closed, 1);
}

static void its_last_words_are_drained(void **state)
{
	static const char last[] =
		"{\"event\": \"SHUTDOWN\", \"data\": {\"reason\": \"guest-panic\"}}\n";

	(void)state;
	greet();
	assert_int_equal(write(t.sock, last, sizeof(last) - 1), (ssize_t)sizeof(last) - 1);
	close_fd(&t.sock);
	qmp_drain(t.qmp);
	assert_string_equal(t.reason, "<guest-panic>");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(the_handshake, fresh, done),
		cmocka_unit_test_setup_teardown(commands_wait_for_it, fresh, done),
		cmocka_unit_test_setup_teardown(events_and_errors, fresh, done),
		cmocka_unit_test_setup_teardown(lines_in_pieces, fresh, done),
		cmocka_unit_test_setup_teardown(what_is_no_message_is_ignored, fresh, done),
		cmocka_unit_test_setup_teardown(an_endless_line_ends_it, fresh, done),
		cmocka_unit_test_setup_teardown(its_last_words_are_drained, fresh, done),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
