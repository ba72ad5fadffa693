/* The table of hook kinds (runtime-spec config.md); the checks and features read it. */
#include "oci/hooks.h"

#define KIND(name_, member)                                                                        \
	{                                                                                          \
		.name = name_, .offset = offsetof(struct spec_hooks, member)                       \
	}

const struct hook_kind hook_kinds[HOOK_KINDS] = {
	KIND("prestart", prestart),
	KIND("createRuntime", create_runtime),
	KIND("createContainer", create_container),
	KIND("startContainer", start_container),
	KIND("poststart", poststart),
	KIND("poststop", poststop),
};
