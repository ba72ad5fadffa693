/* The annotations and limits that make the shape of a pod's VM. Called by src/pod. */
#include "oci/annotations.h"

#include "base/auto.h"
#include "base/str.h"
#include "oci/one_line.h"

#include <inttypes.h>

#define MIB		      (UINT64_C(1) << 20)

#define CPU_PERIOD_DEFAULT_US UINT64_C(100000)
/* The highest number that a cpuset can name, and one more. */
#define CPUS_MAX 8192u

/* In the order in which they win: the first row of a target that is given is taken. */
static const struct {
	const char *name;
	uint32_t min, max; /* of numbers; 0, 0: a string */
	size_t offset;
} names[] = {
	{ "io.vmrun.vcpus", 1, MACHINE_VCPUS_MAX, offsetof(struct machine_annotations, vcpus) },
	{ "io.vmrun.memory", MACHINE_MEMORY_MIN_MIB, MACHINE_MEMORY_MAX_MIB,
		offsetof(struct machine_annotations, memory_mib) },
	{ "io.katacontainers.config.hypervisor.default_vcpus", 1, MACHINE_VCPUS_MAX,
		offsetof(struct machine_annotations, vcpus) },
	{ "io.katacontainers.config.hypervisor.default_memory", MACHINE_MEMORY_MIN_MIB,
		MACHINE_MEMORY_MAX_MIB, offsetof(struct machine_annotations, memory_mib) },
	{ "io.katacontainers.config.hypervisor.kernel_params", 0, 0,
		offsetof(struct machine_annotations, kernel_params) },
};

const char *machine_annotation_name(size_t i)
{
	return i < ARRAY_LEN(names) ? names[i].name : NULL;
}

/* An alias is checked also when our own name has already decided. */
static int read_number(
	const struct spec *spec, size_t row, const char *value, uint32_t *to, struct err *err)
{
	uint64_t number;

	if (str_to_u64(value, &number) == 0 && number >= names[row].min &&
		number <= names[row].max) {
		*to = *to ? *to : (uint32_t)number;
		return 0;
	}
	err_set(err, EINVAL,
		"%s: annotations[\"%s\"]: must be a number from %" PRIu32 " to %" PRIu32
		", got \"%.40s\"",
		spec->file, names[row].name, names[row].min, names[row].max, value);
	one_line(err->msg);
	return -EINVAL;
}

int machine_annotations_read(
	const struct spec *spec, struct machine_annotations *ret, struct err *err)
{
	struct machine_annotations got = { 0 };

	for (size_t i = 0; i < ARRAY_LEN(names); i++) {
		const char *value = spec_annotation(spec, names[i].name);
		char *to = (char *)&got + names[i].offset;
		int r = 0;

		if (!value)
			continue;
		if (names[i].max > 0)
			r = read_number(spec, i, value, (uint32_t *)(void *)to, err);
		else if (*value)
			*(const char **)(void *)to = value;
		if (r < 0)
			return r;
	}
	*ret = got;
	return 0;
}

/*
 * What containerd's CRI plugin says of a sandbox: the sums over the containers that are to come, as
 * far as the kubelet knows them. 0 and less: no limit, but for a quota below 0, which means that
 * the shares are the limit (static CPU manager).
 */
static const struct {
	const char *name;
	size_t offset;
} sandbox_names[] = {
	{ "io.kubernetes.cri.sandbox-cpu-period", offsetof(struct sandbox_limits, period_us) },
	{ "io.kubernetes.cri.sandbox-cpu-quota", offsetof(struct sandbox_limits, quota_us) },
	{ "io.kubernetes.cri.sandbox-cpu-shares", offsetof(struct sandbox_limits, shares) },
	{ "io.kubernetes.cri.sandbox-memory", offsetof(struct sandbox_limits, memory_bytes) },
};

#define SHARES_OF_A_CPU 1024

int sandbox_limits_read(const struct spec *spec, struct sandbox_limits *ret, struct err *err)
{
	*ret = (struct sandbox_limits){ 0 };
	for (size_t i = 0; i < ARRAY_LEN(sandbox_names); i++) {
		const char *value = spec_annotation(spec, sandbox_names[i].name);
		int64_t *to = (int64_t *)(void *)((char *)ret + sandbox_names[i].offset);

		if (!value || str_to_i64(value, to) == 0)
			continue;
		err_set(err, EINVAL, "%s: annotations[\"%s\"]: must be a number, got \"%.40s\"",
			spec->file, sandbox_names[i].name, value);
		one_line(err->msg);
		return -EINVAL;
	}
	return 0;
}

static uint64_t sandbox_cpus(const struct sandbox_limits *l)
{
	uint64_t period = l->period_us > 0 ? (uint64_t)l->period_us : CPU_PERIOD_DEFAULT_US;

	if (l->quota_us > 0)
		return ((uint64_t)l->quota_us - 1) / period + 1;
	return l->quota_us < 0 && l->shares > 0 ? ((uint64_t)l->shares - 1) / SHARES_OF_A_CPU + 1
						: 0;
}

