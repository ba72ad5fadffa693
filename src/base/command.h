/*
 * Runs a program to its end: its input is given whole, its output kept, its time limited. For
 * hooks, on the host and in the guest.
 */
#pragma once

#include "base/err.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct command {
	const char *path;	 /* to be executed, never searched for */
	const char *const *args; /* NULL-terminated; NULL or none: the path alone */
	const char *const *env;	 /* NULL-terminated; NULL: ours */
	const char *cwd;	 /* NULL: ours; one that is gone: "/" */
	int input;		 /* a file, read from its beginning, or -1: /dev/null */
	int64_t timeout_s;	 /* 0: none. The whole process group is killed then */
	/* Its process group ends with us, however we end; else only the program itself does. */
	bool guarded;
};

/*
 * Returns 0 when it has exited with 0. Otherwise err tells in one line what became of it, with the
 * end of what it printed: -ENOENT, -EACCES, ... it could not be executed; -ETIMEDOUT; -ECANCELED it
 * failed or was killed. It inherits standard streams only: its output goes to us, and does so no
 * longer once it has ended, whatever it has left running.
 */
int command_run(const struct command *c, struct err *err) CHECKED;

/* A file with these bytes for command.input, or -errno. The caller closes it. */
int command_input(const void *data, size_t len) CHECKED;
