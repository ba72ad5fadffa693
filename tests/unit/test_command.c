/* Programs run to their end: input, environment, output, time, and what must not reach them. */
#include "base/auto.h"
#include "base/command.h"
#include "base/fd.h"
#include "base/path.h"
#include "tests/unit/unit.h"

#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>

#define PATIENCE_MS 20000

static char dir[32];

static int make_dir(void **state)
{
	(void)state;
	snprintf(dir, sizeof(dir), "/tmp/test_command.XXXXXX");
	return mkdtemp(dir) ? 0 : -1;
}

static int drop_dir(void **state)
{
	(void)state;
	return remove_tree(AT_FDCWD, dir);
}

/* sh -c script in the directory. */
static int run(struct command *c, const char *script, struct err *err)
{
	const char *args[] = { "sh", "-c", script, NULL };

	c->path = "/bin/sh";
	c->args = args;
	c->cwd = dir;
	return command_run(c, err);
}

static void succeeds(struct command *c, const char *script)
{
	struct err err = ERR_NONE;

	if (run(c, script, &err) < 0)
		fail_msg("%s: %s", script, err.msg);
}

static void fails(struct command *c, const char *script, int code, const char *message)
{
	struct err err = ERR_NONE;

	assert_int_equal(run(c, script, &err), -code);
	assert_string_equal(err.msg, message);
}

/* The content of a file in the directory. */
static char *content(const char *name)
{
	struct buf b = { 0 };
	struct err err = ERR_NONE;
	char path[64];

	snprintf(path, sizeof(path), "%s/%s", dir, name);
	if (file_read(AT_FDCWD, path, 1 << 24, &b, &err) < 0)
		fail_msg("%s", err.msg);
	assert_non_null(buf_str(&b));
	return (char *)b.data;
}

static void has(const char *name, const char *text)
{
	AUTO_FREE char *found = content(name);

	assert_string_equal(found, text);
}

static bool alive(pid_t pid)
{
	char path[32], state = 0;
	FILE *f;

	snprintf(path, sizeof(path), "/proc/%d/stat", pid);
	f = fopen(path, "re");
	if (!f)
		return false;
	if (fscanf(f, "%*d %*s %c", &state) != 1)
		state = 0;
	fclose(f);
	return state && state != 'Z' && state != 'X';
}

static bool ends(pid_t pid)
{
	const struct timespec ms = { .tv_nsec = 1000000 };

	for (int i = 0; i < PATIENCE_MS && alive(pid); i++)
		nanosleep(&ms, NULL);
	return !alive(pid);
}

static pid_t pid_in(const char *name)
{
	AUTO_FREE char *text = content(name);

	return (pid_t)strtol(text, NULL, 10);
}

static void success_is_silent(void **state)
{
	struct command c = { .input = -1 };

	(void)state;
	succeeds(&c, "echo noise; echo noise >&2; cat >in; pwd >cwd");
	has("in", "");
}

static void failure_tells_the_end_of_the_output(void **state)
{
	struct command c = { .input = -1 };
	struct err err = ERR_NONE;

	(void)state;
	fails(&c, "exit 7", ECANCELED, "exit status 7");
	fails(&c, "echo; echo ' one'; printf 'tw\\033o \\n\\n' >&2; exit 1", ECANCELED,
		"exit status 1: one|tw?o");
	fails(&c, "kill -SEGV $$", ECANCELED, "killed by signal 11 (segmentation fault)");
	assert_int_equal(
		run(&c, "i=0; while [ $i -lt 20000 ]; do echo line $i; i=$((i+1)); done; exit 1",
			&err),
		-ECANCELED);
	assert_true(strlen(err.msg) < 450);
	assert_non_null(strstr(err.msg, "|line 19999"));
}

