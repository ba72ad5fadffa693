/* The system calls each kind of thread may make; anything else kills the process. */
#pragma once

#include "base/err.h"

#include <stdbool.h>
#include <stddef.h>

enum thread_role {
	THREAD_MAIN, /* control connections, vsock, console, rng */
	THREAD_VCPU,
	THREAD_FS,
	THREAD_ROLES
};

struct filters {
	struct {
		void *code; /* struct sock_filter[] */
		size_t len; /* instructions */
	} role[THREAD_ROLES];
};

/* Compiles the filters. log_only: a forbidden call is logged by the kernel and allowed (--debug).
 */
int filters_init(struct filters *f, bool log_only, struct err *err) CHECKED;
void filters_done(struct filters *f);

/* Puts the calling thread under its filter, for good. After no_new_privs. */
int seccomp_enter(const struct filters *f, enum thread_role role) CHECKED;
