/* Shares: see shares.h. Used by children, which may wait. */
#include "agent/shares.h"

#include "rpc/ports.h"

#include <poll.h>
#include <stdint.h>
#include <sys/xattr.h>
#include <time.h>

/* The coarse clock moves once a tick. */
static uint64_t tick_ns(void)
{
	struct timespec tick;

	return clock_getres(CLOCK_MONOTONIC_COARSE, &tick) < 0 ? 0 : (uint64_t)tick.tv_nsec;
}

void shares_settle(const char *shares)
{
	uint64_t age, good_for = 2 * tick_ns();
	struct timespec rest = { 0 };

	/* Where nothing tells the age, as in the agent's tests, nothing is believed either. */
	if (getxattr(shares, SHARE_AGE_XATTR, &age, sizeof(age)) != (ssize_t)sizeof(age) ||
		age >= good_for)
		return;
	rest.tv_nsec = (long)(good_for - age);
	(void)ppoll(NULL, 0, &rest, NULL);
}
