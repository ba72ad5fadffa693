/* When the agent has done which step of its boot, for the host's timeline (ConfigureResponse). */
#pragma once

#include <stddef.h>
#include <stdint.h>

struct boot_step {
	const char *name;
	int64_t done_ns; /* of base/clock.h */
};

/* The step is done now. name must live on; what is beyond a table's size is forgotten. */
void timeline_done(const char *name);

/* All steps so far, in order; owned by the timeline. */
const struct boot_step *timeline_steps(size_t *ret_n);
