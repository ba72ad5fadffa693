/*
 * The cgroup of each container: one directory below the agent's cgroup root, with the container's
 * limits, in which all its processes live. It is the root of the container's cgroup namespace, so
 * programs find their own limits at /sys/fs/cgroup, as under runc. A program that manages cgroups
 * itself (systemd) may make children and move its processes there.
 */
#pragma once

#include "agent/agent.pb-c.h"
#include "base/cgroup_undo.h"
#include "base/list.h"
#include "base/loop.h"

#include <sys/types.h>

struct cgroups;

/* What a container wants to hear of: called from the loop when cgroup.events or memory.events
 * changed. */
typedef void cgroup_changed_fn(void *arg);

struct cgroup {
	struct cgroups *all;
	int fd; /* directory; -1 when there is none */
	char *name;
	char *path; /* in the agent's cgroup namespace, once a process was there */
	int watch_events, watch_memory; /* inotify watches, -1: none */
	cgroup_changed_fn *changed;
	void *arg;
	struct list link;
};

/* root: a cgroup v2 directory; it gets all controllers enabled for its children. */
int cgroups_new(struct loop *loop, const char *root, struct cgroups **ret, struct err *err) CHECKED;
void cgroups_free(struct cgroups *all);

/* Makes the directory name and writes the settings in order; undone on failure. */
int cgroup_create(struct cgroups *all, const char *name,
	const Vmrun__Agent__CgroupSetting *const *settings, size_t count,
	cgroup_changed_fn *changed, void *arg, struct cgroup *cg, struct err *err) CHECKED;

/*
 * Writes settings to a container's cgroup, in order, as far as the first that fails. undo (may be
 * NULL): learns how to take them back.
 */
int cgroup_apply(const struct cgroup *cg, const Vmrun__Agent__CgroupSetting *const *settings,
	size_t count, struct cgroup_undo *undo, struct err *err) CHECKED;

/* Learns the container's own path from its first process, before that runs anything. */
void cgroup_note_path(struct cgroup *cg, pid_t pid);

/* Directory for a new process beside pid (a member): the container's, or when that cannot hold
 * processes any more the one pid is in. Returns an fd or -errno. */
int cgroup_open_for(const struct cgroup *cg, pid_t pid) CHECKED;
/* Directory of the one at path below it, which is there; no path leads above. Returns an fd or
 * -errno. */
int cgroup_open_below(const struct cgroup *cg, const char *path) CHECKED;

/* Value of a key of a flat-keyed file such as memory.events; 0 when the file or key is missing. */
uint64_t cgroup_read_key(const struct cgroup *cg, const char *file, const char *key);

#define CGROUP_NO_LIMIT UINT64_MAX
/* "4711" or "max", which is no limit; 0 where there is no such file. */
uint64_t cgroup_read_number(const struct cgroup *cg, const char *file);

int cgroup_freeze(const struct cgroup *cg, bool frozen) CHECKED;
int cgroup_kill(const struct cgroup *cg) CHECKED;

/* Calls fn for every process, those in sub-cgroups included, until it returns non-zero. */
int cgroup_each_pid(const struct cgroup *cg, int (*fn)(void *arg, pid_t pid), void *arg) CHECKED;

/* Removes the directory and those below; -EBUSY while processes are left. */
int cgroup_remove(struct cgroup *cg) CHECKED;
/* Forgets it, leaving the directory if it still exists. */
void cgroup_done(struct cgroup *cg);
