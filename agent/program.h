/* Finding a process's program, as the process itself: its ids, its root, its working directory. */
#pragma once

#include "base/err.h"

#include <limits.h>
#include <stddef.h>

/*
 * Writes the path to execute for name. Without a slash it is looked for in the PATH of env. Errors
 * are worded as runc words them, since callers read them: EINVAL "exec: "x": executable file not
 * found in $PATH", EACCES "exec: "x": permission denied".
 */
int program_find(const char *name, char *const *env, size_t env_count, char ret[PATH_MAX],
	struct err *err) CHECKED;

/* The home directory of uid from /etc/passwd, or "/". */
void program_home(unsigned uid, char ret[PATH_MAX]);
