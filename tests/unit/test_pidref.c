/* Processes by pid and start time: the living, the dead and the mistaken. */
#include "base/auto.h"
#include "base/pidref.h"
#include "tests/unit/child.h"

#include <poll.h>
#include <sys/prctl.h>

static void a_live_process(void **state)
{
	pid_t pid = child_start();
	struct pidref p = child_ref(pid), self = child_ref(getpid());

	(void)state;
	assert_int_equal(p.pid, pid);
	assert_true(p.start_time >= self.start_time && self.start_time > 0);
	assert_true(pidref_alive(&p));
	child_end(pid);
	assert_false(pidref_alive(&p));
}

static void a_pid_that_is_used_again_is_another_process(void **state)
{
	pid_t pid = child_start();
	struct pidref p = child_ref(pid);

	(void)state;
	p.start_time--;
	assert_false(pidref_alive(&p));
	assert_int_equal(pidref_open(&p), -ESRCH);
	assert_int_equal(pidref_kill(&p, 1000), 0);	  /* gone already */
	assert_int_equal(waitpid(pid, NULL, WNOHANG), 0); /* and the other one lives */
	child_end(pid);
}

static void a_zombie_is_not_alive(void **state)
{
	pid_t pid = child_start();
	struct pidref p = child_ref(pid), now;
	siginfo_t info;

	(void)state;
	assert_int_equal(kill(pid, SIGKILL), 0);
	assert_int_equal(waitid(P_PID, (id_t)pid, &info, WEXITED | WNOWAIT), 0);
	assert_int_equal(pidref_get(pid, &now), -ESRCH);
	assert_false(pidref_alive(&p));
	assert_true(child_was_killed(pid));
}

static void nobody(void **state)
{
	struct pidref none = { 0 }, negative = { .pid = -1 }, now;

	(void)state;
	assert_false(pidref_alive(&none));
	assert_false(pidref_alive(&negative));
	assert_int_equal(pidref_open(&none), -ESRCH);
	assert_int_equal(pidref_kill(&none, 0), 0);
	assert_int_equal(pidref_get(-1, &now), -ESRCH);
	assert_int_equal(pidref_get(0, &now), -ESRCH);
}

/* The name of a process may hold what /proc/PID/stat is separated by. */
static void names_with_parentheses(void **state)
{
	struct pidref before = child_ref(getpid()), p;

	(void)state;
	assert_int_equal(prctl(PR_SET_NAME, ") Z 1 (2) 3"), 0);
	assert_int_equal(pidref_get(getpid(), &p), 0);
	assert_int_equal(prctl(PR_SET_NAME, "test_pidref"), 0);
	assert_int_equal(p.start_time, before.start_time);
}

static void a_pidfd_sees_the_end(void **state)
{
	pid_t pid = child_start();
	struct pidref p = child_ref(pid);
	AUTO_CLOSE int fd = pidref_open(&p);
	struct pollfd end = { .fd = fd, .events = POLLIN };

	(void)state;
	assert_true(fd >= 0);
	assert_int_equal(poll(&end, 1, 0), 0);
	child_end(pid);
	assert_int_equal(poll(&end, 1, 10000), 1);
}

static void kill_waits_for_the_end(void **state)
{
	pid_t pid = child_start();
	struct pidref p = child_ref(pid);

	(void)state;
	assert_int_equal(pidref_kill(&p, 10000), 0);
	assert_false(pidref_alive(&p));
	assert_true(child_was_killed(pid));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_live_process),
		cmocka_unit_test(a_pid_that_is_used_again_is_another_process),
		cmocka_unit_test(a_zombie_is_not_alive),
		cmocka_unit_test(nobody),
		cmocka_unit_test(names_with_parentheses),
		cmocka_unit_test(a_pidfd_sees_the_end),
		cmocka_unit_test(kill_waits_for_the_end),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
