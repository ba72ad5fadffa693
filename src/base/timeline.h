/* When what happened, for --debug and the bench: "timeline: 12.3 ms agent ready". */
#pragma once

#include "base/buf.h"

#include <stdint.h>

/* The time that everything counts from: as early as possible in main(). */
void timeline_begin(void);
void timeline(const char *what);

/* What is learned afterwards: its line comes out of turn. monotonic_ns: as clock_now_ns(). */
void timeline_at(int64_t monotonic_ns, const char *what);

/* Further lines are appended to out as well, "    12.3 ms  agent ready\n"; NULL ends that. */
void timeline_collect(struct buf *out);
