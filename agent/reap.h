/* Reaping: as PID 1 the agent is the parent of every orphan. */
#pragma once

#include "agent/agent.h"

struct reaper;

/* Blocks SIGCHLD and watches for it on the agent's loop. */
int reaper_new(struct agent *a, struct reaper **ret) CHECKED;
void reaper_free(struct reaper *r);
