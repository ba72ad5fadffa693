/* What a process may do: limits, ids, capabilities, seccomp. Used by the child, in this order. */
#pragma once

#include "agent/agent.pb-c.h"
#include "base/err.h"

#include <stdbool.h>
#include <sys/types.h>

/*
 * In the agent, for a process that is not let go yet: in a user namespace it could not raise a hard
 * limit by itself. What cannot be raised the process will tell.
 */
void credentials_raise_limits(pid_t pid, const Vmrun__Agent__Process *spec);
int credentials_set_limits(const Vmrun__Agent__Process *spec, struct err *err) CHECKED;

/* Bounding set and ids; permitted capabilities survive until credentials_set_capabilities(). */
int credentials_set_ids(const Vmrun__Agent__Process *spec, struct err *err) CHECKED;

/*
 * The process's final capability sets, and no_new_privs. Of a process whose filter comes later and
 * needs it, CAP_SYS_ADMIN is kept until credentials_drop_admin().
 */
int credentials_set_capabilities(const Vmrun__Agent__Process *spec, struct err *err) CHECKED;
int credentials_drop_admin(const Vmrun__Agent__Process *spec, struct err *err) CHECKED;

/* Whether the filter notifies a listener (SCMP_ACT_NOTIFY). */
bool credentials_want_listener(const Vmrun__Agent__Process *spec);

/*
 * Without no_new_privs this needs CAP_SYS_ADMIN, so it comes before the ids, or see above.
 * *ret_listener: the listener's descriptor, or -1.
 */
int credentials_set_seccomp(
	const Vmrun__Agent__Process *spec, int *ret_listener, struct err *err) CHECKED;
