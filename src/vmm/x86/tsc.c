/* Measuring the time stamp counter: see tsc.h. */
#include "vmm/x86/tsc.h"

#include "base/clock.h"

#include <x86intrin.h>

#define WINDOW_NS 5000000
#define TRIES	  16

struct moment {
	int64_t ns;
	uint64_t ticks;
};

/* Both clocks at once: the try that was interrupted least. */
static struct moment moment(void)
{
	struct moment best = { 0, 0 };
	uint64_t shortest = UINT64_MAX;

	for (int i = 0; i < TRIES; i++) {
		uint64_t before = __rdtsc();
		int64_t ns = clock_now_ns();
		uint64_t taken = __rdtsc() - before;

		if (taken < shortest) {
			shortest = taken;
			best = (struct moment){ ns, before + taken / 2 };
		}
	}
	return best;
}

uint32_t tsc_measure_khz(void)
{
	struct moment a = moment(), b;

	while (clock_now_ns() - a.ns < WINDOW_NS)
		;
	b = moment();
	return (uint32_t)((b.ticks - a.ticks) * 1000000 / (uint64_t)(b.ns - a.ns));
}
