/*
 * The container's cgroup on the host: where its anchor and its monitor are, as linux.cgroupsPath
 * says, so that callers find and account them. What limits it has: limits.h.
 */
#pragma once

#include "base/cgroup_undo.h"
#include "base/err.h"
#include "base/str.h"

#include <stdbool.h>
#include <sys/types.h>

/* Below it are the containers that say nothing of where to be. */
#define CGROUP_DEFAULT_DIR "/vmrun"

/*
 * The path below the cgroup root for a container. path: linux.cgroupsPath or NULL; systemd: it has
 * the form slice:prefix:name, and none means system.slice:vmrun:ID. ret is the caller's. -EINVAL
 * for paths that leave the root and for what is no slice.
 */
int cgroup_path(
	const char *path, bool systemd, const char *id, char **ret, struct err *err) CHECKED;

/*
 * Makes the directories of path: one on a v2 host, one per mounted controller on others. What could
 * be made is appended to dirs, and the parents that were missing to parents, outermost first.
 * Parents of v2 hand down all their controllers, cpusets of v1 get what their parents have. -EBUSY
 * when there are processes in it. Who is not the system's root, and may not do that, gets it where
 * cgroup_delegated_path() says, unless it is fixed; when he may not that either, dirs stays empty,
 * which is no error.
 */
int cgroup_make(const char *path, bool fixed, struct strv *dirs, struct strv *parents,
	struct err *err) CHECKED;

/*
 * Where a user's cgroup is on a v2 host that delegates some: below his service manager if own, the
 * path of the cgroup that he is in, is; else beside that, since only a cgroup without processes can
 * hand down its controllers. own and path begin with '/'. The caller frees it; NULL: no memory.
 */
char *cgroup_delegated_path(const char *own, const char *path);

/* The path of the cgroup that both are in or below: a process that moves must be allowed to there.
 */
char *cgroup_common_path(const char *a, const char *b);

/* Whether the host has cgroup v2 alone; with any v1 hierarchy its files are v1's. */
bool cgroup_host_is_v2(void);

/*
 * Writes a file of the one directory that has it, which goes to *ret_dir. undo (may be NULL):
 * learns how to take it back. -ENOENT when none has it; else what the kernel says.
 */
int cgroup_write(const struct strv *dirs, const char *file, const char *value,
	struct cgroup_undo *undo, const char **ret_dir) CHECKED;

/* An fd of the only directory on a v2 host, to be born in; -1 on others. */
int cgroup_open_v2(const struct strv *dirs);

/* An fd of the one with the memory controller (the only one on a v2 host), or -1. */
int cgroup_open_memory(const struct strv *dirs);

/* Removes the cgroups of that name beside them, which are empty. */
void cgroup_remove_beside(const struct strv *dirs, const char *name);

/* Moves a process into all of them. */
int cgroup_add(const struct strv *dirs, pid_t pid, struct err *err) CHECKED;

/* Lets frozen processes in them run on, so that they can be killed. */
void cgroup_thaw(const struct strv *dirs);

/*
 * Kills what is left in them and removes them, and those parents that nobody else uses. Missing
 * ones are fine.
 */
void cgroup_remove(const struct strv *dirs, const struct strv *parents);
