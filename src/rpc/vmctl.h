/*
 * The control protocol between the pod library and vmrun-vm: fixed structs and descriptors over a
 * SOCK_SEQPACKET UNIX socket. Every request is answered by one reply on the same connection;
 * VMCTL_START is followed by events on its connection. Neither side knows OCI.
 *
 * The first connection is a socketpair that vmrun-vm inherits as VMCTL_FIRST_FD; further clients
 * connect to the listening socket that START hands over (<pod>/ctl.sock).
 */
#pragma once

#include "rpc/ports.h"

#include <stdint.h>

#define VMCTL_FIRST_FD	  3
#define VMCTL_VERSION	  3
#define VMCTL_CMDLINE_MAX 2048

enum vmctl_op {
	VMCTL_START = 1,
	VMCTL_COMMIT,
	VMCTL_SHARE_ADD,
	VMCTL_SHARE_REMOVE,
	VMCTL_CONNECT,
	VMCTL_STATUS,
	VMCTL_STOP,
	VMCTL_OWN, /* the pod ends when this connection does: its anchor cannot be outlived */
};

/* Descriptors of VMCTL_START, in this order; the last may be left out. The receiver owns them. */
enum vmctl_start_fd {
	VMCTL_FD_MONITOR, /* /dev/kvm, or the executable of QEMU */
	VMCTL_FD_KERNEL,  /* an uncompressed ELF vmlinux */
	VMCTL_FD_INITRD,  /* the initramfs, an uncompressed cpio */
	VMCTL_FD_ALIVE,	  /* carries the exclusive flock; only held open */
	VMCTL_FD_LOG,	  /* the guest's console and the monitor's own lines, O_APPEND */
	VMCTL_FD_LISTEN,  /* listening SOCK_SEQPACKET socket for further clients */
	VMCTL_FD_MOUNTS,  /* a mount namespace that nobody else holds, but shares are in; only held
			     open */
	VMCTL_START_FDS
};

/* What runs the guest. */
enum vmctl_monitor {
	VMCTL_MONITOR_OWN, /* our machine, with KVM */
	VMCTL_MONITOR_QEMU_KVM,
	VMCTL_MONITOR_QEMU_TCG,
};

/*
 * Boots the guest. Reply at once (0: vCPUs run, or QEMU does), then VMCTL_EVENT_PHASE as boot goes
 * on, then VMCTL_EVENT_READY with one descriptor, a SOCK_STREAM end of the agent's ready
 * connection. Until VMCTL_COMMIT arrives the pod belongs to this connection: when it closes,
 * vmrun-vm exits.
 */
struct vmctl_start {
	uint32_t memory_mib;
	uint32_t vcpus;	      /* that the guest starts */
	uint32_t vcpus_spare; /* that it may start later */
	uint32_t monitor;     /* enum vmctl_monitor */
	uint32_t volumes;     /* 1: with a second file system, for VMCTL_SHARE_VOLUME */
	uint32_t root_locks;  /* 1: file locks in roots are the host's, not the guest's own */
	uint32_t pci;	      /* 1: of QEMU a q35, not a microvm */
	uint32_t log_max_kib; /* console output beyond this is dropped */
	uint32_t debug;	      /* 1: the monitor logs its decisions */
	char cmdline[VMCTL_CMDLINE_MAX]; /* kernel parameters, NUL-terminated */
};

enum vmctl_share_flags {
	VMCTL_SHARE_RO = 1,
	VMCTL_SHARE_FILE = 2,	       /* the descriptor is a file, not a directory */
	VMCTL_SHARE_CACHE_NONE = 8,    /* of these two: how much the guest may believe, */
	VMCTL_SHARE_CACHE_ALWAYS = 16, /* see doc/shares.md; neither: "auto" */
	VMCTL_SHARE_VOLUME = 32,       /* on the file system of volumes, not on that of roots */
	VMCTL_SHARE_ROOT = 64,	       /* a container's root */
	VMCTL_SHARE_LOCAL_LOCKS = 128, /* file locks are not the host's, too */
	VMCTL_SHARE_LEASED = 4,	 /* it is removed when the connection that has added it closes */
	VMCTL_SHARE_WATCH = 256, /* what the host changes in it raises events in the guest */
};

/* ADD: one O_PATH descriptor becomes entry `name` of the export table. REMOVE: by name. */
struct vmctl_share {
	char name[SHARE_NAME_MAX]; /* NUL-terminated, no '/' */
	uint32_t flags;
	uint32_t reserved;
};

/*
 * Opens a vsock connection to a guest port and makes the descriptors its host end. The reply
 * comes when the guest has accepted or refused (ECONNREFUSED).
 *
 * fds[0]: what the bytes are written to and read from: a socket, a
 * pipe, a terminal or a regular file. `from_guest`/`to_guest` say which directions exist. At end
 * of file from the host only the guest's receiving side is shut down; when the guest shuts down
 * its sending side, a socket gets SHUT_WR, anything else is closed once everything is written.
 * fds[1] (optional): only held, and closed when the connection has ended in both directions and
 * all bytes for the host are written: the other end of that pipe sees end of file.
 */
enum vmctl_connect_flags {
	VMCTL_TO_GUEST = 1,
	VMCTL_FROM_GUEST = 2,
};

struct vmctl_connect {
	uint32_t port;
	uint32_t flags;
	uint64_t preamble; /* sent to the guest first (a stream token), when has_preamble */
	uint32_t has_preamble;
	uint32_t reserved;
};

struct vmctl_request {
	uint32_t version; /* VMCTL_VERSION */
	uint32_t op;

	union {
		struct vmctl_start start;
		struct vmctl_share share;
		struct vmctl_connect connect;
	} u;
};

/* VMCTL_STOP: the monitor exits at once; its reply may be lost. COMMIT, STATUS, STOP: no body. */

enum vmctl_kind {
	VMCTL_REPLY = 1,
	VMCTL_EVENT_PHASE,
	VMCTL_EVENT_READY,
	VMCTL_EVENT_ENDED, /* to owners (VMCTL_OWN), last of all: code is an enum vmctl_end */
};

/* Why the guest is over. An owner whose connection closes without a word was left by SIGKILL. */
enum vmctl_end {
	VMCTL_END_POWER_OFF,
	VMCTL_END_RESET,    /* a reboot, a panic, a triple fault */
	VMCTL_END_FAILED,   /* the monitor could not go on */
	VMCTL_END_EMULATOR, /* QEMU has ended without saying why */
};

enum vmctl_phase {
	VMCTL_PHASE_NONE,
	VMCTL_PHASE_LOADED,  /* kernel and initramfs are in guest memory */
	VMCTL_PHASE_RUNNING, /* first KVM_RUN */
	VMCTL_PHASE_DRIVERS, /* the guest's vsock driver is up: DRIVER_OK */
	VMCTL_PHASE_READY,   /* the agent has dialled the host */
};

struct vmctl_reply {
	uint32_t kind;
	int32_t code;	/* 0 or a positive errno value; of EVENT_ENDED an enum vmctl_end */
	uint32_t phase; /* of EVENT_PHASE, and the current one in replies to STATUS */
	uint32_t reserved;
	uint64_t at_ns; /* CLOCK_MONOTONIC of the event */
	char msg[512];	/* of a failed reply, or of the end: one line for the user */
};
