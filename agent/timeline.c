/* Steps of the boot: see timeline.h. */
#include "agent/timeline.h"

#include "base/clock.h"

#define STEPS_MAX 24

static struct boot_step steps[STEPS_MAX];
static size_t used;

void timeline_done(const char *name)
{
	if (used < STEPS_MAX)
		steps[used++] = (struct boot_step){ name, clock_now_ns() };
}

const struct boot_step *timeline_steps(size_t *ret_n)
{
	*ret_n = used;
	return steps;
}
