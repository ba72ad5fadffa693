/*
 * The seam between the machine and the architecture of its processors. Everything here is
 * implemented in the folder of one (x86/); nothing outside that knows its registers, ports, boot
 * protocol, firmware tables or machine types of QEMU.
 */
#pragma once

#include "base/auto.h"
#include "base/buf.h"
#include "base/err.h"
#include "base/saved.h"
#include "dev/gmem.h"
#include "vmm/end.h"

struct kvm;
struct kvm_run;

/* The guest-physical map. RAM begins at ram, and what does not fit below the hole follows it. */
struct arch_map {
	uint64_t ram;
	uint64_t hole, hole_end; /* devices, no RAM */
	uint64_t slots;		 /* registers of the first virtio-mmio slot; a page each */
	uint32_t slot_irq;	 /* the first slot's interrupt; the others' follow */
};

extern const struct arch_map arch_map;

/* What the machine needs of KVM beside what all need: until name is NULL. */
struct kvm_need {
	int cap;
	const char *name;
};

extern const struct kvm_need arch_needs[];

/* A VM that has just been made, before its memory; and after it, before its vCPUs. */
int arch_vm_init(struct kvm *kvm, struct err *err) CHECKED;
int arch_irqchip_init(struct kvm *kvm, struct err *err) CHECKED;

/* Interrupt controllers and clock, while no vCPU runs; restored before the vCPUs are. */
int arch_vm_save(const struct kvm *kvm, struct buf *out, struct err *err) CHECKED;
int arch_vm_restore(const struct kvm *kvm, struct saved *in, struct err *err) CHECKED;

/*
 * Puts kernel (an ELF vmlinux), initramfs (-1: none), command line and a description of the machine
 * into memory. *ret_entry: the physical address of the first instruction.
 */
struct arch_boot {
	int kernel_fd, initrd_fd; /* the caller's */
	const char *cmdline;
	unsigned vcpus, slots; /* that the guest may find */
};

int arch_load(const struct gmem *gm, const struct arch_boot *boot, uint64_t *ret_entry,
	struct err *err) CHECKED;

/* What all vCPUs of a machine have in common. */
struct arch_vcpus;

/* count: all there may ever be. */
int arch_vcpus_new(
	struct kvm *kvm, unsigned count, struct arch_vcpus **ret, struct err *err) CHECKED;
void arch_vcpus_free(struct arch_vcpus *a);
DEFINE_AUTO_PTR(arch_vcpus_free, struct arch_vcpus)
/* Makes vCPU `index` ready to run; the first one begins at entry, the others wait for it. */
int arch_vcpu_init(const struct arch_vcpus *a, int vcpu_fd, unsigned index, uint64_t entry,
	struct err *err) CHECKED;
/*
 * The state of a vCPU that does not run, as one section; and into one that arch_vcpu_init() has
 * made ready with the same index on a processor that is alike. -EINVAL: it is damaged, or
 * another's.
 */
int arch_vcpu_save(const struct kvm *kvm, int vcpu_fd, struct buf *out, struct err *err) CHECKED;
int arch_vcpu_restore(
	const struct kvm *kvm, int vcpu_fd, struct saved *in, struct err *err) CHECKED;
/* Its most telling registers, for the log. */
void arch_vcpu_describe(int vcpu_fd, char *to, size_t size);

/* Devices of the board beside virtio's: power, reset, an early console. */
struct arch_board;

struct arch_board_config {
	/* Both from a vCPU's thread. */
	void (*end)(void *arg, enum machine_end why);
	void (*serial)(void *arg, uint8_t byte);
	void *arg;
};

int arch_board_new(const struct arch_board_config *config, struct arch_board **ret) CHECKED;
void arch_board_free(struct arch_board *b);
/* Handles an exit that only this architecture has. False: it is none. Any vCPU's thread. */
bool arch_board_exit(struct arch_board *b, struct kvm_run *run);

/* Where the guest's kernel runs. */
struct arch_platform {
	bool qemu; /* false: in the machine of our own */
	bool kvm;
	bool pci;
};

/* Appends the kernel parameters that this architecture wants there: words, with a space before
 * each. 0 or -ENOMEM. */
int arch_kernel_params(const struct arch_platform *p, struct buf *out) CHECKED;

/* QEMU's options for the platform. */
struct arch_qemu {
	const char *machine; /* of -machine */
	const char *cpu;     /* of -cpu */
	const char *suffix;  /* of its virtio devices' names */
};

struct arch_qemu arch_qemu(const struct arch_platform *p);
