/* Overlay file systems, whose layers are directories of the host. */
#pragma once

#include "base/err.h"
#include "oci/spec.h"

/*
 * Makes the overlay that mounts[i] of config.json describes, as a detached mount: it is in no mount
 * table and goes with its last descriptor. *ret is the caller's.
 */
int overlay_open(const struct spec_mount *mount, size_t i, int *ret, struct err *err) CHECKED;
