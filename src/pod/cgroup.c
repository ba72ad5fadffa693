/* Host cgroups: see cgroup.h. */
#include "pod/cgroup.h"

#include "base/auto.h"
#include "base/fd.h"
#include "base/id_map.h"
#include "base/log.h"
#include "base/path.h"
#include "base/str.h"

#include <dirent.h>
#include <fcntl.h>
#include <linux/magic.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <sys/stat.h>
#include <sys/vfs.h>

#define CGROUP_ROOT "/sys/fs/cgroup"
#define RMDIR_TRIES 500
#define EMPTY_TRIES 50
#define MAKE_TRIES  10
#define TRY_MS	    20
#define LIST_MAX    4096

static bool is_v2(const char *path)
{
	struct statfs st;

	return statfs(path, &st) == 0 && st.f_type == CGROUP2_SUPER_MAGIC;
}

/* The content of a small file in dir, without its line end; NULL when it cannot be read. */
static char *read_list(const char *dir, const char *file)
{
	AUTO_CLOSE int dirfd = open(dir, O_PATH | O_DIRECTORY | O_CLOEXEC);
	AUTO_CLOSE int fd = dirfd < 0 ? -1 : openat(dirfd, file, O_RDONLY | O_CLOEXEC);
	char text[LIST_MAX];
	ssize_t n = fd < 0 ? -1 : read(fd, text, sizeof(text) - 1);

	if (n < 0)
		return NULL;
	text[n] = '\0';
	text[strcspn(text, "\n")] = '\0';
	return strdup(text);
}

static int write_to(const char *dir, const char *file, const char *value)
{
	AUTO_CLOSE int dirfd = open(dir, O_PATH | O_DIRECTORY | O_CLOEXEC);

	return dirfd < 0 ? -errno : file_write_at(dirfd, file, value);
}

/*
 * A new v1 cpuset has no CPUs and no memory nodes, and then takes no process: it gets its parent's.
 * Where the files are missing it is another hierarchy.
 */
static void inherit_cpuset(const char *parent, const char *dir)
{
	static const char *const files[] = { "cpuset.cpus", "cpuset.mems" };

	for (size_t i = 0; i < ARRAY_LEN(files); i++) {
		AUTO_FREE char *own = read_list(dir, files[i]);
		AUTO_FREE char *inherited = own && !*own ? read_list(parent, files[i]) : NULL;

		if (inherited)
			(void)!write_to(dir, files[i], inherited);
	}
}

/*
 * v2: the controllers of a cgroup are those that its parent hands down. One by one, since one that
 * cannot be (processes of the parent's own are in the way) takes all others of the same write with
 * it. What is missing in the end is noticed when a limit has no file.
 */
static void hand_down_controllers(const char *parent)
{
	AUTO_FREE char *list = read_list(parent, "cgroup.controllers");
	char *save = NULL;

	for (char *name = list ? strtok_r(list, " ", &save) : NULL; name;
		name = strtok_r(NULL, " ", &save)) {
		char request[64];

		snprintf(request, sizeof(request), "+%s", name);
		(void)!write_to(parent, "cgroup.subtree_control", request);
	}
}

/* Returns 1 when the directory is new, 0 when it was there. */
static int make_dir(const char *parent, const char *dir, bool v2)
{
	int r;

	if (v2)
		hand_down_controllers(parent);
	r = mkdir(dir, 0755) == 0 ? 1 : errno == EEXIST ? 0 : -errno;
	if (r >= 0 && !v2)
		inherit_cpuset(parent, dir);
	return r;
}

/* mkdir -p below the hierarchy, noting which parents had to be made. */
static int make_dirs(const char *hierarchy, char *dir, struct strv *parents)
{
	AUTO_FREE char *parent = strdup(hierarchy);
	size_t from = strlen(hierarchy);
	bool v2 = is_v2(hierarchy);
	int r = 0;

	for (char *slash = strchr(dir + from + 1, '/'); parent && slash && r >= 0;
		slash = strchr(slash + 1, '/')) {
		*slash = '\0';
		r = make_dir(parent, dir, v2);
		if (r > 0)
			r = strv_add(parents, dir);
		free(parent);
		parent = strdup(dir);
		*slash = '/';
	}
	if (!parent)
		return -ENOMEM;
	r = r < 0 ? r : make_dir(parent, dir, v2);
	return r < 0 ? r : 0;
}

