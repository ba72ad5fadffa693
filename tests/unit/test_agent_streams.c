/* Streams and terminals of processes. */
#include "base/fd.h"
#include "tests/unit/agent_acts.h"
#include "tests/unit/unit.h"

#include <string.h>
#include <sys/socket.h>
#include <time.h>

static void test_stdin(void **state)
{
	struct box_request r;
	struct box_result res = { 0 };
	AUTO_CLOSE int in = -1;
	AUTO_CLOSE int out = -1;
	char text[64];

	(void)state;
	request_init(&r, "c", "cat; echo end");
	r.stdio.stderr = 0;
	box_call(&box, create_container, &r.create);
	in = box_stream(&box, r.stdio.stdin);
	out = box_stream(&box, r.stdio.stdout);
	start("c");
	assert_int_equal(fd_write_all(in, "hello\n", 6), 0);
	shutdown(in, SHUT_WR);
	assert_int_equal(fd_read_all(out, text, 10), 0);
	assert_memory_equal(text, "hello\nend\n", 10);
	assert_int_equal(read(out, text, 1), 0);
	assert_int_equal(box_wait(&box, "c", ""), 0);
	assert_int_equal(box_wait(&box, "c", ""), 0);
	box_delete(&box, "c");
	result_done(&res);
}

static void test_large_output(void **state)
{
	struct box_result res;

	(void)state;
	run_script("dd if=/dev/zero bs=65536 count=3200 2>/dev/null; echo end >&2", &res);
	assert_int_equal(res.status, 0);
	assert_int_equal(res.out_len, (size_t)3200 * 65536);
	assert_string_equal(res.error, "end\n");
	result_done(&res);
}

static void test_reader_gone(void **state)
{
	struct box_request r;

	(void)state;
	request_init(&r, "c", "trap '' INT; (yes; echo $? >&2); kill -0 1; exit 3");
	r.stdio.stdin = 0;
	box_call(&box, create_container, &r.create);
	close(box_stream(&box, r.stdio.stdout));
	close(box_stream(&box, r.stdio.stderr));
	start("c");
	assert_int_equal(box_wait(&box, "c", ""), 3);
	box_delete(&box, "c");
}

static int64_t now_ms(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (int64_t)ts.tv_sec * 1000 + ts.tv_nsec / 1000000;
}

static void test_grandchild_holds_output(void **state)
{
	Vmrun__Agent__ExecRequest exec = VMRUN__AGENT__EXEC_REQUEST__INIT;
	AUTO_CLOSE int out = -1;
	struct box_request r;
	int64_t before = now_ms();
	char text[8];

	(void)state;
	run_detached("c", "sleep 1000");
	request_init(&r, "unused", "sleep 1000 & echo done");
	r.stdio.stdin = r.stdio.stderr = 0;
	exec.container = (char *)(uintptr_t) "c";
	exec.process = (char *)(uintptr_t) "e";
	exec.spec = &r.process;
	box_call(&box, exec, &exec);
	out = box_stream(&box, r.stdio.stdout);
	assert_int_equal(box_wait(&box, "c", "e"), 0);
	assert_in_range(now_ms() - before, 1900, 8000);
	assert_int_equal(fd_read_all(out, text, 5), 0);
	assert_int_equal(read(out, text, 1), 0);
	box_delete(&box, "c");
}

