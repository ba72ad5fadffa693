/* KVM's ioctls with error text (Documentation/virt/kvm/api.rst), as all architectures have them. */
#pragma once

#include "base/err.h"

#include <linux/kvm.h>
#include <stddef.h>
#include <stdint.h>

struct kvm {
	int dev_fd; /* /dev/kvm, the caller's */
	int vm_fd;
	size_t run_size; /* bytes of a vCPU's struct kvm_run mapping */
};

/* Whether the open /dev/kvm speaks the API, and has the capabilities that the machine needs. */
int kvm_check_api(int dev_fd, struct err *err) CHECKED;
int kvm_check_capabilities(int dev_fd, struct err *err) CHECKED;

/* Checks the API and the capabilities that the machine needs, and creates a VM. */
int kvm_init(struct kvm *kvm, int dev_fd, struct err *err) CHECKED;
void kvm_done(struct kvm *kvm);

/*
 * Memory slot `slot`: guest-physical [gpa, gpa+len) is hva. Before irqchip and vCPUs: it is cheap
 * then.
 */
int kvm_set_memory(struct kvm *kvm, uint32_t slot, uint64_t gpa, uint64_t len, void *hva,
	struct err *err) CHECKED;

/* A write to eventfd raises gsi (edge). */
int kvm_irqfd(struct kvm *kvm, int eventfd, uint32_t gsi, struct err *err) CHECKED;
/* A 4-byte guest write of value to gpa signals eventfd; or does so no more. */
int kvm_ioeventfd(
	struct kvm *kvm, int eventfd, uint64_t gpa, uint32_t value, struct err *err) CHECKED;
void kvm_ioeventfd_remove(struct kvm *kvm, int eventfd, uint64_t gpa, uint32_t value);

/* A vCPU's descriptor, or -errno. */
int kvm_create_vcpu(struct kvm *kvm, unsigned index, struct err *err) CHECKED;
/* One ioctl with its name for the error; fd: /dev/kvm, a VM or a vCPU. */
int kvm_ioctl(int fd, unsigned long request, void *arg, const char *name, struct err *err) CHECKED;
