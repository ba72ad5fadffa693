/* One virtual processor and its thread. */
#pragma once

#include "base/err.h"
#include "vmm/kvm.h"
#include "vmm/x86/boot.h"

struct machine;
struct vcpu;

struct vcpu_config {
	struct machine *machine;
	struct kvm *kvm;
	unsigned index, count;
	const struct cpuid_table *cpuid; /* what KVM supports; shaped for this vCPU in a copy */
	uint64_t entry;			 /* physical: where the boot processor starts */
	int (*start)(void *arg);	 /* in the thread, before the guest runs */
	void *arg;
};

int vcpu_new(const struct vcpu_config *config, struct vcpu **ret, struct err *err) CHECKED;
void vcpu_free(struct vcpu *v);
/* Starts the thread. */
int vcpu_run(struct vcpu *v, struct err *err) CHECKED;
