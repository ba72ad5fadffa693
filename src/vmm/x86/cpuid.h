/* What the guest's CPUID instruction shows: KVM's supported set, shaped for our topology. */
#pragma once

#include "vmm/kvm.h"

#include <stdbool.h>

/* Room for what KVM_GET_SUPPORTED_CPUID returns on any processor so far. */
#define CPUID_MAX 256

/* struct kvm_cpuid2 with room behind it. */
struct cpuid_table {
	uint32_t nent, padding;
	struct kvm_cpuid_entry2 entries[CPUID_MAX];
};

_Static_assert(offsetof(struct cpuid_table, entries) == sizeof(struct kvm_cpuid2), "KVM's layout");

/* What KVM can show. */
int cpuid_supported(struct kvm *kvm, struct cpuid_table *ret, struct err *err) CHECKED;

/*
 * Edits cpuid (from cpuid_supported()) for vCPU `index` of `count`: APIC ids and topology
 * (leaves 1, 4, 0xb, 0x1f, 0x8000001d, 0x8000001e, 0x80000008), hypervisor and TSC-deadline bits,
 * nothing of power management or a performance monitoring unit.
 */
void cpuid_shape(struct cpuid_table *cpuid, unsigned index, unsigned count, bool tsc_deadline);
