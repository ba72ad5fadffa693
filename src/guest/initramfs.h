/*
 * The guest's root file system before any share is attached: the agent as /init, its kernel modules
 * and the mount points it needs.
 */
#pragma once

#include "base/buf.h"
#include "base/err.h"
#include "guest/modules.h"

/* What the agent loads at start: paths of modules, one per line, in this order. */
#define INITRAMFS_MODULES_LIST "modules.list"

/*
 * Appends an uncompressed archive to out. agent: path of the static agent binary. modules are read
 * and unpacked here. The same input gives the same bytes.
 */
int initramfs_build(
	const char *agent, const struct modules *modules, struct buf *out, struct err *err) CHECKED;
