/*
 * What a seccomp agent has written to the memory of a stand-in, to be written to the guest's
 * process before that gets its answer.
 */
#pragma once

#include "agent/agent.pb-c.h"
#include "base/err.h"
#include "proxy/standin.h"

#define CHANGES_MAX 64

struct changes {
	Vmrun__Agent__MemoryCopy copy[CHANGES_MAX], *list[CHANGES_MAX];
	size_t n;
	uint8_t now[STANDIN_AREAS][STANDIN_AREA_MAX];
};

/*
 * Looks through the areas that s was started with. -E2BIG: there are more changes than are told at
 * a time; -EPIPE: it is dead.
 */
int changes_read(const struct standin *s, const struct standin_area *areas, unsigned count,
	struct changes *ret) CHECKED;