/* Processes that were killed leave their cgroup a moment later. */
static bool is_empty(const char *dir)
{
	for (int i = 0; i < EMPTY_TRIES; i++) {
		AUTO_FREE char *procs = read_list(dir, "cgroup.procs");

		if (!procs || !*procs)
			return true;
		poll(NULL, 0, TRY_MS);
	}
	return false;
}

/* What is put into a frozen one never runs. */
static bool is_frozen(const char *dir)
{
	AUTO_FREE char *v2 = read_list(dir, "cgroup.freeze");
	AUTO_FREE char *v1 = read_list(dir, "freezer.state");

	return (v2 && str_after(v2, "1")) || (v1 && str_after(v1, "FR"));
}

/* Whether we may put processes into it. */
static int enterable(const char *dir)
{
	AUTO_FREE char *procs = NULL;

	if (asprintf(&procs, "%s/cgroup.procs", dir) < 0) {
		procs = NULL;
		return -ENOMEM;
	}
	return faccessat(AT_FDCWD, procs, W_OK, AT_EACCESS) < 0 ? -errno : 0;
}

/*
 * -EBUSY: others are in it, who would share our limits and be killed with us. -EDEADLK: it is
 * frozen, and would be all that we put into it.
 */
static int make_one(
	const char *hierarchy, const char *path, struct strv *dirs, struct strv *parents)
{
	AUTO_FREE char *dir = NULL;
	size_t n = strlen(path);
	int r;

	while (n > 0 && path[n - 1] == '/')
		n--;
	if (n == 0)
		return -EBUSY;
	if (asprintf(&dir, "%s%.*s", hierarchy, (int)n, path) < 0) {
		dir = NULL;
		return -ENOMEM;
	}
	r = make_dirs(hierarchy, dir, parents);
	/* A parent that somebody else's last container has just taken with it. */
	for (int i = 0; i < MAKE_TRIES && r == -ENOENT; i++)
		r = make_dirs(hierarchy, dir, parents);
	/* It may have been there before, and be somebody else's. */
	if (r == 0)
		r = enterable(dir);
	if (r == 0 && !is_empty(dir))
		r = -EBUSY;
	if (r == 0 && is_frozen(dir))
		r = -EDEADLK;
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
		/* A hierarchy that is not ours to use has no limits of ours. */
		if (r == -EROFS || r == -EACCES || r == -EPERM)
			r = 0;
	}
	closedir(d);
	return r;
}

static bool is_denied(int r)
{
	return r == -EACCES || r == -EPERM || r == -EROFS;
}

static bool is_system_root(void)
{
	return geteuid() == 0 && !in_user_namespace();
}

/* The path of ours in the v2 hierarchy, or NULL. */
static char *read_own(void)
{
	AUTO(buf_done) struct buf text = { 0 };
	struct err ignored = ERR_NONE;
	const char *line;

	if (file_read(AT_FDCWD, "/proc/self/cgroup", LIST_MAX, &text, &ignored) < 0 ||
		!buf_str(&text))
		return NULL;
	line = buf_str(&text);
	while (line && !str_after(line, "0::/")) {
		line = strchr(line, '\n');
		line = line ? line + 1 : NULL;
	}
	return line ? strndup(line + 3, strcspn(line + 3, "\n")) : NULL;
}

/* Directories that we may make but not enter would do nobody any good. */
static int make_if_enterable(
	const char *own, const char *path, struct strv *dirs, struct strv *parents)
{
	AUTO_FREE char *common = cgroup_common_path(own, path);
	AUTO_FREE char *dir = NULL;
	int r;

	if (!common || asprintf(&dir, CGROUP_ROOT "%s", common) < 0)
		return -ENOMEM;
	r = enterable(dir);
	return r ? r : make_v2(path, dirs, parents);
}

static int make_v2_for_user(const char *path, bool fixed, struct strv *dirs, struct strv *parents)
{
	AUTO_FREE char *own = read_own();
	AUTO_FREE char *delegated = own ? cgroup_delegated_path(own, path) : NULL;
	int r;

	if (!delegated)
		return -EACCES;
	r = make_if_enterable(own, path, dirs, parents);
	return is_denied(r) && !fixed ? make_if_enterable(own, delegated, dirs, parents) : r;
}

