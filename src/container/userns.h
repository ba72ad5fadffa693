/*
 * A user namespace that config.json names by its path. No guest can join one of the host's, but
 * what makes one is its mappings: the container gets a namespace in the guest with the same.
 */
#pragma once

#include "base/err.h"
#include "oci/spec.h"

/*
 * Puts the namespace's mappings into linux.uidMappings and gidMappings, and takes its path away.
 * Mappings that are there already must be the same, as with runc, unless the namespace is our own.
 * Nothing is done where no path is given. err names the field.
 */
int userns_resolve(struct spec *spec, struct err *err) CHECKED;
