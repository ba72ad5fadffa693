/*
 * Rights for who has none. The anchor's view, the monitor's jail and their pid namespaces need
 * CAP_SYS_ADMIN. A user without it becomes root of a user namespace, as with rootless Podman: there
 * 0 is himself, and 1 and on are what /etc/subuid and /etc/subgid give him. Whoever has the
 * capability already, as root of whatever user namespace, stays where he is.
 */
#pragma once

#include "base/id_map.h"
#include "oci/spec.h"

#include <sys/types.h>

struct rootless {
	uid_t uid;  /* the caller's, as he knows himself */
	int mounts; /* a mount namespace of our own that shares are in, or -1: it is the caller's */
	bool mapped; /* there is a new user namespace, of these ids */
	struct id_range *uids, *gids;
	size_t uid_count, gid_count;
};

#define ROOTLESS_INIT                                                                              \
	{                                                                                          \
		.mounts = -1                                                                       \
	}

/*
 * Before anything is opened that is to be mounted. This process must have one thread. err: what
 * keeps us from it, and the setting that does.
 */
int rootless_enter(struct rootless *ret, struct err *err) CHECKED;
void rootless_done(struct rootless *r);

/* For another process beside anchor's: its user namespace. Nothing of ret is needed later. */
int rootless_join(pid_t anchor, struct err *err) CHECKED;

/*
 * The host's ids in config.json are those that the caller knows; this makes them the namespace's,
 * which are the guest's, too. err names the field, and the ids that he has.
 */
int rootless_translate(const struct rootless *r, struct spec *spec, struct err *err) CHECKED;
