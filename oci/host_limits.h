/*
 * linux.resources for the pod's cgroup on the host, which holds the monitor and the proxies and not
 * the container's processes: the same limits, with room for what the host's side needs. The files
 * are those of cgroup v2 or v1, whichever the host has.
 */
#pragma once

#include "oci/resources.h"

/* What the processes on the host need besides the container's. */
struct host_room {
	uint64_t memory_bytes;	 /* the guest's memory: no limit is below it */
	uint64_t overhead_bytes; /* of the monitor: added to every limit of memory */
	uint64_t pids;		 /* the least that pids.max becomes */
};

/*
 * Appends to ret as resources_to_cgroup() does. resources have been checked (resources_to_cgroup()
 * has accepted them). Errors: -EINVAL for a key of "unified" that needs cgroup v2 on a host with
 * v1, -ENOMEM.
 */
int resources_to_host(const struct spec_resources *resources, const struct host_room *room, bool v2,
	const char *file, const char *prefix, struct cgroup_settings *ret, struct err *err) CHECKED;
