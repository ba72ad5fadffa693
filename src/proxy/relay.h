/*
 * The relays of a container's sockets: children of the proxy, which they go with (it is the init of
 * their pid namespace). Of bound ones a relay waits for connections that the container makes in the
 * guest, and connects the host's sockets for them; of listening ones it waits for connections that
 * are made on the host, and lets the agent connect the guest's. vmrun-vm moves the bytes.
 */
#pragma once

#include "base/err.h"
#include "rpc/ports.h"

#include <stdint.h>
#include <sys/types.h>

struct rpc_client;

struct relay_socket {
	char share[SHARE_NAME_MAX]; /* of a bound one */
	unsigned number;	    /* of the descriptor in the guest of a listening one; or 0 */
	int fd;			    /* O_PATH; of a listening one the socket */
};

struct relay {
	const char *container, *process;
	int agent_fd, ctl_fd; /* an RPC session and a connection to vmrun-vm, the relay's own */
	int done_fd;	      /* held until the last byte of the last connection is written */
	const struct relay_socket *sockets;
	unsigned count;
	void (*run)(const struct relay *relay, struct rpc_client *agent);
};

/* Forks a relay. Everything stays the caller's, too. */
int relay_start(const struct relay *relay, pid_t *ret, struct err *err) CHECKED;

/* Lets vmrun-vm connect the stream that begins with token to fd, which stays the caller's. 0, or
 * -errno when it cannot. */
int relay_open_stream(const struct relay *relay, uint64_t token, int fd) CHECKED;

/* The two. They return when the agent is gone. */
void relay_run_bound(const struct relay *relay, struct rpc_client *agent);
void relay_run_listening(const struct relay *relay, struct rpc_client *agent);
