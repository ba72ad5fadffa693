/*
 * linux.resources on the host: the cgroup that holds the monitor and the proxies gets the
 * container's limits, with room for what runs there. The guest keeps them too, but for those that
 * only the host can: CPUs, memory nodes, block and RDMA devices.
 */
#pragma once

#include "base/cgroup_undo.h"
#include "base/err.h"
#include "base/str.h"
#include "host/monitor.h"
#include "oci/spec.h"

/*
 * A quota of CPU time would draw out the boot, which the container has not asked for: it comes
 * when the guest is up, all others before the monitor is started.
 */
enum limits_when {
	LIMITS_BEFORE_BOOT,
	LIMITS_AFTER_BOOT,
	LIMITS_ALWAYS,
};

/* Where they go and what is there. */
struct limits_target {
	const struct strv *cgroups;
	uint64_t memory_mib;	  /* of the guest */
	uint64_t overhead_mib;	  /* of its monitor */
	struct cgroup_undo *undo; /* learns how to take it all back; NULL: never */
};

/* What the anchors of a container take, at most, in a cgroup where the machine is not. */
#define LIMITS_ANCHORS_MIB 32u

/* What the monitor takes on top of a guest's memory, at most. */
uint64_t limits_overhead_mib(enum monitor monitor, uint64_t memory_mib);

/* Whether resources ask for any limit of a cgroup. */
bool limits_any(const struct spec_resources *resources);

/*
 * Sets what resources say; file and section ("linux.resources", "") begin the errors. A limit that
 * the guest keeps is no error where the host has no controller for it. Errors: -EINVAL, -ENOTSUP
 * and what the kernel says.
 */
int limits_apply(const struct limits_target *target, const struct spec_resources *resources,
	const char *file, const char *section, enum limits_when when, struct err *err) CHECKED;
