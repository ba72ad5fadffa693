/* The table of hook kinds (runtime-spec config.md); the checks and features read it. */
#include "oci/hooks.h"

#define KIND(name_, member)                                                                        \
	{                                                                                          \
		.name = name_, .offset = offsetof(struct spec_hooks, member)                       \
	}

const struct hook_kind hook_kinds[HOOK_KINDS] = {
	[HOOK_PRESTART] = KIND("prestart", prestart),
	[HOOK_CREATE_RUNTIME] = KIND("createRuntime", create_runtime),
	[HOOK_CREATE_CONTAINER] = KIND("createContainer", create_container),
	[HOOK_START_CONTAINER] = KIND("startContainer", start_container),
	[HOOK_POSTSTART] = KIND("poststart", poststart),
	[HOOK_POSTSTOP] = KIND("poststop", poststop),
};
