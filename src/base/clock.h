/* The monotonic clock: for deadlines and durations, never for dates. Signed, to be subtracted. */
#pragma once

#include <stdint.h>

#define NS_PER_MS 1000000LL
#define NS_PER_S  1000000000LL

int64_t clock_now_ns(void);
int64_t clock_now_ms(void);
