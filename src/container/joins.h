/*
 * Namespaces that config.json gives by path. A guest cannot enter the host's; but the anchors of a
 * pod's containers stand for these, so a path that leads to a namespace of an anchor means that
 * container's in the guest.
 *
 * The anchors' own ipc, uts and network namespaces on the host are handles for that: each container
 * that gets a new one in the guest has a new one there, too, and who joins it there joins it here.
 */
#pragma once

#include "anchor/anchor.h"
#include "base/str.h"
#include "oci/spec.h"
#include "pod/pod.h"

struct joins {
	const char **container; /* for each of linux.namespaces whose it is; NULL: a new one */
	struct strv ids;	/* what these point to */
	struct anchor_join *joined;
	unsigned joined_count;
};

/*
 * Looks for the owners of all paths of spec among the containers of pod. A path of a user namespace
 * that is a container's is taken out of spec. sandbox: this is the container that the pod begins
 * with, so ipc and uts namespaces that its caller has made are its own. Other paths stay for who
 * knows what to say of them. Errors name the field.
 */
int joins_find(struct joins *j, struct spec *spec, const struct pod *pod, bool sandbox,
	struct err *err) CHECKED;

/* The namespaces that the anchor gets new: CLONE_NEW*. */
uint64_t joins_created(const struct joins *j, const struct spec *spec);

void joins_done(struct joins *j);
