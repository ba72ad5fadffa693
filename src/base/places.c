/* Our places: see places.h. Called where options and settings get their defaults. */
#include "base/places.h"

#include "base/auto.h"
#include "base/id_map.h"

#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#define SYSTEM_STATE "/run/vmrun"
#define SYSTEM_CACHE "/var/cache/vmrun"

struct places places_look(void)
{
	AUTO_FREE struct id_range *map = NULL;
	size_t count = 0;
	struct places p = {
		.uid = geteuid(),
		.outer_uid = geteuid(),
		.xdg_runtime_dir = getenv("XDG_RUNTIME_DIR"),
		.xdg_cache_home = getenv("XDG_CACHE_HOME"),
		.home = getenv("HOME"),
		.run_user = "/run/user",
		.tmp = "/tmp",
	};

	/* When memory is out, others than root get places that may not be theirs: an error. */
	p.user_namespace =
		id_map_own("uid_map", &map, &count) < 0 || !id_map_is_initial(map, count);
	(void)!id_map_outward(map, count, p.uid, &p.outer_uid);
	return p;
}

bool places_are_system(const struct places *p)
{
	return p->uid == 0 && !p->user_namespace;
}

/* Relative ones are to be ignored, as the specification has it. */
static bool is_usable(const char *path)
{
	return path && *path == '/';
}

static int put(char out[PATH_MAX], const char *base, const char *name, struct err *err)
{
	return snprintf(out, PATH_MAX, "%s%s", base, name) < PATH_MAX
		       ? 0
		       : err_set(err, ENAMETOOLONG, "%.100s...: the path is too long", base);
}

/* Nobody else may put anything there. */
static bool is_ours(const struct places *p, const char *path)
{
	struct stat st;

	return lstat(path, &st) == 0 && S_ISDIR(st.st_mode) && st.st_uid == p->uid &&
	       !(st.st_mode & 022);
}

/* Where anybody may make anything: it is ours only once it is made. */
static int state_in_tmp(const struct places *p, char out[PATH_MAX], struct err *err)
{
	int r;

	snprintf(out, PATH_MAX, "%s/vmrun-%u", p->tmp, p->outer_uid);
	r = mkdir(out, 0700) < 0 ? -errno : 0;
	if (r < 0 && r != -EEXIST)
		return err_sys(err, -r,
			"the state directory %s, taken because XDG_RUNTIME_DIR is not set", out);
	return is_ours(p, out) ? 0
			       : err_set(err, EPERM,
					 "the state directory %s is somebody else's: set "
					 "XDG_RUNTIME_DIR, or give --root DIR",
					 out);
}

int places_state(const struct places *p, char out[PATH_MAX], struct err *err)
{
	if (places_are_system(p))
		return put(out, SYSTEM_STATE, "", err);
	if (is_usable(p->xdg_runtime_dir))
		return put(out, p->xdg_runtime_dir, "/vmrun", err);
	snprintf(out, PATH_MAX, "%s/%u", p->run_user, p->outer_uid);
	if (is_ours(p, out)) {
		strncat(out, "/vmrun", PATH_MAX - strlen(out) - 1);
		return 0;
	}
	return state_in_tmp(p, out, err);
}

int places_cache(const struct places *p, char out[PATH_MAX], struct err *err)
{
	if (places_are_system(p))
		return put(out, SYSTEM_CACHE, "", err);
	if (is_usable(p->xdg_cache_home))
		return put(out, p->xdg_cache_home, "/vmrun", err);
	if (is_usable(p->home))
		return put(out, p->home, "/.cache/vmrun", err);
	return err_set(err, ENOENT,
		"no place for unpacked kernels: set HOME or XDG_CACHE_HOME, or \"cache_dir\" in "
		"the "
		"settings");
}
