/* The timeline: see timeline.h. */
#include "base/timeline.h"

#include "base/clock.h"
#include "base/log.h"

#include <stdint.h>

static int64_t begin_ns;
static struct buf *collected;

void timeline_begin(void)
{
	begin_ns = clock_now_ns();
}

void timeline_collect(struct buf *out)
{
	collected = out;
}

void timeline(const char *what)
{
	timeline_at(clock_now_ns(), what);
}

void timeline_at(int64_t monotonic_ns, const char *what)
{
	double ms = (double)(monotonic_ns - begin_ns) / 1e6;

	log_debug("timeline: %8.1f ms  %s", ms, what);
	if (collected)
		(void)!buf_printf(collected, "%8.1f ms  %s\n", ms, what);
}
