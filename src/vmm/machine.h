/*
 * The machine: memory, processors, interrupt lines, mmio slots. It knows KVM and virtio-mmio, and
 * nothing of what the devices do.
 */
#pragma once

#include "base/err.h"
#include "dev/gmem.h"
#include "dev/vdev.h"
#include "vmm/end.h"

struct machine;

struct machine_config {
	int kvm_fd;	     /* the caller's */
	uint64_t memory_mib; /* 64 .. 1 TiB */
	unsigned vcpus;	     /* that the guest starts: 1 .. 64 */
	unsigned spare;	     /* that it may start later; 64 in all */
	/* In each vCPU's thread before it runs (its seccomp filter). */
	int (*vcpu_start)(void *arg);
	/* From a vCPU's thread, once; that vCPU does not run again. */
	void (*ended)(void *arg, enum machine_end why);
	/* From a vCPU's thread: a byte that the guest writes to its early console. */
	void (*serial)(void *arg, uint8_t byte);
	void *arg;
};

#define MACHINE_VCPUS_MAX 64
#define MACHINE_SLOTS_MAX 16

/* VM, memory, interrupt controllers; nothing runs. */
int machine_new(const struct machine_config *config, struct machine **ret, struct err *err) CHECKED;
/* Before machine_start() or when the process ends: vCPU threads cannot be taken back. */
void machine_free(struct machine *m);

const struct gmem *machine_memory(const struct machine *m);

/* Puts a device into a new slot. Before machine_load(). */
int machine_add_device(struct machine *m, struct vdev *dev, struct err *err) CHECKED;
/*
 * Adds empty slots: the guest finds nothing in them (three reads of a register each), until it
 * looks again. Before machine_load().
 */
int machine_add_slots(struct machine *m, unsigned count, struct err *err) CHECKED;
/*
 * Puts a device into the first empty slot, the guest's number of which is *ret. It is there for
 * good. Any time after machine_load(); the guest looks when it is told to. -ENOSPC: there is none.
 */
int machine_fill_slot(struct machine *m, struct vdev *dev, unsigned *ret, struct err *err) CHECKED;

/*
 * Loads the kernel (an ELF vmlinux), its initramfs and what tells it of the machine. The
 * descriptors stay the caller's. After the last device.
 */
int machine_load(struct machine *m, int kernel_fd, int initrd_fd, const char *cmdline,
	struct err *err) CHECKED;

/* Creates the vCPUs and their threads. */
int machine_start(struct machine *m, struct err *err) CHECKED;
