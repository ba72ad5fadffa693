/* The agent's vsock end: listeners for RPC and streams, and the call to the host when it is ready.
 */
#pragma once

#include "agent/agent.h"

struct vsock;

/* Listens on VSOCK_PORT_RPC and VSOCK_PORT_STREAM for connections of the host. */
int vsock_listen(struct agent *a, struct vsock **ret, struct err *err) CHECKED;
void vsock_free(struct vsock *v);

/* Dials the host's VSOCK_PORT_READY and serves the API on that connection. */
int vsock_ready(struct agent *a, struct err *err) CHECKED;
