/* A container's own folder of the agent's: device nodes and sockets before they are mounted. */
#pragma once

#include "agent/agent.h"
#include "base/err.h"

/* An O_PATH descriptor of it, made if missing. err is filled. */
int scratch_open(const struct agent *a, const char *container, struct err *err) CHECKED;
void scratch_forget(const struct agent *a, const char *container);
