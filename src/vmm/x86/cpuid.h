/* What the guest's CPUID instruction shows: KVM's supported set, shaped for our topology. */
#pragma once

#include "vmm/kvm.h"

#include <stdbool.h>

/*
 * Edits cpuid (from kvm_supported_cpuid()) for vCPU `index` of `count`: APIC ids and topology
 * (leaves 1, 4, 0xb, 0x1f, 0x8000001d, 0x8000001e, 0x80000008), hypervisor and TSC-deadline bits,
 * nothing of power management or a performance monitoring unit.
 */
void cpuid_shape(struct cpuid_table *cpuid, unsigned index, unsigned count, bool tsc_deadline);
