/*
 * The machine that a configuration asks for: annotations (ours and the aliases that Kata users
 * have), else the limits of linux.resources.
 */
#pragma once

#include "base/err.h"
#include "oci/spec.h"

#define MACHINE_VCPUS_MAX      255u
#define MACHINE_MEMORY_MIN_MIB 64u
#define MACHINE_MEMORY_MAX_MIB (1u << 20)
/* Above the container's memory limit, for the guest's kernel and the agent. */
#define MACHINE_OVERHEAD_MIB 128u

/* What annotations say: 0 or NULL where they say nothing. Strings are the spec's. */
struct machine_annotations {
	uint32_t vcpus;		   /* io.vmrun.vcpus, io.katacontainers...default_vcpus */
	uint32_t memory_mib;	   /* io.vmrun.memory, io.katacontainers...default_memory */
	const char *kernel_params; /* io.katacontainers.config.hypervisor.kernel_params */
};

/* Errors: -EINVAL or -ERANGE naming the annotation. Our own names win over the aliases. */
int machine_annotations_read(
	const struct spec *spec, struct machine_annotations *ret, struct err *err) CHECKED;

/* The i-th annotation that is read, or NULL at the end; for features. */
const char *machine_annotation_name(size_t i);

/* The sums over the containers of a sandbox; 0: not said. */
struct sandbox_limits {
	int64_t period_us, quota_us, shares; /* io.kubernetes.cri.sandbox-cpu-... */
	int64_t memory_bytes;		     /* io.kubernetes.cri.sandbox-memory */
};

/* -EINVAL naming the annotation that is no number. */
int sandbox_limits_read(
	const struct spec *spec, struct sandbox_limits *ret, struct err *err) CHECKED;

/*
 * How many processors the limits come to: the CPU quota, rounded up, and the number of CPUs in
 * cpuset.cpus, the smaller; at most MACHINE_VCPUS_MAX. 0: there is neither.
 */
uint32_t machine_vcpus_of(const struct spec_cpu *cpu);

struct machine_shape {
	uint32_t vcpus;
	uint32_t memory_mib;
	const char *kernel_params; /* appended to the kernel's command line, or NULL */
};

/*
 * The shape of the pod's VM. vcpus: the annotation; else vm.hwConfig.vcpus; else what
 * the sandbox's limits come to, or the container's own; else defaults->vcpus. memory: the
 * annotation; else vm.hwConfig.memory; else the memory limit plus MACHINE_OVERHEAD_MIB, at least
 * the default; else defaults->memory_mib. What limits and hwConfig ask for is brought into the
 * MACHINE_* bounds. defaults come from vmrun.conf; strings in ret are the spec's or its.
 */
int machine_shape(const struct spec *spec, const struct machine_shape *defaults,
	struct machine_shape *ret, struct err *err) CHECKED;