static void test_terminal(void **state)
{
	Vmrun__Agent__ResizeTerminalRequest resize = VMRUN__AGENT__RESIZE_TERMINAL_REQUEST__INIT;
	AUTO(buf_done) struct buf text = { 0 };
	AUTO_CLOSE int tty = -1;
	struct box_request r;

	(void)state;
	request_init(&r, "c",
		"tty; stty size; read x; stty size; echo got $x; ls -l /dev/console; test -t 2; "
		"exit $?");
	r.stdio.terminal = true;
	r.stdio.stdin = 0;
	r.stdio.rows = 30;
	r.stdio.columns = 100;
	box_call(&box, create_container, &r.create);
	tty = box_stream(&box, r.stdio.stdout);
	start("c");
	resize.container = (char *)(uintptr_t) "c";
	resize.rows = 31;
	resize.columns = 101;
	while (!buf_str(&text) || !strstr((char *)text.data, "30 100")) {
		assert_int_equal(buf_reserve(&text, 256), 0);
		ssize_t n = read(tty, text.data + text.len, 255);

		assert_true(n > 0);
		text.len += (size_t)n;
	}
	box_call(&box, resize_terminal, &resize);
	assert_int_equal(fd_write_all(tty, "word\n", 5), 0);
	assert_int_equal(fd_read_to_end(tty, 65536, &text), 0);
	assert_non_null(buf_str(&text));
	assert_non_null(strstr((char *)text.data, "/dev/pts/0"));
	assert_non_null(strstr((char *)text.data, "31 101"));
	assert_non_null(strstr((char *)text.data, "got word"));
	assert_non_null(strstr((char *)text.data, "/dev/console"));
	assert_int_equal(box_wait(&box, "c", ""), 0);
	box_delete(&box, "c");
}

/* The end of the input is not the end of the line: the process reads on, or does something else. */
static void test_terminal_with_input_apart(void **state)
{
	AUTO(buf_done) struct buf text = { 0 };
	AUTO_CLOSE int in = -1;
	AUTO_CLOSE int out = -1;
	struct box_request r;

	(void)state;
	request_init(
		&r, "c", "read x; echo got $x; read -t 1 y; echo then $y; test -t 0 && exit 7");
	r.stdio.terminal = true;
	box_call(&box, create_container, &r.create);
	in = box_stream(&box, r.stdio.stdin);
	assert_int_equal(fd_write_all(in, "word\n", 5), 0);
	close_fd(&in);
	out = box_stream(&box, r.stdio.stdout);
	start("c");
	assert_int_equal(fd_read_to_end(out, 65536, &text), 0);
	assert_non_null(buf_str(&text));
	assert_non_null(strstr((char *)text.data, "got word\n"));
	assert_non_null(strstr((char *)text.data, "then\n"));
	assert_int_equal(box_wait(&box, "c", ""), 7);
	box_delete(&box, "c");
}

static void test_exec_terminal(void **state)
{
	Vmrun__Agent__ExecRequest exec = VMRUN__AGENT__EXEC_REQUEST__INIT;
	AUTO(buf_done) struct buf text = { 0 };
	AUTO_CLOSE int tty = -1;
	struct box_request r;

	(void)state;
	run_detached("c", "sleep 1000");
	request_init(&r, "unused", "tty; stty size; exit 5");
	r.stdio.terminal = true;
	r.stdio.stdin = 0;
	r.stdio.rows = 30;
	r.stdio.columns = 100;
	exec.container = (char *)(uintptr_t) "c";
	exec.process = (char *)(uintptr_t) "e";
	exec.spec = &r.process;
	tty = box_stream(&box, r.stdio.stdout);
	box_call(&box, exec, &exec);
	assert_int_equal(fd_read_to_end(tty, 65536, &text), 0);
	assert_non_null(buf_str(&text));
	assert_string_equal((char *)text.data, "/dev/pts/0\r\n30 100\r\n");
	assert_int_equal(box_wait(&box, "c", "e"), 5);
	box_delete(&box, "c");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_teardown(test_stdin, clean_up),
		cmocka_unit_test_teardown(test_large_output, clean_up),
		cmocka_unit_test_teardown(test_reader_gone, clean_up),
		cmocka_unit_test_teardown(test_grandchild_holds_output, clean_up),
		cmocka_unit_test_teardown(test_terminal, clean_up),
		cmocka_unit_test_teardown(test_terminal_with_input_apart, clean_up),
		cmocka_unit_test_teardown(test_exec_terminal, clean_up),
	};

	if (!box_possible())
		return 77; /* automake: skipped */
	return cmocka_run_group_tests(tests, box_set_up, box_tear_down);
}
