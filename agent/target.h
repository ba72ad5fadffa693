/*
 * The process that a seccomp notification is about: what the host's seccomp agent would look at,
 * and what it writes.
 */
#pragma once

#include "agent/agent.pb-c.h"
#include "base/err.h"

#include <limits.h>
#include <linux/seccomp.h>
#include <stdint.h>
#include <sys/types.h>

#define TARGET_ARGS	  6
#define TARGET_PAGE_BYTES 4096
#define TARGET_COPY_PAGES 2 /* a path that begins in the first one ends in the second */

struct target_copies {
	uint8_t bytes[TARGET_ARGS][TARGET_COPY_PAGES * TARGET_PAGE_BYTES];
	Vmrun__Agent__MemoryCopy area[TARGET_ARGS], *list[TARGET_ARGS];
	size_t n;
	char cwd[PATH_MAX]; /* "": unknown */
};

/* Copies what its arguments point to. What cannot be read is left out. */
void target_copy(struct target_copies *c, const struct seccomp_notif *n);

/* Its memory, to be written to. Returns a descriptor or -errno. */
int target_open(pid_t pid) CHECKED;
/* As with any /proc/PID/mem: also where the target itself may not write. -EFAULT */
int target_write(int mem, Vmrun__Agent__MemoryCopy *const *list, size_t n) CHECKED;
