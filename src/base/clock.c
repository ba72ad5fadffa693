/* The monotonic clock: see clock.h. */
#include "base/clock.h"

#include <time.h>

int64_t clock_now_ns(void)
{
	struct timespec ts;

	/* Cannot fail: the clock exists, and so does ts. */
	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (int64_t)ts.tv_sec * NS_PER_S + ts.tv_nsec;
}

int64_t clock_now_ms(void)
{
	return clock_now_ns() / NS_PER_MS;
}