static void what_cannot_be_executed_is_told(void **state)
{
	struct command c = { .path = "/no/such", .input = -1 };
	struct err err = ERR_NONE;

	(void)state;
	assert_int_equal(command_run(&c, &err), -ENOENT);
	assert_string_equal(err.msg, "cannot be executed: No such file or directory");
	err_clear(&err);
	c.path = "/etc/passwd";
	assert_int_equal(command_run(&c, &err), -EACCES);
	assert_string_equal(err.msg, "cannot be executed: Permission denied");
	err_clear(&err);
	c.path = "/bin/true";
	c.cwd = "/etc/passwd";
	assert_int_equal(command_run(&c, &err), -ENOTDIR);
}

static void a_directory_that_is_gone_is_the_root(void **state)
{
	const char *args[] = { "sh", "-c", "test \"$(pwd)\" = /", NULL };
	struct command c = { .path = "/bin/sh", .args = args, .cwd = "/no/such", .input = -1 };
	struct err err = ERR_NONE;

	(void)state;
	assert_int_equal(command_run(&c, &err), 0);
}

static void arguments_may_be_absent(void **state)
{
	const char *none[] = { NULL };
	struct command c = { .path = "/bin/true", .input = -1 };
	struct err err = ERR_NONE;

	(void)state;
	assert_int_equal(command_run(&c, &err), 0);
	c.args = none;
	assert_int_equal(command_run(&c, &err), 0);
}

static void the_environment_is_as_given(void **state)
{
	const char *env[] = { "A=1", "B=two words", NULL }, *none[] = { NULL };
	struct command c = { .input = -1 };

	(void)state;
	setenv("TEST_COMMAND", "inherited", 1);
	succeeds(&c, "echo $TEST_COMMAND >env");
	has("env", "inherited\n");
	c.env = env;
	succeeds(&c, "echo \"$TEST_COMMAND$A$B\" >env");
	has("env", "1two words\n");
	c.env = none;
	succeeds(&c, "echo \"$TEST_COMMAND$A$B$HOME\" >env");
	has("env", "\n");
}

static void input_is_given_to_each_from_its_beginning(void **state)
{
	struct command c = { .input = command_input("abc", 3) };

	(void)state;
	assert_true(c.input >= 0);
	for (int i = 0; i < 2; i++) {
		succeeds(&c, "cat >in");
		has("in", "abc");
	}
	close(c.input);
}

static void large_input_need_not_be_read(void **state)
{
	size_t size = 4 << 20;
	AUTO_FREE char *text = malloc(size);
	struct command c = { .input = -1 };

	(void)state;
	assert_non_null(text);
	memset(text, 'x', size);
	c.input = command_input(text, size);
	assert_true(c.input >= 0);
	succeeds(&c, "exit 0");
	succeeds(&c, "head -c 1 >first");
	has("first", "x");
	succeeds(&c, "wc -c >count");
	has("count", "4194304\n");
	close(c.input);
}

static void time_is_limited_for_the_whole_group(void **state)
{
	struct command c = { .input = -1, .timeout_s = 1 };

	(void)state;
	fails(&c, "trap '' TERM; sleep 1000 & echo $! >pid; echo waiting; wait", ETIMEDOUT,
		"killed after its timeout of 1 s: waiting");
	assert_true(ends(pid_in("pid")));
	c.timeout_s = INT64_MAX;
	succeeds(&c, "exit 0");
}

static void what_is_left_running_does_not_hold_us(void **state)
{
	struct command c = { .input = -1, .guarded = true };
	pid_t left;

	(void)state;
	succeeds(&c, "sh -c 'while :; do echo noise; sleep 0.01; done' & echo $! >pid");
	left = pid_in("pid");
	/* Its next line ends it, nothing of ours does: it was asked for. */
	assert_true(ends(left));
	succeeds(&c, "sleep 1000 >/dev/null 2>&1 & echo $! >pid");
	left = pid_in("pid");
	assert_true(alive(left));
	kill(left, SIGKILL);
}

