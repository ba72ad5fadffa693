/* Tells the monitor which of the threads that wait for locks have got a signal: rpc/signalled.h. */
#pragma once

#include "agent/agent.h"

/* Answers one question on fd (owned), which is not blocking. 0 or -errno. */
int signalled_serve(struct agent *a, int fd);
