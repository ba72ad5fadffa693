/* The kinds of hooks, in the order in which they are run. */
#pragma once

#include "oci/spec.h"

enum hook_when {
	HOOK_PRESTART,
	HOOK_CREATE_RUNTIME,
	HOOK_CREATE_CONTAINER,
	HOOK_START_CONTAINER,
	HOOK_POSTSTART,
	HOOK_POSTSTOP,
	HOOK_KINDS,
};

struct hook_kind {
	const char *name; /* the key in config.json */
	size_t offset;	  /* of its struct spec_hook_list in struct spec_hooks */
};

extern const struct hook_kind hook_kinds[HOOK_KINDS];

static inline const struct spec_hook_list *hooks_of(
	const struct spec_hooks *hooks, enum hook_when when)
{
	return (const struct spec_hook_list *)(const void *)((const char *)hooks +
							     hook_kinds[when].offset);
}
