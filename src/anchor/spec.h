/* What an anchor is to be (anchor.h): all that its caller decides. */
#pragma once

#include "anchor/messages.h"
#include "base/err.h"

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#define ANCHOR_MAIN_SELF (-1)

/* What the anchor's "/" shows beside the rootfs: fd (O_PATH) bound at destination. */
struct anchor_mount {
	int fd;
	const char *destination;
	bool read_only;
};

/*
 * What is done while the anchor's namespaces are there and "/" is still the host's: its mount
 * namespace shows the container's rootfs, with its volumes, at the path rootfs. The first in the
 * caller, then the second in the child (process 1 of its pid namespace).
 */
struct anchor_pause {
	const char *rootfs;
	int (*outside)(void *arg, pid_t anchor, struct err *err);
	int (*inside)(void *arg, struct err *err);
	void *arg;
};

/*
 * A host socket that the container has bound: fd (O_PATH) by the name of its share. Or a listening
 * one, for which the process has another at that number.
 */
struct anchor_socket {
	int fd;
	const char *share;
	unsigned number; /* 0: bound */
};

/* A namespace of the host to be in; kind: CLONE_NEW*. */
struct anchor_join {
	int fd, kind;
};

/*
 * What the anchor serves a stand-in for the process's seccomp listener with
 * (src/container/seccomp_agent.h). proc: the caller's /proc, in which the anchor's children find
 * the pids that others know them by. mnt_ns: a mount namespace that shows the process's files, or
 * -1: the anchor's own.
 */
struct anchor_notify {
	int fuse, proc, rpc, mnt_ns;
};

/* All descriptors stay the caller's; the anchor gets copies. -1 or 0 where there is none. */
struct anchor_spec {
	const char *container;
	const char *process; /* "": the container's first process */
	int agent_fd;	     /* an RPC session of the anchor's own */
	/*
	 * A connection to vmrun-vm that is an anchor's (VMCTL_ROLE_ANCHOR), or -1. That of a
	 * container's first process holds the pod and watches it.
	 */
	int ctl_fd;
	/*
	 * Directory in which "exit" is written before the anchor ends: one line
	 * "<status> <exited_at_ns> <oom_killed 0|1>\n" (file_replace); "death.json" before it when
	 * the pod died (death.h); "oom" at the first OOM kill. -1: none (an exec).
	 */
	int record_dir_fd;
	int log_fd; /* the guest's console log, to be read when the pod dies, or -1 */
	/*
	 * Directory of the container's cgroup in the hierarchy with the memory controller, or -1:
	 * an OOM kill in the guest is made to show there.
	 */
	int memory_fd;
	/* Read ends that see end of file when a stream's last byte has been written. */
	int done_fds[ANCHOR_DONE_MAX];
	unsigned done_count;
	int tty_fd;    /* terminal whose size the guest's one follows, or -1 */
	bool tty_own;  /* make tty_fd the anchor's controlling terminal (a pty that we made) */
	int cgroup_fd; /* directory of a cgroup v2 to be born in, or -1 */
	/*
	 * Namespaces beside its own pid and mount namespaces, as other containers may join them:
	 * CLONE_NEW* of new ones, which callers may set up, and those to join. Else the caller's.
	 */
	uint64_t created_namespaces;
	const struct anchor_join *joined;
	unsigned joined_count;
	int rootfs_fd; /* O_PATH directory that becomes "/", or -1: an empty one */
	const struct anchor_mount *mounts;
	unsigned mount_count;
	const struct anchor_pause *pause; /* or NULL */
	/*
	 * What the relays serve: one the bound, one the listening ones. Each has an RPC session and
	 * a connection to vmrun-vm of its own, when there are such sockets.
	 */
	const struct anchor_socket *sockets;
	unsigned socket_count;
	int relay_agent_fd, relay_ctl_fd;
	int listen_agent_fd, listen_ctl_fd;
	/* Where what the container notifies goes: a connected datagram socket, or -1. */
	int sd_notify_fd;
	pid_t main_pid; /* what is said there of MAINPID: a pid, ANCHOR_MAIN_SELF, or 0: nothing */
	const struct anchor_notify *notify; /* or NULL */
};

/* Nothing but what must be named: a descriptor that is forgotten is none. */
#define ANCHOR_SPEC_INIT                                                                           \
	{                                                                                          \
		.agent_fd = -1, .ctl_fd = -1, .record_dir_fd = -1, .log_fd = -1, .memory_fd = -1,  \
		.tty_fd = -1, .cgroup_fd = -1, .rootfs_fd = -1, .relay_agent_fd = -1,              \
		.relay_ctl_fd = -1, .listen_agent_fd = -1, .listen_ctl_fd = -1, .sd_notify_fd = -1 \
	}
