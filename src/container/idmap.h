/*
 * Mapped ids of bind mounts (runtime-spec config.md, "idmap"): the host's kernel translates them
 * for everyone who goes through the mount, the virtio-fs server too, which knows nothing of it.
 */
#pragma once

#include "base/err.h"
#include "oci/mounts.h"

/*
 * Maps the ids of a detached mount (open_tree(2) with OPEN_TREE_CLONE) that nobody has seen yet, as
 * b says. where: the field, for errors. -ENOTSUP where the kernel or the file system cannot.
 */
int idmap_apply(
	int mount_fd, const struct mount_bind *b, const char *where, struct err *err) CHECKED;
