/* The pod's shares: the virtio-fs that the agent has mounted. */
#pragma once

/*
 * Waits until the guest's kernel believes nothing of the shares any more that it was told before
 * this call: at most two of its ticks, and not at all when nobody has looked at them so lately.
 * What the host has changed until now is then seen by whoever looks. shares: where they are
 * mounted.
 */
void shares_settle(const char *shares);
