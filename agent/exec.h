/* Exec: a further process in a container that lives. */
#pragma once

#include "agent/container.h"

/*
 * r is answered by the launch (launch.h). On an error returned here nothing is left and r is the
 * caller's to answer.
 */
int container_exec(struct container *c, const Vmrun__Agent__ExecRequest *request,
	struct rpc_request *r, struct err *err) CHECKED;
