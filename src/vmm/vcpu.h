/* One virtual processor and its thread. */
#pragma once

#include "base/err.h"
#include "vmm/arch.h"

#include <stdatomic.h>

struct vcpu;

/* All calls come from the vCPU's thread. */
struct vcpu_config {
	struct kvm *kvm;
	struct arch_board *board;
	unsigned index;
	const atomic_bool *over; /* the guest is not to be entered any more */
	int (*start)(void *arg); /* before the guest runs; a failure ends it */
	/* A guest access to memory that is not RAM. */
	void (*mmio)(void *arg, uint64_t gpa, void *data, unsigned len, bool write);
	void (*end)(void *arg, enum machine_end why);
	void *arg;
};

/* all, entry: see arch_vcpu_init(). */
int vcpu_new(const struct vcpu_config *config, const struct arch_vcpus *all, uint64_t entry,
	struct vcpu **ret, struct err *err) CHECKED;
void vcpu_free(struct vcpu *v);
/* Starts the thread. */
int vcpu_run(struct vcpu *v, struct err *err) CHECKED;
