/* Connections of the monitor's own to the agent, which listens on ports for them (rpc/ports.h). */
#pragma once

#include "base/err.h"
#include "dev/vsock/vsock.h"

/*
 * Dials the guest's port: *ret, the caller's, is a non-blocking socket whose other end the guest
 * gets. answers: whether it may say anything. fn: see vsock_connect(). Returns 0 or -errno. Loop
 * thread.
 */
int guest_dial(struct vsock *v, uint32_t port, bool answers, vsock_connected_fn *fn, void *arg,
	int *ret) CHECKED;
