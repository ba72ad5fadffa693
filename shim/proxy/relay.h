/*
 * The relay of a container's bound sockets: a child of the proxy, which waits for connections that
 * the container makes in the guest and connects the host's sockets for them. vmrun-vm moves the
 * bytes. It goes with the proxy, whose pid namespace it is in.
 */
#pragma once

#include "base/err.h"
#include "rpc/ports.h"

struct relay_socket {
	char share[SHARE_NAME_MAX];
	int fd; /* O_PATH */
};

struct relay {
	const char *container;
	int agent_fd, ctl_fd; /* an RPC session and a connection to vmrun-vm, the relay's own */
	const struct relay_socket *sockets;
	unsigned count;
};

/* Forks the relay. Everything stays the caller's, too. */
int relay_start(const struct relay *relay, struct err *err) CHECKED;
