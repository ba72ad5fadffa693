/* Scheduling, memory policy, clocks: see scheduling.h. Raw system calls: the C library has none. */
#include "agent/scheduling.h"

#include "base/fd.h"

#include <fcntl.h>
#include <linux/ioprio.h>
#include <linux/sched/types.h>
#include <stdio.h>
#include <string.h>
#include <sys/personality.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

/* Not from sched.h, whose struct sched_param is also linux/sched/types.h's. */
int setns(int fd, int kind);
int unshare(int flags);
#define NEW_TIME 0x00000080 /* CLONE_NEWTIME */

int execution_read(
	const Vmrun__Agent__CreateContainerRequest *request, struct execution *ret, struct err *err)
{
	const Vmrun__Agent__MemoryPolicy *policy = request->memory_policy;

	ret->has_personality = request->has_personality;
	ret->personality = request->personality;
	if (!policy)
		return 0;
	if (policy->nodes.len > sizeof(ret->memory_nodes))
		return err_set(err, EINVAL, "linux.memoryPolicy.nodes: there are at most %d nodes",
			MEMORY_NODES_MAX);
	ret->has_memory_policy = true;
	ret->memory_mode = policy->mode;
	if (policy->nodes.len)
		memcpy(ret->memory_nodes, policy->nodes.data, policy->nodes.len);
	return 0;
}

static bool has_nodes(const struct execution *e)
{
	for (size_t i = 0; i < ARRAY_LEN(e->memory_nodes); i++)
		if (e->memory_nodes[i])
			return true;
	return false;
}

int execution_apply(const struct execution *e, struct err *err)
{
	bool nodes = has_nodes(e);

	if (e->has_personality && personality(e->personality) < 0)
		return err_sys(err, errno, "linux.personality: %lx", e->personality);
	/* The kernel counts one bit less than it is told. */
	if (e->has_memory_policy &&
		syscall(SYS_set_mempolicy, (long)e->memory_mode, nodes ? e->memory_nodes : NULL,
			nodes ? MEMORY_NODES_MAX + 1UL : 0UL) < 0)
		return err_sys(err, errno,
			"linux.memoryPolicy: mode and nodes, which the guest's kernel must have");
	return 0;
}

static int set_scheduler(const Vmrun__Agent__Scheduler *s, struct err *err)
{
	struct sched_attr attr = {
		.size = sizeof(attr),
		.sched_policy = s->policy,
		.sched_flags = s->flags,
		.sched_nice = s->nice,
		.sched_priority = s->priority,
		.sched_runtime = s->runtime_ns,
		.sched_deadline = s->deadline_ns,
		.sched_period = s->period_ns,
	};

	return syscall(SYS_sched_setattr, 0, &attr, 0) < 0
		       ? err_sys(err, errno, "process.scheduler: policy %u, nice %d, priority %u",
				 s->policy, s->nice, s->priority)
		       : 0;
}

static int set_cpus(const ProtobufCBinaryData *cpus, const char *which, struct err *err)
{
	if (syscall(SYS_sched_setaffinity, 0, cpus->len, cpus->data) == 0)
		return 0;
	if (errno == EINVAL)
		return err_set(err, EINVAL,
			"process.execCPUAffinity.%s: the guest has none of these CPUs for it",
			which);
	return err_sys(err, errno, "process.execCPUAffinity.%s", which);
}

int scheduling_apply(const Vmrun__Agent__Process *spec, struct err *err)
{
	int r = spec->scheduler ? set_scheduler(spec->scheduler, err) : 0;

	/* Of the process group, which is its own. */
	if (r == 0 && spec->io_priority &&
		syscall(SYS_ioprio_set, IOPRIO_WHO_PGRP, 0, (int)spec->io_priority) < 0)
		r = err_sys(err, errno, "process.ioPriority: %x", spec->io_priority);
	if (r == 0 && spec->cpus_final.len)
		r = set_cpus(&spec->cpus_final, "final", err);
	return r;
}

int cpus_enter(const Vmrun__Agent__Process *spec, struct cpu_set *saved, struct err *err)
{
	long n;
	int r;

	saved->len = 0;
	if (!spec->cpus_initial.len)
		return 0;
	n = syscall(SYS_sched_getaffinity, 0, sizeof(saved->bits), saved->bits);
	if (n < 0)
		return err_sys(err, errno, "process.execCPUAffinity.initial");
	r = set_cpus(&spec->cpus_initial, "initial", err);
	if (r == 0)
		saved->len = (size_t)n;
	return r;
}

void cpus_leave(const struct cpu_set *saved)
{
	if (saved->len)
		(void)!syscall(SYS_sched_setaffinity, 0, saved->len, saved->bits);
}

static int write_offset(int fd, const Vmrun__Agent__TimeOffset *o, struct err *err)
{
	const char *clock = o->clock == CLOCK_MONOTONIC ? "monotonic" : "boottime";
	char line[96];
	int n = snprintf(
		line, sizeof(line), "%s %lld %u\n", clock, (long long)o->secs, o->nanosecs);
	int r = fd_write_all(fd, line, (size_t)n);

	if (r == -ERANGE)
		return err_set(err, EINVAL,
			"linux.timeOffsets.%s: the clock would stand before 0 (it starts with the "
			"guest) or beyond what the kernel counts",
			clock);
	return r < 0 ? err_sys(err, -r, "linux.timeOffsets.%s", clock) : 0;
}

/*
 * Offsets can be set until the first process is in, and a clone would put one in at once: so the
 * namespace is made for children first, and entered when it has them. The file belongs to root of
 * the agent's user namespace for as long as the process cannot be dumped, and nobody else is in
 * our namespaces yet.
 */
int time_namespace_enter(const Vmrun__Agent__CreateContainerRequest *request, struct err *err)
{
	AUTO_CLOSE int ns = -1;
	AUTO_CLOSE int offsets = -1;
	int r = 0;

	if (unshare(NEW_TIME) < 0)
		return err_sys(err, errno, "new time namespace");
	if (prctl(PR_SET_DUMPABLE, 1, 0, 0, 0) < 0)
		return err_sys(err, errno, "PR_SET_DUMPABLE");
	offsets = open("/proc/self/timens_offsets", O_WRONLY | O_CLOEXEC);
	if (offsets < 0)
		r = err_sys(err, errno, "offsets of a time namespace");
	ns = open("/proc/self/ns/time_for_children", O_RDONLY | O_CLOEXEC);
	if (r == 0 && ns < 0)
		r = err_sys(err, errno, "new time namespace");
	if (prctl(PR_SET_DUMPABLE, 0, 0, 0, 0) < 0 && r == 0)
		r = err_sys(err, errno, "PR_SET_DUMPABLE");
	for (size_t i = 0; r == 0 && i < request->n_time_offsets; i++)
		r = write_offset(offsets, request->time_offsets[i], err);
	if (r == 0 && setns(ns, NEW_TIME) < 0)
		r = err_sys(err, errno, "new time namespace");
	return r;
}
