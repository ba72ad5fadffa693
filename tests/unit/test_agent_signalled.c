/* Who has got a signal while he waits in the kernel: the question and its answer. */
#include "agent/signalled.h"
#include "base/fd.h"
#include "rpc/signalled.h"
#include "tests/unit/unit.h"

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>

static char state_of(pid_t pid)
{
	char path[32], stat[256], *end;
	AUTO_CLOSE int fd = -1;
	ssize_t n;

	snprintf(path, sizeof(path), "/proc/%d/stat", (int)pid);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	n = read(fd, stat, sizeof(stat) - 1);
	assert_true(n > 0);
	stat[n] = '\0';
	end = strrchr(stat, ')');
	return end ? end[2] : '?';
}

static pid_t child_in_state(char wanted, void (*run)(void))
{
	pid_t pid = fork();

	assert_true(pid >= 0);
	if (pid == 0) {
		run();
		_exit(1);
	}
	for (int i = 0; i < 20000 && state_of(pid) != wanted; i++)
		poll(NULL, 0, 1);
	assert_int_equal(state_of(pid), wanted);
	return pid;
}

static void sleep_on(void)
{
	pause();
}

/* The parent of a vfork() is as uninterruptible as who waits for FUSE. */
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wdeprecated-declarations"

static void wait_for_ever(void)
{
	setpgid(0, 0);
	if (vfork() == 0)
		pause();
}

#pragma GCC diagnostic pop

/* What the agent says to n bytes of a question; false: it closes without a word. */
static bool ask(const struct signalled *question, size_t n, struct signalled *answer)
{
	struct agent a = { 0 };
	size_t half = n / 2;
	ssize_t got;
	int sv[2];

	assert_int_equal(loop_new(&a.loop), 0);
	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, sv), 0);
	assert_int_equal(fd_set_nonblock(sv[0], true), 0);
	assert_int_equal(signalled_serve(&a, sv[0]), 0);
	assert_int_equal(send(sv[1], question, half, 0), half);
	assert_int_equal(loop_turn(a.loop, 1000), 1);
	assert_int_equal(send(sv[1], (const char *)question + half, n - half, 0), n - half);
	shutdown(sv[1], SHUT_WR);
	while (loop_turn(a.loop, 100) > 0)
		;
	got = recv(sv[1], answer, sizeof(*answer), MSG_WAITALL);
	assert_true(got == 0 || got == (ssize_t)sizeof(*answer));
	close(sv[1]);
	loop_free(a.loop);
	return got > 0;
}

static void those_who_wait_on_after_a_signal_are_named(void **state)
{
	pid_t sleeps = child_in_state('S', sleep_on), waits = child_in_state('D', wait_for_ever);
	struct signalled question = {
		.count = 4,
		.tid = { (uint32_t)sleeps, (uint32_t)waits, UINT32_MAX, 0 },
	};
	struct signalled answer;

	(void)state;
	assert_true(ask(&question, sizeof(question), &answer));
	assert_int_equal(answer.count, 1);
	assert_int_equal(answer.tid[0], waits);
	question.count = UINT32_MAX;
	assert_true(ask(&question, sizeof(question), &answer));
	assert_int_equal(answer.count, 1);
	kill(sleeps, SIGKILL);
	kill(-waits, SIGKILL);
	waitpid(sleeps, NULL, 0);
	waitpid(waits, NULL, 0);
}

static void half_a_question_is_none(void **state)
{
	struct signalled question = { .count = 1, .tid = { 1 } }, answer;

	(void)state;
	assert_false(ask(&question, sizeof(question) - 1, &answer));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(those_who_wait_on_after_a_signal_are_named),
		cmocka_unit_test(half_a_question_is_none),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
