/*
 * Serves the file that stands for a process's seccomp listener (src/container/seccomp_agent.h): a
 * child of the proxy, which gets the guest's notifications from the agent, one ahead, and passes on
 * what the host's seccomp agent says to them. It ends when the seccomp agent closes its descriptor,
 * and the listener in the guest with it; and it goes with the proxy, whose pid namespace it is in.
 */
#pragma once

#include "base/err.h"
#include "proxy/notify_server.h"

/*
 * Forks the server. Everything stays the caller's, too. *ret_told: the read end of a pipe that ends
 * when the seccomp agent knows that there will be no more notifications.
 */
int notify_start(const struct notify *n, int *ret_told, struct err *err) CHECKED;
