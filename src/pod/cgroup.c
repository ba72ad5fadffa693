/* Host cgroups: see cgroup.h. */
#include "pod/cgroup.h"

#include "base/auto.h"
#include "base/fd.h"
#include "base/log.h"
#include "base/path.h"
#include "pod/anchormsg.h"

#include <dirent.h>
#include <fcntl.h>
#include <linux/magic.h>
#include <poll.h>
#include <stdio.h>
#include <sys/stat.h>
#include <sys/vfs.h>

#define CGROUP_ROOT "/sys/fs/cgroup"
#define DEFAULT_DIR "/vmrun"
#define RMDIR_TRIES 100

static bool is_v2(const char *path)
{
	struct statfs st;

	return statfs(path, &st) == 0 && st.f_type == CGROUP2_SUPER_MAGIC;
}

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
	if (!path || !*path)
		r = asprintf(ret, DEFAULT_DIR "/%s", id);
	else if (*path == '/')
		r = asprintf(ret, "%s", path);
	else
		r = asprintf(ret, DEFAULT_DIR "/%s", path);
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

/* mkdir -p below the hierarchy, noting which parents had to be made. */
static int make_parents(char *dir, size_t from, struct strv *parents)
{
	for (char *slash = strchr(dir + from + 1, '/'); slash; slash = strchr(slash + 1, '/')) {
		int r;

		*slash = '\0';
		r = mkdir(dir, 0755) == 0 ? strv_add(parents, dir) : errno == EEXIST ? 0 : -errno;
		*slash = '/';
		if (r < 0)
			return r;
	}
	return 0;
}

static int make_one(
	const char *hierarchy, const char *path, struct strv *dirs, struct strv *parents)
{
	AUTO_FREE char *dir = NULL;
	int r;

	if (asprintf(&dir, "%s%s", hierarchy, path) < 0)
		return -ENOMEM;
	r = make_parents(dir, strlen(hierarchy), parents);
	if (r == 0 && mkdir(dir, 0755) < 0 && errno != EEXIST)
		r = -errno;
	return r ? r : strv_add(dirs, dir);
}

static void enable_controllers(const char *path)
{
	AUTO_CLOSE int dir = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	AUTO(buf_done) struct buf list = { 0 };
	struct err ignored = ERR_NONE;
	char *save = NULL, word[64];

	if (dir < 0 || file_read(dir, "cgroup.controllers", 4096, &list, &ignored) < 0 ||
		!buf_str(&list))
		return;
	for (char *c = strtok_r((char *)list.data, " \n", &save); c;
		c = strtok_r(NULL, " \n", &save)) {
		snprintf(word, sizeof(word), "+%s", c);
		(void)!file_write_at(dir, "cgroup.subtree_control", word);
	}
}

/*
 * As runc: every controller for the container's directory, enabled from the root down, so that it
 * has numbers to look at (memory.current, memory.events). What cannot be is left out.
 */
static void enable_down_to(char *dir, size_t from)
{
	for (char *slash = strchr(dir + from, '/'); slash; slash = strchr(slash + 1, '/')) {
		*slash = '\0';
		enable_controllers(dir);
		*slash = '/';
	}
}

/* The only hierarchy of a v2 host. */
static int make_v2(const char *path, struct strv *dirs, struct strv *parents)
{
	int r = make_one(CGROUP_ROOT, path, dirs, parents);

	if (r == 0)
		enable_down_to(dirs->v[dirs->n - 1], strlen(CGROUP_ROOT));
	return r;
}

/* A v1 or hybrid host: every hierarchy that is mounted below the root. */
static int make_v1(const char *path, struct strv *dirs, struct strv *parents)
{
	DIR *d = opendir(CGROUP_ROOT);
	struct dirent *e;
	int r = 0;

	if (!d)
		return 0;
	while (r == 0 && (e = readdir(d))) {
		char hierarchy[300];

		if (e->d_name[0] == '.' || e->d_type == DT_LNK)
			continue;
		snprintf(hierarchy, sizeof(hierarchy), CGROUP_ROOT "/%s", e->d_name);
		r = make_one(hierarchy, path, dirs, parents);
		/* A cpuset without cpus takes no process, and we set no limits here. */
		if (r == -EROFS || r == -EACCES || r == -EPERM)
			r = 0;
	}
	closedir(d);
	return r;
}

int cgroup_make(const char *path, struct strv *dirs, struct strv *parents, struct err *err)
{
	int r = is_v2(CGROUP_ROOT) ? make_v2(path, dirs, parents) : make_v1(path, dirs, parents);

	if ((r == -EACCES || r == -EPERM || r == -EROFS) && geteuid() != 0)
		return 0;
	return r < 0 ? err_sys(err, -r, "cannot make the cgroup %s", path) : 0;
}

int cgroup_open_v2(const struct strv *dirs)
{
	if (dirs->n != 1 || !is_v2(dirs->v[0]))
		return -1;
	return open(dirs->v[0], O_RDONLY | O_DIRECTORY | O_CLOEXEC);
}

int cgroup_open_memory(const struct strv *dirs)
{
	for (size_t i = 0; i < dirs->n; i++) {
		/* Both have it, but on a v2 host only where the controller is enabled. */
		AUTO_CLOSE int dir = open(dirs->v[i], O_RDONLY | O_DIRECTORY | O_CLOEXEC);

		if (dir >= 0 && (faccessat(dir, "memory.events", F_OK, 0) == 0 ||
					faccessat(dir, "memory.oom_control", F_OK, 0) == 0))
			return steal_fd(&dir);
	}
	return -1;
}

void cgroup_remove_bell(const struct strv *dirs, const char *id)
{
	for (size_t i = 0; i < dirs->n; i++) {
		const char *slash = strrchr(dirs->v[i], '/');
		AUTO_FREE char *path = NULL;

		if (slash && asprintf(&path, "%.*s/%s" CGROUP_BELL_SUFFIX,
				     (int)(slash - dirs->v[i]), dirs->v[i], id) > 0)
			rmdir(path);
	}
}

int cgroup_add(const struct strv *dirs, pid_t pid, struct err *err)
{
	char text[16];

	snprintf(text, sizeof(text), "%d", pid);
	for (size_t i = 0; i < dirs->n; i++) {
		AUTO_CLOSE int dir = open(dirs->v[i], O_PATH | O_DIRECTORY | O_CLOEXEC);
		int r = dir < 0 ? -errno : file_write_at(dir, "cgroup.procs", text);

		if (r < 0 && dirs->n == 1)
			return err_sys(err, -r, "cannot enter the cgroup %s", dirs->v[i]);
		if (r < 0)
			log_debug("cannot enter the cgroup %s: %s", dirs->v[i], strerror(-r));
	}
	return 0;
}

/* Processes that were killed leave their cgroup a moment later. */
static void remove_one(const char *path)
{
	AUTO_CLOSE int dir = open(path, O_PATH | O_DIRECTORY | O_CLOEXEC);

	if (dir >= 0)
		(void)!file_write_at(dir, "cgroup.kill", "1");
	for (int i = 0; i < RMDIR_TRIES && rmdir(path) < 0 && errno == EBUSY; i++)
		poll(NULL, 0, 20);
}

void cgroup_remove(const struct strv *dirs, const struct strv *parents)
{
	for (size_t i = 0; i < dirs->n; i++)
		remove_one(dirs->v[i]);
	/* Innermost first; those that others use by now stay. */
	for (size_t i = parents->n; i > 0; i--)
		rmdir(parents->v[i - 1]);
	/* Our own parent goes with its last child, whoever made it. */
	rmdir(CGROUP_ROOT DEFAULT_DIR);
}
