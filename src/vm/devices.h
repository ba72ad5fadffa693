/* The devices of a pod, in slot order. */
#pragma once

#include "base/loop.h"
#include "dev/console.h"
#include "dev/fs/fs.h"
#include "dev/rng.h"
#include "dev/vhost_user.h"
#include "dev/vsock/vsock.h"
#include "rpc/vmctl.h"
#include "vmm/machine.h"
#include "vmm/qemu.h"

struct devices {
	struct console *console; /* NULL with QEMU, which has its own, as well as rng */
	struct rng *rng;
	struct vsock *vsock;
	struct fs *roots, *volumes; /* volumes: or NULL */
	/* With QEMU: a transport for each device, and the memory that it has mapped. */
	unsigned in_qemu;
	struct gmem memory[QEMU_DEVICES_MAX];
	struct vhost_user *transport[QEMU_DEVICES_MAX];
};

/* What decides which devices there are, and of which shape. */
struct devices_plan {
	unsigned vcpus;
	bool volumes; /* whether there is a second fs device */
};

/* What QEMU is to be told of them before they are made; their number. */
unsigned devices_in_qemu(const struct devices_plan *p, struct qemu_device ret[QEMU_DEVICES_MAX]);

struct devices_config {
	struct loop *loop;
	struct machine *machine; /* or NULL, and */
	struct qemu *qemu;
	int log_fd;
	uint64_t log_max_bytes;
	int proc_self_fd; /* owned by the devices */
	bool root_locks;  /* whether the first fs device has file locks; the second one does */
	struct devices_plan plan;
	void (*vsock_up)(void *arg);
	vsock_accept_fn *agent_dialled;
	int (*worker_start)(void *arg);
	void (*fs_crowded)(void *arg);	    /* on a worker's thread */
	void (*fs_lock_waiting)(void *arg); /* likewise */
	void (*fs_events)(void *arg);	    /* on a thread of the fs device of volumes */
	vhost_user_gone_fn *front_end_gone; /* of QEMU */
	void *arg;
};

/*
 * Makes one more for a machine that runs, and puts it into an empty slot: *ret. -EINVAL for a kind
 * that cannot come later, -ENOSPC. The main thread.
 */
int devices_add(struct loop *loop, struct machine *m, enum vmctl_device_kind kind, unsigned *ret,
	struct err *err) CHECKED;

/* Makes the devices and puts each into its slot, or behind its socket. */
int devices_new(const struct devices_config *config, struct devices *ret, struct err *err) CHECKED;
