/* Which pod a configuration belongs to. By annotation, never by the path of a namespace. */
#pragma once

#include "base/err.h"
#include "oci/spec.h"

struct pod_name {
	const char *name; /* the spec's, or a constant; NULL: none, it has a pod of its own */
	bool sandbox;	  /* it is the one that the pod begins with */
	bool must_exist;  /* it is not: whoever made it has made the pod before */
};

/*
 * Reads io.vmrun.pod, else what containerd's CRI plugin, CRI-O and Podman write. -EINVAL, naming
 * the annotation, for a kind of container that is none, a kind without a pod, and a name that no
 * container may have (base/path.h, id_check()).
 */
int pod_name_read(const struct spec *spec, struct pod_name *ret, struct err *err) CHECKED;

/* The i-th annotation that is read, or NULL at the end; for features. */
const char *pod_annotation_name(size_t i);
