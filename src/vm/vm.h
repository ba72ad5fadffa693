/*
 * The program vmrun-vm: one pod's monitor. It is told everything over its control socket
 * (rpc/vmctl.h), gets everything as open descriptors, and knows no OCI. One thread runs the event
 * loop with the control connections and the vsock, console and rng devices; vCPUs and file-system
 * workers have threads of their own.
 */
#pragma once

#include "base/loop.h"
#include "rpc/vmctl.h"
#include "vm/devices.h"
#include "vm/earlylog.h"
#include "vmm/machine.h"
#include "vmm/qemu.h"

struct ctl;
struct signalled_watch;

struct vm {
	struct loop *loop;
	struct ctl *ctl;
	bool started;		 /* by VMCTL_START */
	struct machine *machine; /* NULL where QEMU runs the guest */
	struct qemu *qemu;	 /* or the other way round */
	struct devices devices;
	struct earlylog earlylog;
	int alive_fd;  /* carries the flock; held until the process ends */
	int mounts_fd; /* a mount namespace, held likewise, or -1 */
	enum vmctl_phase phase;
	int64_t born_ns; /* when main() began; debug lines count from here */
	/* Ends the process, with an enum vmctl_exit: _exit(2), in tests something that returns. */
	void (*quit)(int status);
	struct loop_bell *ended;	/* rung by the vCPU's thread that met the guest's end */
	struct loop_bell *forget;	/* of forget.c */
	struct loop_bell *share_events; /* of share_events.c */
	struct signalled_watch *signalled;
	enum machine_end end;
};

/*
 * Handles VMCTL_START: jail, machine, devices, boot. fds (VMCTL_START_FDS of them): what is kept is
 * taken out, the rest stays the caller's to close. After a failure the process is of no use.
 */
int vm_start(struct vm *vm, const struct vmctl_start *start, int *fds, struct err *err) CHECKED;

/* Boot has come to phase: tells the one who started us. fd: of EVENT_READY, else -1; owned. */
void vm_phase(struct vm *vm, enum vmctl_phase phase, int fd);
