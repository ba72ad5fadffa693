/* virtio-console: the log is whole, bounded and harmless. */
#include "base/fd.h"
#include "dev/console.h"
#include "tests/unit/fakeguest.h"
#include "tests/unit/unit.h"

#include <fcntl.h>
#include <string.h>
#include <sys/mman.h>

#define MAX_BYTES 10000

struct ctx {
	struct fakeguest g;
	struct loop *loop;
	struct console *console;
	int log_fd;
};

static struct ctx t;

static void open_console(int log_fd)
{
	t.log_fd = log_fd;
	fg_init(&t.g);
	assert_int_equal(loop_new(&t.loop), 0);
	assert_int_equal(console_new(t.loop, &t.g.gm, log_fd, MAX_BYTES, &t.console), 0);
	fg_attach(&t.g, console_vdev(t.console));
	fg_start(&t.g, 0);
}

static int fresh(void **state)
{
	(void)state;
	open_console(memfd_create("log", MFD_CLOEXEC));
	return 0;
}

static int gone(void **state)
{
	(void)state;
	fg_done(&t.g);
	console_free(t.console);
	loop_free(t.loop);
	close(t.log_fd);
	return 0;
}

static void say_bytes(const void *text, size_t len)
{
	uint64_t gpa = fg_alloc(&t.g, len);
	uint16_t head, used_head;
	uint32_t used_len;

	memcpy(fg_at(&t.g, gpa), text, len);
	head = fg_post(&t.g, 1, (struct fg_buf[]){ { gpa, (uint32_t)len, false } }, 1);
	fg_kick(&t.g, 1);
	while (loop_turn(t.loop, 0) > 0)
		;
	assert_true(fg_used(&t.g, 1, &used_head, &used_len));
	assert_int_equal(used_head, head);
	assert_int_equal(used_len, 0);
}

static void say(const char *text)
{
	say_bytes(text, strlen(text));
}

static const char *logged(void)
{
	static struct buf b;

	b.len = 0;
	assert_int_equal(lseek(t.log_fd, 0, SEEK_SET), 0);
	assert_int_equal(fd_read_to_end(t.log_fd, 1 << 20, &b), 0);
	return buf_str(&b);
}

static void output_is_logged(void **state)
{
	(void)state;
	say("Linux version 6\r\n");
	say("\tone\n");
	assert_string_equal(logged(), "Linux version 6\n\tone\n");
}

static void control_characters_are_replaced(void **state)
{
	(void)state;
	/* ESC, BEL, DEL, NUL; the one-byte and the UTF-8 form of CSI. */
	say_bytes("\033[2J \a\x7f\0 \x9b"
		  "1m \xc2\x9b"
		  "2m",
		17);
	assert_string_equal(logged(), "?[2J ??? ?1m \xc2?2m");
}

static void text_is_kept(void **state)
{
	(void)state;
	say("Gr\xc3\xbc\xc3\x9f"
	    "e \xe2\x82\xac \xf0\x9f\x98\x80 \xc2\xa9");
	/* A sequence may come in two pieces. */
	say("\xe2\x82");
	say("\xac");
	assert_string_equal(logged(), "Gr\xc3\xbc\xc3\x9f"
				      "e \xe2\x82\xac \xf0\x9f\x98\x80 \xc2\xa9\xe2\x82\xac");
}

static void the_log_is_bounded(void **state)
{
	char line[1001];
	const char *log;

	(void)state;
	memset(line, 'x', 1000);
	line[1000] = '\0';
	for (int i = 0; i < 10; i++)
		say(line);
	assert_int_equal(strlen(logged()), MAX_BYTES);
	say("more");
	say("and more");
	log = logged();
	assert_non_null(strstr(log, "is full"));
	assert_null(strstr(log, "more"));
	assert_true(strlen(log) < MAX_BYTES + 100);
}

