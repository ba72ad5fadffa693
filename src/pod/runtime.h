/* What every operation needs to know, and where the state is. */
#pragma once

#include "base/err.h"

#include <stdbool.h>
#include <stddef.h>

struct runtime {
	const char *root;	 /* the state directory */
	bool root_given;	 /* by --root; else it is the usual one */
	const char *config_file; /* of --config, or NULL */
	const char *hypervisor;	 /* of --hypervisor, or NULL */
	bool systemd_cgroup;
};

/* Makes the state directory root if it is missing (0700) and opens it. */
int state_root_open(const char *root, bool create, struct err *err) CHECKED;

/*
 * The directories in it of pods and of containers, one of each for each. Without create -ENOENT
 * where there are none, without an error.
 */
int state_open_pods(const char *root, bool create, struct err *err) CHECKED;
int state_open_containers(const char *root, bool create, struct err *err) CHECKED;

/* Writes a file of such a directory in one go. */
int state_file_write(
	int dir, const char *name, const void *data, size_t len, struct err *err) CHECKED;

/* Opens one of those. 0, or -errno with *ret -1. */
int state_dir_open(int parent, const char *name, int *ret) CHECKED;

bool state_dir_has(int dir, const char *name);

/* Says that it cannot be made, with its whole path. Returns -code. */
int state_dir_cannot_make(int parent, const char *name, int code, struct err *err);

/*
 * Opens its file "lock" and takes that, with or without waiting. make: it may have to be made. *ret
 * is what holds it. -ENOENT, without an error: there is none, or no directory any more; -EAGAIN.
 * Whoever has waited looks whether it still is in the directory: it may have been removed by him
 * who had it.
 */
int state_dir_lock(int dir, bool wait, bool make, int *ret, struct err *err) CHECKED;

/*
 * Removes the directory name of parent, which is open as dir, with all in it. Its file "lock",
 * which the caller holds, is the last to go: whoever has come meanwhile finds that, or makes one of
 * his own, and then the directory is his. 0 or -errno.
 */
int state_dir_remove(int parent, const char *name, int dir) CHECKED;

/*
 * Puts in front of err, which names a file, in which directory of the state it is: callers have
 * files of the same names. Returns -err->code.
 */
int state_dir_blame(int dir, struct err *err);
