/*
 * Children of the proxy that do what it may not any more: forked while it may, with a pipe by which
 * they say that they are set up.
 */
#pragma once

#include "base/err.h"

#include <sys/types.h>

/*
 * Forks one, which calls run and ends when that returns. It writes a byte to ready when it is set
 * up, and is taken to have failed when it ends before. *ret_ready: the other end, the caller's, for
 * what the pipe's end may tell besides. Returns 0 or -errno.
 */
int helper_start(void (*run)(const void *arg, int ready), const void *arg, pid_t *ret_pid,
	int *ret_ready) CHECKED;
