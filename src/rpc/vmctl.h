/*
 * The control protocol between the pod library and vmrun-vm: structs and descriptors over a
 * SOCK_SEQPACKET UNIX socket. Every request is answered by one reply on the same connection;
 * VMCTL_START is followed by events on its connection. Neither side knows OCI.
 *
 * The first connection is a socketpair that vmrun-vm inherits as VMCTL_FIRST_FD; further clients
 * connect to the listening socket that START hands over (<pod>/ctl.sock).
 *
 * A pod outlives an upgrade of the package, so each side may be older or newer than the other.
 * Structs only grow at their ends. What a shorter message leaves out is 0; of a longer one what the
 * receiver does not know is ignored in a reply, and must be 0 in a request (E2BIG).
 */
#pragma once

#include "base/err.h"
#include "rpc/ports.h"

#include <stddef.h>
#include <stdint.h>

#define VMCTL_FIRST_FD 3
/* No message is longer, of any version. */
#define VMCTL_MESSAGE_MAX 8192
#define VMCTL_PARAMS_MAX  2048

enum vmctl_op {
	VMCTL_START = 1, /* the pod is held by this connection */
	VMCTL_ROLE,
	VMCTL_SHARE_ADD,
	VMCTL_SHARE_REMOVE,
	VMCTL_CONNECT,
	VMCTL_STATUS,
	VMCTL_STOP,
	VMCTL_HOLD,  /* the pod lasts at least as long as this connection: it ends with the last */
	VMCTL_WATCH, /* VMCTL_EVENT_ENDED is sent here, too */
	VMCTL_DEVICE_ADD,
	VMCTL_OPS
};

/* What a connection may ask for. It begins as the creator's, and can only lose. */
enum vmctl_role {
	VMCTL_ROLE_CREATOR, /* everything */
	VMCTL_ROLE_ANCHOR,  /* HOLD, WATCH, STATUS; STOP when nobody else holds the pod */
	VMCTL_ROLE_RELAY,   /* CONNECT to VSOCK_PORT_STREAM */
	VMCTL_ROLES
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
 * connection. Other requests belong on other connections, lest an event be taken for their reply.
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
	uint32_t spare_slots; /* for VMCTL_DEVICE_ADD; of our own machine only */
	char params[VMCTL_PARAMS_MAX]; /* kernel parameters beside the monitor's own; with NUL */
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

/*
 * Puts a device into a slot of the running machine that was empty until now: vmctl_reply.value. The
 * guest sees it when its agent is told (BindSlot of agent.proto). ENOSPC when no slot is empty,
 * EOPNOTSUPP when QEMU runs the guest.
 */
enum vmctl_device_kind {
	VMCTL_DEVICE_RNG = 1, /* one more source of entropy; for tests */
};

struct vmctl_device {
	uint32_t kind;
	uint32_t reserved;
};

struct vmctl_request {
	uint32_t size; /* of the message: what vmctl_request_size() says of op, or what its sender's
			  did */
	uint32_t op;

	union {
		struct vmctl_start start;
		struct vmctl_share share;
		struct vmctl_connect connect;
		uint32_t role; /* enum vmctl_role */
		struct vmctl_device device;
	} u;
};

/* VMCTL_STOP: the monitor exits at once; its reply may be lost. Where no body is above, is none. */

enum vmctl_kind {
	VMCTL_REPLY = 1,
	VMCTL_EVENT_PHASE,
	VMCTL_EVENT_READY,
	VMCTL_EVENT_ENDED, /* to watchers, last of all: code is an enum vmctl_end */
};

/* Why the guest is over. A watcher whose connection closes without a word was left by SIGKILL. */
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

/* What vmrun-vm ends with. */
enum vmctl_exit {
	VMCTL_EXIT_ENDED, /* stopped, or the guest has powered itself off */
	VMCTL_EXIT_USAGE = 2,
	VMCTL_EXIT_SETUP,
	VMCTL_EXIT_GUEST, /* the guest is over in any other way */
};

struct vmctl_reply {
	uint32_t size; /* of the message */
	uint32_t kind;
	int32_t code;	/* 0 or a positive errno value; of EVENT_ENDED an enum vmctl_end */
	uint32_t phase; /* of EVENT_PHASE, and the current one in replies to STATUS */
	uint32_t value; /* of the reply to DEVICE_ADD: the slot */
	uint32_t reserved;
	uint64_t at_ns; /* CLOCK_MONOTONIC of the event */
	char msg[512];	/* of a failed reply, or of the end: one line for the user */
};

/* The size of a request of this version; op is one of enum vmctl_op. */
size_t vmctl_request_size(uint32_t op);

/*
 * What came as data, got bytes of it, as a request or reply of this version. 0; -EINVAL: it is
 * none, or its size is another; -E2BIG: it asks for something that this version does not know.
 */
int vmctl_request_read(const void *data, size_t got, struct vmctl_request *ret) CHECKED;
int vmctl_reply_read(const void *data, size_t got, struct vmctl_reply *ret) CHECKED;
