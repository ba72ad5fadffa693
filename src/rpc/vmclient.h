/* The client's side of vmrun-vm's control protocol (rpc/vmctl.h). */
#pragma once

#include "base/err.h"
#include "rpc/client.h"
#include "rpc/vmctl.h"

/* Connects to <dirfd>/ctl.sock. Returns an fd, or -errno with err saying that the pod is not
 * running. */
int vmclient_connect(int dirfd, struct err *err) CHECKED;

/* Sends a request without waiting for its reply. fds stay the caller's. */
int vmclient_send(int ctl, const struct vmctl_request *req, const int *fds, unsigned n,
	struct err *err) CHECKED;

/*
 * Waits for the next message, at most timeout_ms (0: for ever). *fd: a descriptor that came with it
 * (owned by the caller), or -1. -EPIPE when vmrun-vm has gone, -ETIMEDOUT.
 */
int vmclient_receive(
	int ctl, unsigned timeout_ms, struct vmctl_reply *ret, int *fd, struct err *err) CHECKED;

/* Waits for the reply of a request that was sent; events in between are handed to nobody. */
int vmclient_reply(int ctl, struct err *err) CHECKED;

/* A new RPC session to the agent, through a socket pair whose other end vmrun-vm gets. */
int vmclient_dial_agent(int ctl, int *ret_fd, struct err *err) CHECKED;

/* Ties the pod's life to this connection: when its last copy closes, the pod ends. */
int vmclient_own(int ctl, struct err *err) CHECKED;

/* vmclient_connect() and vmclient_dial_agent() for a client that needs nothing else. */
int vmclient_agent(int dirfd, struct rpc_client **ret, struct err *err) CHECKED;
