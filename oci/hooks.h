/* The kinds of hooks, and which of them are run so far. */
#pragma once

#include "oci/spec.h"

struct hook_kind {
	const char *name; /* the key in config.json */
	size_t offset;	  /* of its struct spec_hook_list in struct spec_hooks */
	bool honoured;	  /* it is run; the others are refused, and features does not list them */
};

#define HOOK_KINDS 6

extern const struct hook_kind hook_kinds[HOOK_KINDS];

static inline const struct spec_hook_list *hooks_of(
	const struct spec_hooks *hooks, const struct hook_kind *kind)
{
	return (const struct spec_hook_list *)(const void *)((const char *)hooks + kind->offset);
}
