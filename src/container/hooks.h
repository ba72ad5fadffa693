/*
 * Hooks that run on the host (runtime-spec config.md, "POSIX-platform Hooks"): all but
 * startContainer, which the agent runs. Each gets the container's state on its standard input.
 */
#pragma once

#include "container/state.h"
#include "oci/hooks.h"

#include <sys/types.h>

/*
 * Runs the hooks of one kind in their order, up to the first that fails: err names it and says why.
 * s: bundle and rootfs are known. pid: the container's process as the hooks see it.
 */
int hooks_run(const struct spec_hooks *hooks, enum hook_when when, const struct state *s, pid_t pid,
	struct err *err) CHECKED;

/* The poststop hooks, all of them: one that fails is a warning. */
void hooks_run_poststop(const struct spec_hooks *hooks, const struct state *s);

/* The status that hooks of a kind are told. */
enum status hooks_status(enum hook_when when);

static inline bool hooks_any(const struct spec_hooks *hooks, enum hook_when when)
{
	return hooks_of(hooks, when)->n > 0;
}
