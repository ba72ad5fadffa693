/*
 * The agent put together and at work: api.c turns requests into calls, main.c and vsock.c feed it
 * connections. Unit tests make one without a VM by naming other directories.
 */
#pragma once

#include "agent/agent.h"
#include "base/auto.h"
#include "base/err.h"

/*
 * config: copied, its strings must live as long as the agent. SIGCHLD is blocked and SIGPIPE
 * ignored from here on. Errors name what could not be set up.
 */
int agent_new(const struct agent_config *config, struct agent **ret, struct err *err) CHECKED;
void agent_free(struct agent *a);

/* fd: a connected stream socket, owned by the agent from here on, also on failure. */
int agent_serve_rpc(struct agent *a, int fd) CHECKED;
int agent_serve_stream(struct agent *a, int fd) CHECKED;

DEFINE_AUTO_PTR(agent_free, struct agent)
