/* The byte ranges that one owner has locked in a file, with the rules of fcntl(2). */
#pragma once

#include "base/err.h"

#include <stdbool.h>
#include <stdint.h>

/* The last byte that a lock can name. */
#define LOCK_END INT64_MAX

struct lock_range {
	uint64_t start, end; /* both are locked; end is at most LOCK_END */
	bool write;
	uint32_t pid; /* of the guest's process, as its first pid namespace counts */
};

/* Sorted, without overlaps; neighbours of one kind are one. */
struct lock_ranges {
	struct lock_range *v;
	unsigned n;
};

/*
 * What `held` becomes when `change` is locked or, with unlock, set free: *ret is the caller's to
 * free. 0 or -ENOMEM.
 */
int lock_ranges_with(const struct lock_ranges *held, const struct lock_range *change, bool unlock,
	struct lock_ranges *ret) CHECKED;

/* The first range that another owner's `wanted` has to wait for, or NULL. */
const struct lock_range *lock_ranges_conflict(
	const struct lock_ranges *held, const struct lock_range *wanted);
