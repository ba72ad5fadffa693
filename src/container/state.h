/*
 * The state directory: <root>/<id>/ with a file for each fact. What a container's status is follows
 * from them and from its processes; no stored status is believed.
 *
 *   lock         flock: one mutating command at a time
 *   config.json  as it was at create
 *   cgroups.json the cgroups on the host, and resctrl's groups: written as they are made
 *   state.json   written once, when create has succeeded
 *   started      there once start has succeeded
 *   paused       there while paused
 *   oom          there once a process of it was killed for lack of memory
 *   exit         written by the anchor: "<status> <time in ns> <oom>"
 *   death.json   before it, when the pod died under the container (death.h)
 *   alive        flock held by vmrun-vm for life
 *   ctl.sock     vmrun-vm's control socket
 *   console.log  the guest's console
 */
#pragma once

#include "base/auto.h"
#include "base/buf.h"
#include "base/json_out.h"
#include "base/pidref.h"
#include "base/str.h"
#include "oci/spec.h"
#include "pod/resctrl.h"

enum status {
	STATUS_CREATING,
	STATUS_CREATED,
	STATUS_RUNNING,
	STATUS_PAUSED,
	STATUS_STOPPED,
};

const char *status_name(enum status s);

struct state {
	char *id;
	int dir; /* the container's directory */
	int lock;
	/* Of state.json; empty while creating. */
	char *bundle, *rootfs, *created, *oci_version;
	struct strv annotations;    /* key, value, key, value, ... */
	struct strv cgroups;	    /* directories that are the container's own */
	struct strv cgroup_parents; /* made for them, outermost first */
	struct resctrl_made resctrl;
	struct pidref anchor, monitor;
	uint64_t owner_uid;
	uint64_t memory_mib,
		overhead_mib; /* of the guest, and its monitor's on top: see limits.h */
};

/*
 * Makes the directory of a new container and locks it. What a create that was killed has left under
 * the id is removed first. -EEXIST when there is such a container.
 */
int state_create(int root, const char *id, struct state **ret, struct err *err) CHECKED;

/* Writes a file of the state directory in one go. */
int state_write(const struct state *s, const char *name, const void *data, size_t len,
	struct err *err) CHECKED;

/* Opens a container; lock: take its lock. -ENOENT: "container "x" does not exist". */
int state_open(int root, const char *id, bool lock, struct state **ret, struct err *err) CHECKED;

void state_free(struct state *s);

/* The container's configuration as it was at create. */
int state_read_spec(const struct state *s, struct spec **ret, struct err *err) CHECKED;

/* Writes down cgroups and resctrl's groups, so that they can be removed however create ends. */
int state_save_cgroups(struct state *s, struct err *err) CHECKED;

/* Writes state.json from the fields. */
int state_save(struct state *s, struct err *err) CHECKED;

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

/* Removes the directory and all in it. */
int state_remove(int root, struct state *s, struct err *err) CHECKED;

/* The ids of all containers below root, sorted. */
int state_list(int root, struct strv *ret, struct err *err) CHECKED;

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
