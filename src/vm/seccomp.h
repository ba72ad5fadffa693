/*
 * The system calls each kind of thread may make; anything else kills the process. The filters are
 * compiled when vmrun is built (compile_filters.c), and nothing at run time weakens them.
 */
#pragma once

#include "base/err.h"

enum thread_role {
	THREAD_MAIN, /* control connections, vsock, console, rng */
	THREAD_VCPU,
	THREAD_FS,
	THREAD_ROLES
};

/* Puts the calling thread under its filter, for good. After no_new_privs. 0 or -errno. */
int seccomp_enter(enum thread_role role) CHECKED;
