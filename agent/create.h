/* CreateContainer: a record, what belongs to it, and the launch of its first process. */
#pragma once

#include "agent/agent.h"
#include "agent/agent.pb-c.h"
#include "rpc/server.h"

/*
 * Begins a container; r is answered by the launch (launch.h) or, on failure after the clone, when
 * everything is undone. On an error returned here nothing is left and r is the caller's to answer.
 */
int container_create(struct agent *a, const Vmrun__Agent__CreateContainerRequest *request,
	struct rpc_request *r, struct err *err) CHECKED;
