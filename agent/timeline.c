/* Steps of the boot: see timeline.h. */
#include "agent/timeline.h"

#include <time.h>

#define STEPS_MAX 24

static struct boot_step steps[STEPS_MAX];
static size_t used;

int64_t timeline_now_ns(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (int64_t)ts.tv_sec * 1000000000 + ts.tv_nsec;
}

void timeline_done(const char *name)
{
	if (used < STEPS_MAX)
		steps[used++] = (struct boot_step){ name, timeline_now_ns() };
}

const struct boot_step *timeline_steps(size_t *ret_n)
{
	*ret_n = used;
	return steps;
}
