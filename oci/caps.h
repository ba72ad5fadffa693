/* Capability names and numbers. */
#pragma once

#include "oci/spec.h"

/* The number of "CAP_CHOWN" (any case, with or without "CAP_"), or -1. */
int cap_number(const char *name);

/* The name of a capability number, or NULL when there is none. */
const char *cap_name(unsigned number);

/* The mask of all names that are known; the others are left out. */
uint64_t caps_mask(const struct spec_strings *names);
