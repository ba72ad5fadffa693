/* The root file system of a container, from the attached share to the pivot. Used by the child. */
#pragma once

#include "agent/mounts.h"

/*
 * Attaches the rootfs, makes all mounts and devices in it, hides what is to be hidden. *rootfd: the
 * caller's. With a terminal it is opened here, for /dev/console: *ret_master, *ret_slave.
 */
int rootfs_build(const struct agent *a, const Vmrun__Agent__CreateContainerRequest *request,
	struct mount_sources *s, int *ret_rootfd, int *ret_master, int *ret_slave,
	struct err *err) CHECKED;

/* Makes it the root of the process, with nothing of the agent's mounts left. */
int rootfs_enter(int rootfd, const Vmrun__Agent__CreateContainerRequest *request,
	const struct mount_sources *s, struct err *err) CHECKED;
