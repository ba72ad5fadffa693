/*
 * The anchor: the host process (vmrun-proxy) that stands for one process in the guest
 * (architecture.md decision 13). Callers wait for it, signal it, read its cgroup and enter its
 * namespaces.
 */
#pragma once

#include "anchor/spec.h"

/*
 * Starts the anchor as a child of the caller, in its own session, pid and mount namespace, and
 * returns when its view is set up and the guest process is tied to it. It survives the caller. Its
 * exit status is the guest process's (128 + n for signal n, 137 when the pod died). Signals sent to
 * it go to the guest process.
 */
int anchor_spawn(const struct anchor_spec *spec, pid_t *ret_pid, struct err *err) CHECKED;
