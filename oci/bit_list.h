/* Lists of CPUs and memory nodes ("0-3,7") as bit masks. */
#pragma once

#include "base/buf.h"

/* Above this no kernel has CPUs or nodes. */
#define CPU_MAX	 8191
#define NODE_MAX 1023

/*
 * Reads a list whose numbers are not above max into mask, little endian and without bytes of zero
 * at its end. Spaces around elements and empty elements are passed over. Returns 0, -EINVAL when it
 * is no list or names nothing, -ERANGE, -ENOMEM.
 */
int bit_list_read(const char *list, unsigned max, struct buf *mask) CHECKED;
