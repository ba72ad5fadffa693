/* The timeline: see timeline.h. */
#include "pod/timeline.h"

#include "base/log.h"

#include <stdint.h>
#include <time.h>

static int64_t begin_us;
static struct buf *collected;

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

void timeline_collect(struct buf *out)
{
	collected = out;
}

int64_t timeline_now_ns(void)
{
	return now_us() * 1000;
}

void timeline(const char *what)
{
	timeline_at(timeline_now_ns(), what);
}

void timeline_at(int64_t monotonic_ns, const char *what)
{
	double ms = (double)(monotonic_ns / 1000 - begin_us) / 1000;

	log_debug("timeline: %8.1f ms  %s", ms, what);
	if (collected)
		(void)!buf_printf(collected, "%8.1f ms  %s\n", ms, what);
}
