/*
 * Where we keep things, which depends on whose we are: the system's places for its root, for all
 * others places of their own. Root of a user namespace is one of the others, since the system's
 * places are not his (XDG Base Directory Specification 0.8).
 */
#pragma once

#include "base/err.h"

#include <limits.h>
#include <stdbool.h>
#include <sys/types.h>

/* All that decides. */
struct places {
	uid_t uid;	     /* effective */
	bool user_namespace; /* not the initial one */
	uid_t outer_uid;     /* how the namespace above knows him; the same where there is none */
	/* The environment; NULL: not set. What is not absolute counts for nothing. */
	const char *xdg_runtime_dir, *xdg_cache_home, *home;
	/* Folders for want of those: "/run/user" and "/tmp", but in tests. */
	const char *run_user, *tmp;
};

/* Those of this process and its environment. */
struct places places_look(void);

/* Whether the system's places are his. */
bool places_are_system(const struct places *p);

/*
 * Where state is kept: /run/vmrun; for others $XDG_RUNTIME_DIR/vmrun, without it vmrun in
 * /run/user/UID if that is his, else /tmp/vmrun-UID, which is made here, so that nobody else can.
 * -EPERM when somebody else has it.
 */
int places_state(const struct places *p, char out[PATH_MAX], struct err *err) CHECKED;

/*
 * Where kernels and images are cached: /var/cache/vmrun; for others $XDG_CACHE_HOME/vmrun, without
 * it $HOME/.cache/vmrun. -ENOENT when neither is set.
 */
int places_cache(const struct places *p, char out[PATH_MAX], struct err *err) CHECKED;
