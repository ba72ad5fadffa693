/* A child process that does nothing until it is killed. */
#pragma once

#include "base/pidref.h"
#include "tests/unit/unit.h"

#include <signal.h>
#include <stdbool.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

static inline pid_t child_start(void)
{
	pid_t pid = fork();

	assert_true(pid >= 0);
	if (pid == 0) {
		/* A test that fails does not leave it behind. */
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		for (;;)
			pause();
	}
	return pid;
}

static inline struct pidref child_ref(pid_t pid)
{
	struct pidref p;

	assert_int_equal(pidref_get(pid, &p), 0);
	return p;
}

/* Reaps it; whether SIGKILL was its end. */
static inline bool child_was_killed(pid_t pid)
{
	int status;

	assert_int_equal(waitpid(pid, &status, 0), pid);
	return WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL;
}

static inline void child_end(pid_t pid)
{
	assert_int_equal(kill(pid, SIGKILL), 0);
	assert_true(child_was_killed(pid));
}
