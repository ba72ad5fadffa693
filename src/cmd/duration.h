/* Durations as Go's flags spell them. */
#pragma once

#include "base/err.h"

#include <stdint.h>

/* "5s", "1m30s", "250ms", "1.5h": milliseconds, rounded up. -EINVAL, or -ERANGE above a year. */
int duration_ms(const char *text, uint64_t *ret) CHECKED;
