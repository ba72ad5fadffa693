/* The devices of a container, and the links beside them: all that the request names. */
#pragma once

#include "agent/mounts.h"
#include "base/id_map.h"

/*
 * In the agent: where the child could not make device nodes (in a user namespace, or in a /dev
 * that is a share), they are made here, in a folder of the container's in the agent's scratch
 * directory, and kept as detached mounts in s->devices. maps: of the container's user
 * namespace, or NULL.
 */
int devices_open(const struct agent *a, const Vmrun__Agent__CreateContainerRequest *request,
	const struct id_maps *maps, struct mount_sources *s, struct err *err) CHECKED;

/* In the child, after the mounts. */
int devices_make(int rootfd, const Vmrun__Agent__CreateContainerRequest *request,
	const struct mount_sources *s, struct err *err) CHECKED;
