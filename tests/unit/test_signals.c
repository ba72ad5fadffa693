/* Signal names as runc and kill(1) take them. */
#include "cmd/signals.h"
#include "tests/unit/unit.h"

#include <signal.h>

static void numbers(void **state)
{
	(void)state;
	assert_int_equal(signal_number("9"), 9);
	assert_int_equal(signal_number("0"), 0);
	assert_int_equal(signal_number("64"), 64);
	assert_int_equal(signal_number("65"), -1);
	assert_int_equal(signal_number("-1"), -1);
	assert_int_equal(signal_number("9x"), -1);
	assert_int_equal(signal_number("99999999999999999999"), -1);
}

static void names(void **state)
{
	(void)state;
	assert_int_equal(signal_number("KILL"), SIGKILL);
	assert_int_equal(signal_number("SIGKILL"), SIGKILL);
	assert_int_equal(signal_number("sigterm"), SIGTERM);
	assert_int_equal(signal_number("Term"), SIGTERM);
	assert_int_equal(signal_number("HUP"), SIGHUP);
	assert_int_equal(signal_number("USR2"), SIGUSR2);
	assert_int_equal(signal_number("WINCH"), SIGWINCH);
	assert_int_equal(signal_number("SYS"), SIGSYS);
	assert_int_equal(signal_number("SIGPOLL"), SIGPOLL);
}

/* The second names of signals that have two. */
static void aliases(void **state)
{
	(void)state;
	assert_int_equal(signal_number("SIGIO"), SIGIO);
	assert_int_equal(signal_number("iot"), SIGABRT);
	assert_int_equal(signal_number("CLD"), SIGCHLD);
}

static void real_time(void **state)
{
	(void)state;
	assert_int_equal(signal_number("RTMIN"), SIGRTMIN);
	assert_int_equal(signal_number("SIGRTMIN+3"), SIGRTMIN + 3);
	assert_int_equal(signal_number("RTMAX"), SIGRTMAX);
	assert_int_equal(signal_number("SIGRTMAX-14"), SIGRTMAX - 14);
	assert_int_equal(signal_number("sigrtmin+3"), SIGRTMIN + 3);
	assert_int_equal(signal_number("rtmax"), SIGRTMAX);
	assert_int_equal(signal_number("RTMIN+30"), 64);
	assert_int_equal(signal_number("RTMIN+31"), -1);
	assert_int_equal(signal_number("RTMIN-1"), -1);
	assert_int_equal(signal_number("RTMIN+"), -1);
	assert_int_equal(signal_number("RTMIN+1x"), -1);
}

static void nonsense(void **state)
{
	(void)state;
	assert_int_equal(signal_number(""), -1);
	assert_int_equal(signal_number("SIG"), -1);
	assert_int_equal(signal_number("SIG9"), -1);
	assert_int_equal(signal_number("KILL "), -1);
	assert_int_equal(signal_number("SIGSIGKILL"), -1);
	assert_int_equal(signal_number("NOSUCH"), -1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(numbers),
		cmocka_unit_test(names),
		cmocka_unit_test(aliases),
		cmocka_unit_test(real_time),
		cmocka_unit_test(nonsense),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
