/*
 * startContainer hooks (runtime-spec config.md): programs of the container, run by its first
 * process with all that it has become, just before it executes its own program.
 */
#pragma once

#include "agent/agent.pb-c.h"
#include "base/err.h"

/*
 * Returns a file that holds the container's state with our pid in it, or -1 when there are no
 * hooks. Before the seccomp filter, which need not allow what it takes.
 */
int hooks_prepare(
	const Vmrun__Agent__CreateContainerRequest *request, int *ret, struct err *err) CHECKED;

/*
 * Runs the hooks in their order, up to the first that fails. env: of the container's process, for
 * those that name none. Errors are ECANCELED.
 */
int hooks_run_start(const Vmrun__Agent__CreateContainerRequest *request, int input,
	const char *const *env, struct err *err) CHECKED;
