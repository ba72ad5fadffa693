/* Where, when and with which memory a process runs, and the offsets of its clocks. */
#pragma once

#include "agent/agent.pb-c.h"
#include "base/auto.h"
#include "base/err.h"

#include <stdbool.h>

#define MEMORY_NODES_MAX 1024
#define CPU_SET_BYTES	 1024 /* more than any kernel has CPUs */

/* What all processes of a container have, the first one and those of Exec. */
struct execution {
	bool has_personality, has_memory_policy;
	unsigned long personality;
	uint32_t memory_mode; /* MPOL_* and flags */
	unsigned long memory_nodes[MEMORY_NODES_MAX / (8 * sizeof(unsigned long))];
};

int execution_read(const Vmrun__Agent__CreateContainerRequest *request, struct execution *ret,
	struct err *err) CHECKED;

/* In the child. */
int execution_apply(const struct execution *e, struct err *err) CHECKED;
/* In the child, while it may still do all: the process's scheduler, I/O priority and CPUs. */
int scheduling_apply(const Vmrun__Agent__Process *spec, struct err *err) CHECKED;

/*
 * In the agent, around a clone: goes to the CPUs that the process is to be born on, and back. What
 * was before is kept in saved.
 */
struct cpu_set {
	uint8_t bits[CPU_SET_BYTES];
	size_t len; /* 0: nothing was changed */
};

int cpus_enter(const Vmrun__Agent__Process *spec, struct cpu_set *saved, struct err *err) CHECKED;
void cpus_leave(const struct cpu_set *saved);

/* In the child: a time namespace of its own with these offsets. */
int time_namespace_enter(
	const Vmrun__Agent__CreateContainerRequest *request, struct err *err) CHECKED;
