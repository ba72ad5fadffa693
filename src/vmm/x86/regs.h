/* The state a vCPU starts in. */
#pragma once

#include "base/err.h"
#include "dev/gmem.h"

/* Writes the GDT and IDT that the boot processor's segments come from. */
int regs_write_tables(const struct gmem *gm, struct err *err) CHECKED;

/*
 * MSRs, FPU, LAPIC and, for the boot processor (index 0), registers for the kernel's entry. The
 * others wait for the guest's INIT and SIPI in the in-kernel LAPIC. After KVM_SET_CPUID2.
 */
int regs_set(int vcpu_fd, unsigned index, uint64_t entry, struct err *err) CHECKED;