static void nothing_of_ours_is_inherited(void **state)
{
	struct command c = { .input = -1 };
	int fd = open("/dev/null", O_RDONLY);
	sigset_t all, before;
	struct err err = ERR_NONE;

	(void)state;
	assert_true(fd > 2);
	assert_int_equal(fcntl(fd, F_DUPFD, 100), 100);
	sigfillset(&all);
	sigprocmask(SIG_BLOCK, &all, &before);
	signal(SIGPIPE, SIG_IGN);
	succeeds(&c, "ls /proc/self/fd | xargs >fds; grep SigBlk /proc/self/status >blocked");
	assert_int_equal(run(&c, "kill -PIPE $$", &err), -ECANCELED);
	signal(SIGPIPE, SIG_DFL);
	sigprocmask(SIG_SETMASK, &before, NULL);
	close(fd);
	close(100);
	has("fds", "0 1 2 3\n"); /* the last is ls's own */
	has("blocked", "SigBlk:\t0000000000000000\n");
	assert_string_equal(err.msg, "killed by signal 13 (broken pipe)");
}

/* A process that runs a command; it is killed once the command has begun. */
static void kill_while_it_runs(bool guarded)
{
	struct command c = { .input = -1, .guarded = guarded };
	struct err err = ERR_NONE;
	int line[2];
	char byte;
	pid_t us;

	assert_int_equal(pipe2(line, 0), 0);
	us = fork();
	assert_true(us >= 0);
	if (us == 0) {
		close(line[0]);
		dup2(line[1], 1);
		(void)!run(&c,
			"echo $$ >pid; sleep 1000 >/dev/null 2>&1 & echo $! >grandchild; "
			"mv grandchild begun; wait",
			&err);
		_exit(0);
	}
	close(line[1]);
	for (int i = 0; i < PATIENCE_MS; i++) {
		const struct timespec ms = { .tv_nsec = 1000000 };
		char path[64];

		snprintf(path, sizeof(path), "%s/begun", dir);
		if (access(path, F_OK) == 0)
			break;
		nanosleep(&ms, NULL);
	}
	kill(us, SIGKILL);
	assert_int_equal(waitpid(us, NULL, 0), us);
	assert_true(ends(pid_in("pid")));
	/* The guard is gone, too: nobody holds our output any more. */
	assert_int_equal(read(line[0], &byte, 1), 0);
	close(line[0]);
}

static void it_ends_with_us(void **state)
{
	(void)state;
	kill_while_it_runs(false);
	kill(pid_in("begun"), SIGKILL);
}

static void its_group_ends_with_us_when_guarded(void **state)
{
	(void)state;
	kill_while_it_runs(true);
	assert_true(ends(pid_in("begun")));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(success_is_silent, make_dir, drop_dir),
		cmocka_unit_test_setup_teardown(
			failure_tells_the_end_of_the_output, make_dir, drop_dir),
		cmocka_unit_test(what_cannot_be_executed_is_told),
		cmocka_unit_test(a_directory_that_is_gone_is_the_root),
		cmocka_unit_test(arguments_may_be_absent),
		cmocka_unit_test_setup_teardown(the_environment_is_as_given, make_dir, drop_dir),
		cmocka_unit_test_setup_teardown(
			input_is_given_to_each_from_its_beginning, make_dir, drop_dir),
		cmocka_unit_test_setup_teardown(large_input_need_not_be_read, make_dir, drop_dir),
		cmocka_unit_test_setup_teardown(
			time_is_limited_for_the_whole_group, make_dir, drop_dir),
		cmocka_unit_test_setup_teardown(
			what_is_left_running_does_not_hold_us, make_dir, drop_dir),
		cmocka_unit_test_setup_teardown(nothing_of_ours_is_inherited, make_dir, drop_dir),
		cmocka_unit_test_setup_teardown(it_ends_with_us, make_dir, drop_dir),
		cmocka_unit_test_setup_teardown(
			its_group_ends_with_us_when_guarded, make_dir, drop_dir),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
