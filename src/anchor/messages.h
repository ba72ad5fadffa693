/*
 * What vmrun says to a vmrun-proxy and hears from it: one message each way over a SOCK_SEQPACKET
 * pair, whose one end the proxy inherits. Shared by src/anchor/anchor.c, which starts the proxy
 * when its root and namespaces are made, and by src/proxy, which is it.
 *
 * Before the exec it is the child that reports what has failed, in the same form.
 */
#pragma once

#include "base/err.h"
#include "base/fd.h"
#include "base/path.h"
#include "rpc/ports.h"

#include <stdint.h>

/* The standard streams, and one for all others together. */
#define ANCHOR_DONE_MAX	   4

#define ANCHOR_SOCKET_FD   3
#define ANCHOR_MSG_VERSION 4

/* The descriptors that come with the message, in this order; bit i of `present` says that i does.
 */
enum anchor_fd {
	ANCHOR_FD_AGENT,
	ANCHOR_FD_CTL, /* holds the pod, and says how it has ended */
	ANCHOR_FD_RECORD,
	ANCHOR_FD_TTY,
	ANCHOR_FD_LOG,
	ANCHOR_FD_MEMORY,
	ANCHOR_FD_RELAY_AGENT,
	ANCHOR_FD_RELAY_CTL,
	/* See struct anchor_notify. */
	ANCHOR_FD_NOTIFY_FUSE,
	ANCHOR_FD_NOTIFY_PROC,
	ANCHOR_FD_NOTIFY_RPC,
	ANCHOR_FD_NOTIFY_MNT_NS,
	ANCHOR_FD_LISTEN_AGENT,
	ANCHOR_FD_LISTEN_CTL,
	ANCHOR_FD_SD_NOTIFY,
	ANCHOR_FD_DONE,
	ANCHOR_FDS = ANCHOR_FD_DONE + ANCHOR_DONE_MAX,
};

/*
 * Beside the container's cgroup, "<container><suffix>" exists while an OOM kill is made to show
 * (src/proxy/oombell.h).
 */
#define CGROUP_BELL_SUFFIX ".vmrun-oom"

_Static_assert(ANCHOR_FDS <= FD_PASS_MAX, "they come with one message");

struct anchor_msg {
	uint32_t version;
	uint32_t present;
	char container[ID_MAX + 1]; /* NUL-terminated */
	char process[ID_MAX + 1];
	int32_t main_pid; /* on the host, to be told a service manager; 0: not told */
	uint32_t sockets; /* that many struct anchor_socket_msg follow */
};

/* With one descriptor: the members are those of struct anchor_socket (spec.h). */
struct anchor_socket_msg {
	char share[SHARE_NAME_MAX]; /* NUL-terminated */
	uint32_t number;
};

struct anchor_report {
	int32_t code; /* 0: the process is tied to the proxy; else a positive errno value */
	char msg[ERR_MSG_MAX];
};