/* Reads a number of a cpuset list; *s moves behind it. */
static bool read_cpu(const char **s, unsigned *ret)
{
	size_t digits = strspn(*s, "0123456789");
	unsigned value = 0;

	if (digits == 0 || digits > 4)
		return false;
	for (; digits > 0; digits--)
		value = value * 10 + (unsigned)(*(*s)++ - '0');
	*ret = value;
	return value < CPUS_MAX;
}

/* How many CPUs "0-3,7" names, each counted once; 0 when it is no such list. */
static unsigned count_cpus(const char *s)
{
	bool named[CPUS_MAX] = { false };
	unsigned first, last, count = 0;

	while (*s) {
		if (!read_cpu(&s, &first))
			return 0;
		last = first;
		if (*s == '-') {
			s++;
			if (!read_cpu(&s, &last) || last < first)
				return 0;
		}
		for (unsigned cpu = first; cpu <= last; cpu++) {
			count += !named[cpu];
			named[cpu] = true;
		}
		if (*s && *s++ != ',')
			return 0;
	}
	return count;
}

/* CPU time that the quota allows, in whole CPUs; 0: no quota. */
static uint64_t quota_cpus(const struct spec_cpu *cpu)
{
	uint64_t period = cpu->period_us.value ? cpu->period_us.value : CPU_PERIOD_DEFAULT_US;
	uint64_t quota;

	if (cpu->quota_us.value <= 0)
		return 0;
	quota = (uint64_t)cpu->quota_us.value;
	return quota / period + (quota % period != 0);
}

/* Both are limits, so the smaller one counts. */
static uint64_t quota_and_set(const struct spec_cpu *cpu)
{
	uint64_t quota = quota_cpus(cpu), set = cpu->cpus ? count_cpus(cpu->cpus) : 0;

	if (quota && set)
		return quota < set ? quota : set;
	return quota + set;
}

uint32_t machine_vcpus_of(const struct spec_cpu *cpu)
{
	uint64_t vcpus = quota_and_set(cpu);

	return vcpus > MACHINE_VCPUS_MAX ? MACHINE_VCPUS_MAX : (uint32_t)vcpus;
}

static uint32_t shape_vcpus(const struct spec *spec, const struct machine_annotations *said,
	const struct sandbox_limits *sandbox, const struct machine_shape *defaults)
{
	const struct spec_vm_hw_config *hw = spec->vm ? spec->vm->hw_config : NULL;
	uint64_t whole = sandbox_cpus(sandbox);
	uint32_t limits = machine_vcpus_of(&spec->linux.resources.cpu);

	if (whole)
		limits = whole > MACHINE_VCPUS_MAX ? MACHINE_VCPUS_MAX : (uint32_t)whole;

	if (said->vcpus)
		return said->vcpus;
	if (hw && hw->vcpus.value)
		return hw->vcpus.value > MACHINE_VCPUS_MAX ? MACHINE_VCPUS_MAX
							   : (uint32_t)hw->vcpus.value;
	if (limits)
		return limits;
	return defaults->vcpus ? defaults->vcpus : 1;
}

static uint64_t round_up_mib(uint64_t bytes)
{
	return bytes / MIB + (bytes % MIB != 0);
}

static uint32_t shape_memory(const struct spec *spec, const struct machine_annotations *said,
	const struct sandbox_limits *sandbox, const struct machine_shape *defaults)
{
	const struct spec_vm_hw_config *hw = spec->vm ? spec->vm->hw_config : NULL;
	int64_t limit = sandbox->memory_bytes > 0 ? sandbox->memory_bytes
						  : spec->linux.resources.memory.limit_bytes.value;
	uint64_t mib = defaults->memory_mib;

	if (said->memory_mib)
		return said->memory_mib;
	if (hw && hw->memory_bytes.value) {
		mib = round_up_mib(hw->memory_bytes.value);
	} else if (limit > 0) {
		uint64_t need = round_up_mib((uint64_t)limit) + MACHINE_OVERHEAD_MIB;

		mib = need > mib ? need : mib;
	}
	if (mib < MACHINE_MEMORY_MIN_MIB)
		return MACHINE_MEMORY_MIN_MIB;
	return mib > MACHINE_MEMORY_MAX_MIB ? MACHINE_MEMORY_MAX_MIB : (uint32_t)mib;
}

int machine_shape(const struct spec *spec, const struct machine_shape *defaults,
	struct machine_shape *ret, struct err *err)
{
	struct machine_annotations said;
	struct sandbox_limits sandbox;
	int r = machine_annotations_read(spec, &said, err);

	if (r == 0)
		r = sandbox_limits_read(spec, &sandbox, err);
	if (r < 0)
		return r;
	*ret = (struct machine_shape){
		.vcpus = shape_vcpus(spec, &said, &sandbox, defaults),
		.memory_mib = shape_memory(spec, &said, &sandbox, defaults),
		.kernel_params = said.kernel_params ? said.kernel_params : defaults->kernel_params,
	};
	return 0;
}