int cgroup_make(
	const char *path, bool fixed, struct strv *dirs, struct strv *parents, struct err *err)
{
	int r;

	if (!is_v2(CGROUP_ROOT))
		r = make_v1(path, dirs, parents);
	else if (is_system_root())
		r = make_v2(path, dirs, parents);
	else
		r = make_v2_for_user(path, fixed, dirs, parents);
	if (refused_to_user(r))
		return 0;
	if (r == -EBUSY)
		return err_set(err, EBUSY,
			"config.json: linux.cgroupsPath: container's cgroup is not empty: there "
			"are processes in the cgroup %s",
			path);
	if (r == -EDEADLK)
		return err_set(err, EBUSY,
			"config.json: linux.cgroupsPath: container's cgroup unexpectedly frozen: "
			"%s",
			path);
	return r < 0 ? err_sys(err, -r, "cannot make the cgroup %s", path) : 0;
}

bool cgroup_host_is_v2(void)
{
	return is_v2(CGROUP_ROOT);
}

int cgroup_write(const struct strv *dirs, const char *file, const char *value,
	struct cgroup_undo *undo, const char **ret_dir)
{
	int r = -ENOENT;

	for (size_t i = 0; i < dirs->n && r == -ENOENT; i++) {
		AUTO_CLOSE int dir = open(dirs->v[i], O_PATH | O_DIRECTORY | O_CLOEXEC);

		*ret_dir = dirs->v[i];
		r = dir < 0 ? -errno : cgroup_write_file(dir, file, value, undo);
	}
	return r;
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

void cgroup_remove_beside(const struct strv *dirs, const char *name)
{
	for (size_t i = 0; i < dirs->n; i++) {
		const char *slash = strrchr(dirs->v[i], '/');
		AUTO_FREE char *path = NULL;

		if (slash &&
			asprintf(&path, "%.*s/%s", (int)(slash - dirs->v[i]), dirs->v[i], name) > 0)
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

		if (r < 0 && dirs->n == 1 && !refused_to_user(r))
			return err_sys(err, -r, "cannot enter the cgroup %s", dirs->v[i]);
		if (r < 0)
			log_debug("cannot enter the cgroup %s: %s", dirs->v[i], strerror(-r));
	}
	return 0;
}

/* v1's frozen processes do not even die; of the directories one is the freezer's. */
void cgroup_thaw(const struct strv *dirs)
{
	for (size_t i = 0; i < dirs->n; i++) {
		(void)!write_to(dirs->v[i], "cgroup.freeze", "0");
		(void)!write_to(dirs->v[i], "freezer.state", "THAWED");
	}
}

/* Of v1, which has no cgroup.kill. Processes that we cannot see have number 0. */
static void kill_first(const char *dir)
{
	AUTO_FREE char *pid = read_list(dir, "cgroup.procs");
	uint64_t n;

	if (pid && str_to_u64(pid, &n) == 0 && n > 0 && n <= INT32_MAX)
		kill((pid_t)n, SIGKILL);
}

/* Processes that were killed leave their cgroup a moment later. *tries: left for all the pod's. */
static void remove_one(const char *path, int *tries)
{
	bool killed = write_to(path, "cgroup.kill", "1") == 0;

	for (; rmdir(path) < 0 && errno == EBUSY; (*tries)--) {
		if (!killed)
			kill_first(path);
		if (*tries == 0) {
			log_warn("the cgroup %s stays behind: it is in use", path);
			return;
		}
		poll(NULL, 0, TRY_MS);
	}
}

/* Our own parent goes with its last child, whoever made it. */
static void remove_own_parent(const char *dir)
{
	const char *slash = strrchr(dir, '/');
	AUTO_FREE char *parent = slash ? strndup(dir, (size_t)(slash - dir)) : NULL;
	const char *name = parent ? strrchr(parent, '/') : NULL;

	if (name && streq(name, CGROUP_DEFAULT_DIR))
		rmdir(parent);
}

void cgroup_remove(const struct strv *dirs, const struct strv *parents)
{
	int tries = RMDIR_TRIES;

	for (size_t i = 0; i < dirs->n; i++)
		remove_one(dirs->v[i], &tries);
	/* Innermost first; those that others use by now stay. */
	for (size_t i = parents->n; i > 0; i--)
		rmdir(parents->v[i - 1]);
	for (size_t i = 0; i < dirs->n; i++)
		remove_own_parent(dirs->v[i]);
}
