/*
 * linux.cgroupsPath to a path below the cgroup root: see cgroup.h. systemd is not asked to make a
 * slice or a scope: they become the directories that it would make.
 */
#include "base/auto.h"
#include "pod/cgroup.h"

#include <stdio.h>

/* "a-b-c.slice" is the directory a.slice/a-b.slice/a-b-c.slice (systemd.slice(5)). */
static int expand_slice(const char *slice, char **ret)
{
	char *path = strdup("");

	if (streq(slice, "-.slice")) /* the root */
		slice = "";
	for (const char *dash = slice; path && *slice; dash++) {
		if (*dash != '-' && *dash != '\0')
			continue;
		char *longer;
		size_t n = (size_t)(dash - slice);
		bool last = *dash == '\0';

		if (asprintf(&longer, "%s/%.*s%s", path, (int)n, slice, last ? "" : ".slice") < 0)
			longer = NULL;
		free(path);
		path = longer;
		if (last)
			break;
	}
	*ret = path;
	return path ? 0 : -ENOMEM;
}

static bool is_slice(const char *name)
{
	size_t n = strlen(name);

	return n > 6 && streq(name + n - 6, ".slice");
}

/* As systemd names them: no empty part between dashes, and ".slice" at the end. */
static bool is_slice_path(const char *name)
{
	if (streq(name, "-.slice"))
		return true;
	return is_slice(name) && *name != '-' && !strchr(name, '/') && !strstr(name, "--") &&
	       !strstr(name, "-.slice");
}

static int systemd_path(const char *path, char **ret, struct err *err)
{
	AUTO_FREE char *copy = strdup(path);
	AUTO_FREE char *slice_dir = NULL;
	char *prefix = copy ? strchr(copy, ':') : NULL;
	char *name = prefix ? strchr(prefix + 1, ':') : NULL;
	int r;

	if (!name)
		return err_set(err, EINVAL,
			"config.json: linux.cgroupsPath: expected \"slice:prefix:name\", got "
			"\"%s\"",
			path);
	*prefix++ = '\0';
	*name++ = '\0';
	if (*copy && !is_slice_path(copy))
		return err_set(err, EINVAL,
			"config.json: linux.cgroupsPath: \"%s\" is not the name of a slice", copy);
	if (!*name || strchr(name, '/') || strchr(prefix, '/'))
		return err_set(
			err, EINVAL, "config.json: linux.cgroupsPath: \"%s\" names no scope", path);
	/* A name that is a slice already stands for itself. */
	if (expand_slice(*copy ? copy : "system.slice", &slice_dir) < 0)
		return err_sys(err, ENOMEM, "cgroup");
	if (is_slice(name))
		r = asprintf(ret, "%s/%s", slice_dir, name);
	else
		r = asprintf(ret, "%s/%s%s%s.scope", slice_dir, prefix, *prefix ? "-" : "", name);
	return r < 0 ? err_sys(err, ENOMEM, "cgroup") : 0;
}

static bool leaves_root(const char *path)
{
	for (const char *p = path; (p = strstr(p, "..")); p += 2)
		if ((p == path || p[-1] == '/') && (p[2] == '/' || p[2] == '\0'))
			return true;
	return false;
}

static int build_path(const char *path, bool systemd, const char *id, char **ret, struct err *err)
{
	int r;

	if (path && systemd && strchr(path, ':'))
		return systemd_path(path, ret, err);
	if (systemd && (!path || !*path))
		r = asprintf(ret, "/system.slice/vmrun-%s.scope", id);
	else if (!path || !*path)
		r = asprintf(ret, CGROUP_DEFAULT_DIR "/%s", id);
	else if (*path == '/')
		r = asprintf(ret, "%s", path);
	else
		r = asprintf(ret, CGROUP_DEFAULT_DIR "/%s", path);
	return r < 0 ? err_sys(err, ENOMEM, "cgroup") : 0;
}

int cgroup_path(const char *path, bool systemd, const char *id, char **ret, struct err *err)
{
	AUTO_FREE char *built = NULL;
	int r = build_path(path, systemd, id, &built, err);

	if (r < 0)
		return r;
	/* The result is looked at: in a slice or a prefix ".." stands between colons. */
	if (leaves_root(built))
		return err_set(
			err, EINVAL, "config.json: linux.cgroupsPath: \"%s\" contains ..", path);
	*ret = steal_ptr(&built);
	return 0;
}