static void the_tail_goes_on(void **state)
{
	char line[3001], tail[CONSOLE_TAIL_BYTES + 1];

	(void)state;
	assert_int_equal(console_tail(t.console, tail, sizeof(tail)), 0);
	say("first\n");
	assert_int_equal(console_tail(t.console, tail, sizeof(tail)), 6);
	assert_string_equal(tail, "first\n");
	memset(line, 'x', 3000);
	line[3000] = '\0';
	for (int i = 0; i < 5; i++)
		say(line);
	say("Kernel panic\033\n");
	assert_int_equal(console_tail(t.console, tail, sizeof(tail)), CONSOLE_TAIL_BYTES);
	assert_string_equal(tail + CONSOLE_TAIL_BYTES - 14, "Kernel panic?\n");
	assert_int_equal(console_tail(t.console, tail, 15), 14);
	assert_string_equal(tail, "Kernel panic?\n");
	assert_int_equal(console_tail(t.console, tail, 1), 0);
	assert_string_equal(tail, "");
}

static void a_log_that_is_stuck_does_not_stop_the_guest(void **state)
{
	char line[1001];
	int p[2];

	(void)state;
	assert_int_equal(pipe(p), 0); /* blocking, and nobody reads */
	open_console(p[1]);
	memset(line, 'y', 1000);
	line[1000] = '\0';
	assert_true(fcntl(p[1], F_SETPIPE_SZ, 4096) >= 0);
	for (int i = 0; i < 9; i++)
		say(line);
	gone(state);
	close(p[0]);
}

static void a_long_chain_is_cut(void **state)
{
	uint64_t gpa = fg_alloc(&t.g, 1 << 20);
	char tail[CONSOLE_TAIL_BYTES + 1];
	uint16_t head;
	uint32_t len;

	(void)state;
	memset(fg_at(&t.g, gpa), 'a', 1 << 20);
	fg_post(&t.g, 1, (struct fg_buf[]){ { gpa, 1 << 20, false } }, 1);
	fg_kick(&t.g, 1);
	while (loop_turn(t.loop, 0) > 0)
		;
	assert_true(fg_used(&t.g, 1, &head, &len));
	assert_int_equal(console_tail(t.console, tail, sizeof(tail)), CONSOLE_TAIL_BYTES);
}

/* Its log goes on where it was, in the middle of a character, and its tail holds what was said. */
static void output_moves_with_the_machine(void **state)
{
	struct console *old = t.console;
	char tail[CONSOLE_TAIL_BYTES + 1];

	(void)state;
	say("price: \xe2\x82");
	assert_int_equal(console_new(t.loop, &t.g.gm, t.log_fd, MAX_BYTES, &t.console), 0);
	fg_move(&t.g, console_vdev(t.console));
	console_free(old);
	say("\xac 7\n");
	assert_string_equal(logged(), "price: \xe2\x82\xac 7\n");
	console_tail(t.console, tail, sizeof(tail));
	assert_string_equal(tail, "price: \xe2\x82\xac 7\n");
}

/* The budget of the log is the guest's, however often it moves. */
static void a_move_does_not_empty_the_log(void **state)
{
	static char text[MAX_BYTES - 10];
	struct console *old = t.console;

	(void)state;
	memset(text, 'x', sizeof(text));
	say_bytes(text, sizeof(text));
	assert_int_equal(console_new(t.loop, &t.g.gm, t.log_fd, MAX_BYTES, &t.console), 0);
	fg_move(&t.g, console_vdev(t.console));
	console_free(old);
	assert_false(console_is_full(t.console));
	say("more than ten bytes");
	assert_true(console_is_full(t.console));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(output_is_logged, fresh, gone),
		cmocka_unit_test_setup_teardown(control_characters_are_replaced, fresh, gone),
		cmocka_unit_test_setup_teardown(text_is_kept, fresh, gone),
		cmocka_unit_test_setup_teardown(the_log_is_bounded, fresh, gone),
		cmocka_unit_test_setup_teardown(the_tail_goes_on, fresh, gone),
		cmocka_unit_test_setup_teardown(output_moves_with_the_machine, fresh, gone),
		cmocka_unit_test_setup_teardown(a_move_does_not_empty_the_log, fresh, gone),
		cmocka_unit_test(a_log_that_is_stuck_does_not_stop_the_guest),
		cmocka_unit_test_setup_teardown(a_long_chain_is_cut, fresh, gone),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
