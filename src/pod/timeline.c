/* The timeline: see timeline.h. */
#include "pod/timeline.h"

#include "base/log.h"

#include <stdint.h>
#include <time.h>

static int64_t begin_us;

static int64_t now_us(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (int64_t)ts.tv_sec * 1000000 + ts.tv_nsec / 1000;
}

void timeline_begin(void)
{
	begin_us = now_us();
}

void timeline(const char *what)
{
	log_debug("timeline: %8.1f ms  %s", (double)(now_us() - begin_us) / 1000, what);
}
