/*
 * Changes of a cgroup's files, v1's or v2's, that can be taken back: a set of limits is wanted as a
 * whole, and the kernel takes or refuses them one by one. On the host and in the guest.
 */
#pragma once

#include "base/auto.h"
#include "base/err.h"

#include <stddef.h>

/* All-zero: nothing was changed. */
struct cgroup_undo {
	struct cgroup_change {
		int dir;
		char *file, *before; /* what to write to it */
	} * v;

	size_t n;
};

/*
 * Writes value to file in the directory dirfd, which stays the caller's. undo (may be NULL) learns
 * what to write to put it back; of a file that cannot be read, or is no setting, nothing. Returns 0
 * or -errno, and then nothing was changed.
 */
int cgroup_write_file(
	int dirfd, const char *file, const char *value, struct cgroup_undo *undo) CHECKED;

/*
 * Puts everything back, the newest first, and forgets it. Returns 0, or the -errno of the first
 * that was refused; the others are put back all the same.
 */
int cgroup_undo_all(struct cgroup_undo *undo) CHECKED;

/* Forgets it: the changes stay. */
void cgroup_undo_done(struct cgroup_undo *undo);

DEFINE_AUTO_VAL(cgroup_undo_done, struct cgroup_undo)
