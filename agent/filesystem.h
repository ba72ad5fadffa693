/* New file systems from a mount request, as detached mounts. */
#pragma once

#include "agent/agent.pb-c.h"
#include "base/err.h"

#include <sys/mount.h>

/*
 * Makes the file system of m->type with m->data and m->flags, except that it is left writable: the
 * caller makes it read-only when it is filled. *ret: the mount, owned by the caller. err carries
 * what the kernel has to say about an option.
 */
int filesystem_new(const Vmrun__Agent__Mount *m, int *ret, struct err *err) CHECKED;

/* MS_* that are set, and that are cleared, as attributes of a mount. */
struct mount_attr mount_attr_from_flags(uint64_t set, uint64_t cleared);

/* Changes the options of the file system that is mounted at mount. */
int filesystem_reconfigure(int mount, const Vmrun__Agent__Mount *m, struct err *err) CHECKED;
