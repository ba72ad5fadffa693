/*
 * A virtual machine with one page of memory that counts down in ring 0, and how long it takes. Runs
 * in a child of kvm_speed.c, so all it makes ends with the process.
 */
#pragma once

#include <stdint.h>

enum kvm_loop_step {
	KVM_LOOP_NONE,
	KVM_LOOP_CREATE_VM,
	KVM_LOOP_MEMORY,
	KVM_LOOP_VCPU,
	KVM_LOOP_REGISTERS,
	KVM_LOOP_RUN,
	KVM_LOOP_EXIT,
	KVM_LOOP_STEPS
};

struct kvm_loop_result {
	uint32_t step; /* where it failed */
	int32_t code;  /* 0 or a positive errno value */
	uint64_t rate; /* instructions a second, of the best of several runs */
};

/* "KVM_CREATE_VM", for messages. */
const char *kvm_loop_step_name(uint32_t step);

/*
 * kvm: the open /dev/kvm. Runs the loop three times, and some more while the best rate is below
 * fast_enough: somebody else may have had the processor.
 */
void kvm_loop_measure(int kvm, uint64_t fast_enough, struct kvm_loop_result *ret);
