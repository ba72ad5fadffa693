/*
 * A pod: one virtual machine, and what its containers share. <root>/pods/<name>/ has
 *
 *   lock          flock: while the pod is made, joined or left, by one at a time
 *   members/      an empty file for each container, with its id for a name
 *   cgroups.json  the cgroups on the host that are the pod's, and resctrl's groups: written as they
 *                 are made
 *   pod.json      written when the machine is up
 *   alive         flock held by vmrun-vm for life
 *   ctl.sock      vmrun-vm's control socket
 *   console.log   the guest's console
 *
 * A container that names no pod has one of its own, with its id for a name. The pod ends with its
 * last container, its machine when nobody holds it any more (VMCTL_HOLD): the anchor of each
 * container that runs does. Then a container that comes gets a new machine.
 */
#pragma once

#include "base/auto.h"
#include "base/err.h"
#include "base/pidref.h"
#include "base/str.h"
#include "pod/resctrl.h"
#include "pod/runtime.h"

#include <stdbool.h>
#include <stdint.h>

struct pod {
	char *state_root; /* the state directory */
	char *name;
	int root; /* the directory of pods */
	int dir;
	int lock; /* -1: not held */
	/* Of pod.json. */
	struct pidref monitor;	     /* pid 0: there is no machine yet */
	uint64_t memory_mib;	     /* of the guest */
	uint64_t overhead_mib;	     /* of its monitor on top: see limits.h */
	uint64_t vcpus;		     /* that the limits of its containers come to, all together */
	uint64_t containers;	     /* that the machine has had */
	bool volumes;		     /* the machine has the file system of volumes */
	bool shared;		     /* its containers have named it */
	struct strv cgroups;	     /* where the machine is, when that is the pod's to remove */
	struct strv cgroup_parents;  /* made for them, outermost first */
	struct resctrl_made resctrl; /* groups made for it */
};

/*
 * Enters a pod, which is made if it is missing and make is set, as the container of that id; waits
 * for others who make, join or leave it. On success the lock is held. -ENOENT: it is missing.
 */
int pod_enter(const char *root, const char *name, const char *member, bool make, struct pod **ret,
	struct err *err) CHECKED;

/* Opens a pod without its lock, to look. -ENOENT. */
int pod_open(const char *root, const char *name, struct pod **ret, struct err *err) CHECKED;

/* Gives the lock of pod_enter() back. */
void pod_unlock(struct pod *p);

/*
 * A connection to the machine that holds it, or -ESRCH, without an error, when there is none: it
 * has ended, or never begun.
 */
int pod_hold(const struct pod *p);

/* What has been made so far can be removed from now on, however we end. The lock is held. */
int pod_save_cgroups(const struct pod *p, struct err *err) CHECKED;

/* The machine is up: others may join. The lock is held. */
int pod_save(const struct pod *p, struct err *err) CHECKED;

/* The ids of its containers, in no order. */
int pod_members(const struct pod *p, struct strv *ret, struct err *err) CHECKED;

/* Whether the pod has no other container than that of the id. The lock is held. */
bool pod_is_last(const struct pod *p, const char *member);

/*
 * The container of the id is one of the pod no more. With the last one goes the pod: its machine is
 * killed, and all that was made for it removed. The lock is held.
 */
int pod_leave(struct pod *p, const char *member, struct err *err) CHECKED;

/* Makes p as if it had no machine, and had never had one. */
void pod_forget(struct pod *p);

void pod_free(struct pod *p);

DEFINE_AUTO_PTR(pod_free, struct pod)
