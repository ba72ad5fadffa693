/* What a process may do: limits, ids, capabilities, seccomp. Used by the child, in this order. */
#pragma once

#include "agent/agent.pb-c.h"
#include "base/err.h"

int credentials_set_limits(const Vmrun__Agent__Process *spec, struct err *err) CHECKED;

/* Bounding set and ids; permitted capabilities survive until credentials_set_capabilities(). */
int credentials_set_ids(const Vmrun__Agent__Process *spec, struct err *err) CHECKED;

/* The process's final capability sets, and no_new_privs. */
int credentials_set_capabilities(const Vmrun__Agent__Process *spec, struct err *err) CHECKED;

/* Without no_new_privs this needs CAP_SYS_ADMIN, so it comes before the ids. */
int credentials_set_seccomp(const Vmrun__Agent__Process *spec, struct err *err) CHECKED;
