/* The client's side of vmrun-vm's control protocol (rpc/vmctl.h). */
#pragma once

#include "base/err.h"
#include "rpc/client.h"
#include "rpc/vmctl.h"

#include <stdbool.h>

/*
 * Connects to <dirfd>/ctl.sock. Returns an fd, or -ESRCH with err saying that the pod is not
 * running.
 */
int vmclient_connect(int dirfd, struct err *err) CHECKED;

/*
 * Sends a request without waiting for its reply; its size is filled in. fds stay the caller's.
 * -EPIPE when vmrun-vm has gone.
 */
int vmclient_send(
	int ctl, struct vmctl_request *req, const int *fds, unsigned n, struct err *err) CHECKED;

/*
 * Waits for the next message, at most timeout_ms (0: for ever). *fd: a descriptor that came with it
 * (owned by the caller), or -1. -EPIPE when vmrun-vm has gone, -ETIMEDOUT.
 */
int vmclient_receive(
	int ctl, unsigned timeout_ms, struct vmctl_reply *ret, int *fd, struct err *err) CHECKED;

/*
 * Waits for the reply of a request that was sent; its code is the error. -EPIPE when vmrun-vm has
 * gone, or says so. That the boot goes on is not looked at; that the guest is ready would be lost,
 * and is -EPROTO: nothing but START may be asked on a connection that waits for it.
 */
int vmclient_reply(int ctl, struct err *err) CHECKED;

/* Both, for a request without a body: VMCTL_HOLD, VMCTL_WATCH, VMCTL_STOP. */
int vmclient_ask(int ctl, enum vmctl_op op, struct err *err) CHECKED;

/* From now on the connection is that of an anchor, or of a relay: see enum vmctl_role. */
int vmclient_become(int ctl, enum vmctl_role role, struct err *err) CHECKED;

/*
 * Asks for a stream to the agent that its token names; the reply is for vmclient_reply(). fds: what
 * its bytes go to and come from, and (n 2) what is held until the last is written. flags:
 * VMCTL_TO_GUEST, VMCTL_FROM_GUEST.
 */
int vmclient_send_stream(int ctl, uint64_t token, uint32_t flags, const int *fds, unsigned n,
	struct err *err) CHECKED;

/* A new RPC session to the agent, through a socket pair whose other end vmrun-vm gets. */
int vmclient_dial_agent(int ctl, int *ret_fd, struct err *err) CHECKED;

/* vmclient_connect() and vmclient_dial_agent() for a client that needs nothing else. */
int vmclient_agent(int dirfd, struct rpc_client **ret, struct err *err) CHECKED;
