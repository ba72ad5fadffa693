/* CPUID: see cpuid.h. One function per leaf, in a table. */
#include "vmm/x86/cpuid.h"

#include "base/auto.h"

#include <string.h>
#include <sys/ioctl.h>

#define BIT(n) (1U << (n))

struct shape {
	unsigned index, count;
	unsigned id_bits; /* bits of an APIC id that count up to `count` */
	bool tsc_deadline;
	bool amd; /* or Hygon */
};

static void leaf_1(struct kvm_cpuid_entry2 *e, const struct shape *s)
{
	e->ebx = (e->ebx & 0x0000ffff) | s->count << 16 | s->index << 24;
	e->ecx |= BIT(31);  /* a hypervisor is there */
	e->ecx &= ~BIT(15); /* PDCM */
	if (s->tsc_deadline)
		e->ecx |= BIT(24);
	if (s->count > 1)
		e->edx |= BIT(28); /* HTT: the count in EBX is valid */
	else
		e->edx &= ~BIT(28);
}

/* Cache leaves: every cache belongs to one vCPU; Intel also has the core count here. */
static void leaf_cache(struct kvm_cpuid_entry2 *e, const struct shape *s)
{
	e->eax &= ~(0xfffU << 14);
	if (e->function == 4) {
		e->eax &= ~(0x3fU << 26);
		e->eax |= ((1U << s->id_bits) - 1) << 26;
	}
}

/* Intel: energy bias and turbo are the host's business. */
static void leaf_6(struct kvm_cpuid_entry2 *e, const struct shape *s)
{
	(void)s;
	e->eax &= ~(BIT(1) | BIT(14));
	e->ecx &= ~BIT(3);
}

static void leaf_7(struct kvm_cpuid_entry2 *e, const struct shape *s)
{
	if (e->index != 0)
		return;
	e->ecx &= ~BIT(5); /* WAITPKG */
	if (s->amd)
		e->edx &= ~BIT(29); /* ARCH_CAPABILITIES: Intel's, which KVM offers everywhere */
}

static void leaf_pmu(struct kvm_cpuid_entry2 *e, const struct shape *s)
{
	(void)s;
	e->eax = e->ebx = e->ecx = e->edx = 0;
}

/* Extended topology: level 0 one thread a core, level 1 `count` cores. */
static void leaf_topology(struct kvm_cpuid_entry2 *e, const struct shape *s)
{
	e->eax = e->ebx = 0;
	e->ecx = e->index;
	e->edx = s->index;
	if (e->index == 0) {
		e->ebx = 1;
		e->ecx |= 1U << 8;
	} else if (e->index == 1) {
		e->eax = s->id_bits;
		e->ebx = s->count;
		e->ecx |= 2U << 8;
	}
}

/* AMD: number of cores, and the APIC id bits that count them. */
static void leaf_amd_cores(struct kvm_cpuid_entry2 *e, const struct shape *s)
{
	e->ecx = (s->count - 1) | s->id_bits << 12;
}

static void leaf_amd_topology(struct kvm_cpuid_entry2 *e, const struct shape *s)
{
	e->eax = s->index;
	e->ebx = s->index; /* core id; one thread a core */
	e->ecx = 0;
}

static const struct {
	uint32_t function;
	void (*edit)(struct kvm_cpuid_entry2 *e, const struct shape *s);
} edits[] = {
	{ 0x00000001, leaf_1 },
	{ 0x00000004, leaf_cache },
	{ 0x00000006, leaf_6 },
	{ 0x00000007, leaf_7 },
	{ 0x0000000a, leaf_pmu },
	{ 0x0000000b, leaf_topology },
	{ 0x0000001f, leaf_topology },
	{ 0x80000008, leaf_amd_cores },
	{ 0x8000001d, leaf_cache },
	{ 0x8000001e, leaf_amd_topology },
};

/* KVM reports leaf 0xb only as far as the host's own topology goes: the guest needs levels 0 and 1.
 */
static void ensure_topology_levels(struct cpuid_table *cpuid, uint32_t function)
{
	unsigned levels = 0;
	bool present = false;

	for (unsigned i = 0; i < cpuid->nent; i++) {
		if (cpuid->entries[i].function != function)
			continue;
		present = true;
		if (cpuid->entries[i].index < 2)
			levels |= 1U << cpuid->entries[i].index;
	}
	for (uint32_t index = 0; present && index < 2; index++)
		if (!(levels & (1U << index)) && cpuid->nent < CPUID_MAX)
			cpuid->entries[cpuid->nent++] = (struct kvm_cpuid_entry2){
				.function = function,
				.index = index,
				.flags = KVM_CPUID_FLAG_SIGNIFCANT_INDEX,
			};
}

/* Whether the vendor string ("AuthenticAMD", "HygonGenuine") is of AMD's family. */
static bool is_amd(const struct cpuid_table *cpuid)
{
	for (unsigned i = 0; i < cpuid->nent; i++) {
		const struct kvm_cpuid_entry2 *e = &cpuid->entries[i];

		if (e->function == 0)
			return memcmp(&e->ecx, "cAMD", 4) == 0 || memcmp(&e->ecx, "uine", 4) == 0;
	}
	return false;
}

void cpuid_shape(struct cpuid_table *cpuid, unsigned index, unsigned count, bool tsc_deadline)
{
	struct shape s = {
		.index = index,
		.count = count,
		.tsc_deadline = tsc_deadline,
		.amd = is_amd(cpuid),
	};

	while ((1U << s.id_bits) < count)
		s.id_bits++;
	ensure_topology_levels(cpuid, 0xb);
	ensure_topology_levels(cpuid, 0x1f);
	for (unsigned i = 0; i < cpuid->nent; i++)
		for (size_t k = 0; k < ARRAY_LEN(edits); k++)
			if (edits[k].function == cpuid->entries[i].function)
				edits[k].edit(&cpuid->entries[i], &s);
}

int cpuid_supported(struct kvm *kvm, struct cpuid_table *ret, struct err *err)
{
	ret->nent = CPUID_MAX;
	if (ioctl(kvm->dev_fd, KVM_GET_SUPPORTED_CPUID, ret) < 0)
		return err_sys(err, errno, "KVM_GET_SUPPORTED_CPUID");
	return 0;
}
