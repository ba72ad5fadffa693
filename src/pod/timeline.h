/* When what happened, for --debug and the bench: "timeline: 12.3 ms agent ready". */
#pragma once

/* The time that everything counts from: as early as possible in main(). */
void timeline_begin(void);
void timeline(const char *what);
