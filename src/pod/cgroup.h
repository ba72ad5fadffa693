/*
 * The container's cgroup on the host: where its anchor and its monitor are, as linux.cgroupsPath
 * says, so that callers find and account them. Limits are the guest's business.
 */
#pragma once

#include "base/err.h"
#include "base/str.h"

#include <stdbool.h>
#include <sys/types.h>

/*
 * The path below the cgroup root for a container. path: linux.cgroupsPath or NULL; systemd: it has
 * the form slice:prefix:name. ret is the caller's. -EINVAL for paths that leave the root.
 */
int cgroup_path(
	const char *path, bool systemd, const char *id, char **ret, struct err *err) CHECKED;

/*
 * Makes the directories of path: one on a v2 host, one per mounted controller on others. What could
 * be made is appended to dirs, and the parents that were missing to parents, outermost first.
 * Without permission (not root) dirs stays empty, which is no error.
 */
int cgroup_make(const char *path, struct strv *dirs, struct strv *parents, struct err *err) CHECKED;

/* An fd of the only directory on a v2 host, to be born in; -1 on others. */
int cgroup_open_v2(const struct strv *dirs);

/* An fd of the one with the memory controller (the only one on a v2 host), or -1. */
int cgroup_open_memory(const struct strv *dirs);

/*
 * Removes what a proxy that was killed may have left beside a container's cgroup: see
 * CGROUP_BELL_SUFFIX in anchormsg.h.
 */
void cgroup_remove_bell(const struct strv *dirs, const char *id);

/* Moves a process into all of them. */
int cgroup_add(const struct strv *dirs, pid_t pid, struct err *err) CHECKED;

/*
 * Kills what is left in them and removes them, and those parents that nobody else uses. Missing
 * ones are fine.
 */
void cgroup_remove(const struct strv *dirs, const struct strv *parents);
