/* The pod's shares: what virtio-fs brings, on two file systems. */
#pragma once

#include "agent/agent.h"
#include "base/err.h"

#include <stdbool.h>

/*
 * The directory (O_PATH) whose entries are the shares of either kind, the caller's; the file system
 * of volumes is mounted if it is not yet. Loop thread. -errno with err filled.
 */
int shares_open(struct agent *a, bool volumes, struct err *err) CHECKED;

/*
 * Waits until the guest's kernel believes nothing of the shares any more that it was told before
 * this call: at most two of its ticks, and not at all when nobody has looked at them so lately.
 * What the host has changed until now is then seen by whoever looks. For children, in the agent's
 * mount namespace.
 */
void shares_settle(const struct agent *a);
