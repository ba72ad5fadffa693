/*
 * The directory of a container: <root>/containers/<id>/ with a file for each fact. What its status
 * is follows from them and from its processes; no stored status is believed. What is the machine's
 * is in the directory of its pod (pod/pod.h).
 *
 *   lock          flock: one mutating command at a time
 *   config.json   as it was at create
 *   pod           the name of its pod, where that is not its id
 *   cgroups.json  the cgroups on the host that are its own: written as they are made
 *   state.json    written once, when create has succeeded
 *   started       there once start has succeeded
 *   paused        there while paused
 *   oom, exit, death.json   left by its anchor: see anchor/records.h
 */
#pragma once

#include "base/auto.h"
#include "base/buf.h"
#include "base/json_out.h"
#include "base/pidref.h"
#include "base/str.h"
#include "oci/spec.h"
#include "pod/limits.h"
#include "pod/pod.h"

enum status {
	STATUS_CREATING,
	STATUS_CREATED,
	STATUS_RUNNING,
	STATUS_PAUSED,
	STATUS_STOPPED,
};

const char *status_name(enum status s);

struct state {
	char *root; /* the state directory */
	char *id;
	int all; /* the directory of containers */
	int dir; /* the container's directory */
	int lock;
	char *pod;   /* its name */
	int pod_dir; /* its directory, or -1: there is none (yet) */
	/* Of state.json; empty while creating. */
	char *bundle, *rootfs, *created, *oci_version;
	struct strv annotations;    /* key, value, key, value, ... */
	struct strv cgroups;	    /* directories on the host that it is in */
	struct strv cgroup_parents; /* made for them, outermost first */
	bool cgroups_of_pod;	    /* they are the pod's, which removes them */
	struct pidref anchor;
	uint64_t owner_uid;
};

/*
 * Makes the directory of a new container and locks it. What a create that was killed has left under
 * the id is removed first. -EEXIST when there is such a container.
 */
int state_create(const char *root, const char *id, struct state **ret, struct err *err) CHECKED;

/* Writes a file of the state directory in one go. */
int state_write(const struct state *s, const char *name, const void *data, size_t len,
	struct err *err) CHECKED;

/* Opens a container; lock: take its lock. -ENOENT: "container "x" does not exist". */
int state_open(
	const char *root, const char *id, bool lock, struct state **ret, struct err *err) CHECKED;

void state_free(struct state *s);

/* The container's configuration as it was at create. */
int state_read_spec(const struct state *s, struct spec **ret, struct err *err) CHECKED;

/* Says which pod it is in; before pod_enter(), so that it can leave that however create ends. */
int state_set_pod(struct state *s, const char *pod, struct err *err) CHECKED;

/* Writes down the cgroups that are its own, so that they can be removed however create ends. */
int state_save_cgroups(struct state *s, struct err *err) CHECKED;

/* Writes state.json from the fields. */
int state_save(struct state *s, struct err *err) CHECKED;

/* What its limits are set on: with room for the machine, where that is in its cgroups. */
struct limits_target state_limits_target(const struct state *s, const struct pod *pod);

enum status state_status(const struct state *s);

/* err if the status is not one of those in allowed (a mask of 1 << status): "cannot start ...". */
int state_require(
	const struct state *s, unsigned allowed, const char *verb, struct err *err) CHECKED;

/* Sets or removes one of the marker files. */
int state_mark(struct state *s, const char *marker, bool on, struct err *err) CHECKED;

/* How the container ended. */
struct exit_record {
	bool there;	 /* the anchor has left it */
	int status;	 /* 137 when it has not */
	int64_t at_ns;	 /* CLOCK_REALTIME, or 0 */
	bool oom_killed; /* also while it runs: a process of it was, for lack of memory */
};

void state_exit(const struct state *s, struct exit_record *ret);

/*
 * The way out of everything: cgroups of its own go, it leaves its pod, which ends with its last
 * container, and its directory is removed. Its processes have ended.
 */
int state_remove(struct state *s, struct err *err) CHECKED;

/* The ids of all containers, sorted; none where there is no state directory. */
int state_list(const char *root, struct strv *ret, struct err *err) CHECKED;

/* Appends the specification's state JSON. */
int state_print(const struct state *s, struct buf *out) CHECKED;
/*
 * The same with another status and pid: what hooks are told. *ret_pid_at (may be NULL): where in
 * out the digits of the pid stand.
 */
int state_print_as(const struct state *s, enum status status, pid_t pid, struct buf *out,
	size_t *ret_pid_at) CHECKED;

/* The same as a part of more. ret_pid_at: in out->to. */
void state_put(const struct state *s, enum status status, pid_t pid, struct json_out *out,
	size_t *ret_pid_at);

/* Gives the lock back, or takes it again: -ENOENT when the container was deleted meanwhile. */
void state_unlock(struct state *s);
int state_lock(struct state *s, struct err *err) CHECKED;

DEFINE_AUTO_PTR(state_free, struct state)
