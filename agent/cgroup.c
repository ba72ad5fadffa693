/* Containers' cgroups: see cgroup.h. The loop's thread only. */
#include "agent/cgroup.h"

#include "base/fd.h"
#include "base/path.h"
#include "base/str.h"

#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/inotify.h>
#include <sys/stat.h>

#define FILE_MAX (1 << 20)

struct cgroups {
	int root;
	int inotify;
	struct loop_fd *watch;
	struct list members;
};

/* A container may have been removed by a handler that ran before in the same batch. */
static void dispatch(struct cgroups *all, int wd)
{
	list_for_each (cg, &all->members, struct cgroup, link) {
		if (cg->watch_events == wd || cg->watch_memory == wd) {
			cg->changed(cg->arg);
			return;
		}
	}
}

static void on_inotify(void *arg, int fd, uint32_t events)
{
	struct cgroups *all = arg;
	char data[4096] __attribute__((aligned(__alignof__(struct inotify_event))));
	ssize_t n = read(fd, data, sizeof(data));

	(void)events;
	for (ssize_t at = 0; at < n;) {
		const struct inotify_event *e = (const struct inotify_event *)(data + at);

		at += (ssize_t)(sizeof(*e) + e->len);
		if (e->mask & IN_MODIFY)
			dispatch(all, e->wd);
	}
}

/* Every controller of the root for its children; one that cannot be is left out. */
static void enable_controllers(int root)
{
	AUTO(buf_done) struct buf list = { 0 };
	struct err err = ERR_NONE;
	char *save = NULL, word[64];

	if (file_read(root, "cgroup.controllers", 4096, &list, &err) < 0 || !buf_str(&list))
		return;
	for (char *c = strtok_r((char *)list.data, " \n", &save); c;
		c = strtok_r(NULL, " \n", &save)) {
		snprintf(word, sizeof(word), "+%s", c);
		(void)!file_write_at(root, "cgroup.subtree_control", word);
	}
}

int cgroups_new(struct loop *loop, const char *root, struct cgroups **ret, struct err *err)
{
	struct cgroups *all = calloc(1, sizeof(*all));
	int r;

	if (!all)
		return err_sys(err, ENOMEM, "cgroups");
	list_init(&all->members);
	all->root = open(root, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	all->inotify = inotify_init1(IN_CLOEXEC | IN_NONBLOCK);
	r = all->root < 0 || all->inotify < 0 ? -errno : 0;
	if (r == 0)
		r = loop_fd_add(
			loop, "cgroups", all->inotify, EPOLLIN, on_inotify, all, &all->watch);
	if (r < 0) {
		cgroups_free(all);
		return err_sys(err, -r, "%s", root);
	}
	enable_controllers(all->root);
	*ret = all;
	return 0;
}

void cgroups_free(struct cgroups *all)
{
	if (!all)
		return;
	loop_fd_remove(all->watch);
	close_fd(&all->inotify);
	close_fd(&all->root);
	free(all);
}

static int watch_file(const struct cgroup *cg, const char *file)
{
	char path[64];

	snprintf(path, sizeof(path), "/proc/self/fd/%d/%s", cg->fd, file);
	return inotify_add_watch(cg->all->inotify, path, IN_MODIFY);
}

int cgroup_apply(const struct cgroup *cg, const Vmrun__Agent__CgroupSetting *const *settings,
	size_t count, struct cgroup_undo *undo, struct err *err)
{
	for (size_t i = 0; i < count; i++) {
		const Vmrun__Agent__CgroupSetting *s = settings[i];
		int r;

		if (strchr(s->file, '/') || !*s->file)
			return err_set(err, EINVAL, "cgroup: \"%s\" is no file name", s->file);
		r = cgroup_write_file(cg->fd, s->file, s->value, undo);
		if (r < 0 && !(s->optional && r == -ENOENT))
			return err_sys(err, -r, "cgroup: write of \"%s\" to %s", s->value, s->file);
	}
	return 0;
}

/* What a container may build below its cgroup, which the agent walks, has an end. */
static void bound_tree(int fd)
{
	(void)!file_write_at(fd, "cgroup.max.depth", "32");
	(void)!file_write_at(fd, "cgroup.max.descendants", "4096");
}

int cgroup_create(struct cgroups *all, const char *name,
	const Vmrun__Agent__CgroupSetting *const *settings, size_t count,
	cgroup_changed_fn *changed, void *arg, struct cgroup *cg, struct err *err)
{
	int r;

	*cg = (struct cgroup){ .all = all,
		.fd = -1,
		.name = strdup(name),
		.watch_events = -1,
		.watch_memory = -1,
		.changed = changed,
		.arg = arg };
	list_init(&cg->link);
	if (!cg->name)
		return err_sys(err, ENOMEM, "cgroup");
	if (mkdirat(all->root, name, 0755) < 0 && errno != EEXIST) {
		r = err_sys(err, errno, "cgroup %s", name);
		cgroup_done(cg);
		return r;
	}
	cg->fd = openat(all->root, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (cg->fd >= 0)
		bound_tree(cg->fd);
	r = cg->fd < 0 ? err_sys(err, errno, "cgroup %s", name)
		       : cgroup_apply(cg, settings, count, NULL, err);
	if (r < 0) {
		(void)!cgroup_remove(cg);
		cgroup_done(cg);
		return r;
	}
	cg->watch_events = watch_file(cg, "cgroup.events");
	cg->watch_memory = watch_file(cg, "memory.events");
	list_add_tail(&all->members, &cg->link);
	return 0;
}

/* The path of a process in the agent's view of the hierarchy, owned by the caller. */
static char *path_of(pid_t pid)
{
	AUTO(buf_done) struct buf text = { 0 };
	struct err err = ERR_NONE;
	char path[64], *at;

	snprintf(path, sizeof(path), "/proc/%d/cgroup", (int)pid);
	if (file_read(AT_FDCWD, path, 16384, &text, &err) < 0 || !buf_str(&text))
		return NULL;
	at = strstr((char *)text.data, "0::/");
	if (!at)
		return NULL;
	at[strcspn(at, "\n")] = '\0';
	return strdup(at + 3);
}

void cgroup_note_path(struct cgroup *cg, pid_t pid)
{
	free(cg->path);
	cg->path = path_of(pid);
}

int cgroup_open_for(const struct cgroup *cg, pid_t pid)
{
	AUTO(buf_done) struct buf text = { 0 };
	AUTO_FREE char *path = NULL;
	struct err err = ERR_NONE;
	const char *below;

	/* Controllers enabled for children: the rule of no internal processes forbids this one. */
	if (file_read(cg->fd, "cgroup.subtree_control", 4096, &text, &err) < 0)
		return -err.code;
	if (text.len <= 1)
		return fcntl(cg->fd, F_DUPFD_CLOEXEC, 3);
	path = path_of(pid);
	below = path && cg->path ? str_after(path, cg->path) : NULL;
	if (!below || below[0] != '/')
		return -EBUSY;
	return cgroup_open_below(cg, below);
}

int cgroup_open_below(const struct cgroup *cg, const char *path)
{
	return open_in_root(cg->fd, path, O_RDONLY | O_DIRECTORY, 0);
}

uint64_t cgroup_read_key(const struct cgroup *cg, const char *file, const char *key)
{
	AUTO(buf_done) struct buf text = { 0 };
	struct err err = ERR_NONE;
	char *save = NULL;
	uint64_t value;

	if (cg->fd < 0 || file_read(cg->fd, file, 8192, &text, &err) < 0 || !buf_str(&text))
		return 0;
	for (char *line = strtok_r((char *)text.data, "\n", &save); line;
		line = strtok_r(NULL, "\n", &save)) {
		const char *rest = str_after(line, key);

		if (rest && *rest == ' ')
			return str_to_u64(rest + 1, &value) == 0 ? value : 0;
	}
	return 0;
}

uint64_t cgroup_read_number(const struct cgroup *cg, const char *file)
{
	AUTO(buf_done) struct buf text = { 0 };
	struct err ignored = ERR_NONE;
	uint64_t value;
	char *word;

	if (cg->fd < 0 || file_read(cg->fd, file, 64, &text, &ignored) < 0 || !buf_str(&text))
		return 0;
	word = (char *)text.data;
	word[strcspn(word, "\n")] = '\0';
	if (streq(word, "max"))
		return CGROUP_NO_LIMIT;
	return str_to_u64(word, &value) == 0 ? value : 0;
}

int cgroup_freeze(const struct cgroup *cg, bool frozen)
{
	return file_write_at(cg->fd, "cgroup.freeze", frozen ? "1" : "0");
}

int cgroup_kill(const struct cgroup *cg)
{
	return file_write_at(cg->fd, "cgroup.kill", "1");
}

static int each_pid_of(int dirfd, int (*fn)(void *arg, pid_t pid), void *arg)
{
	AUTO(buf_done) struct buf text = { 0 };
	struct err err = ERR_NONE;
	char *save = NULL;
	uint64_t pid;
	int r = file_read(dirfd, "cgroup.procs", FILE_MAX, &text, &err);

	/* A threaded sub-cgroup has no list of processes; they are all its parent's. */
	if (r == -EOPNOTSUPP)
		return 0;
	if (r < 0 || !buf_str(&text))
		return r < 0 ? r : -ENOMEM;
	for (char *line = strtok_r((char *)text.data, "\n", &save); r == 0 && line;
		line = strtok_r(NULL, "\n", &save))
		if (str_to_u64(line, &pid) == 0 && pid > 0)
			r = fn(arg, (pid_t)pid);
	return r;
}

/* Calls fn for each directory below dirfd (not for itself), the deepest first. */
static int each_child(int dirfd, int (*fn)(void *arg, int parent, const char *name), void *arg)
{
	DIR *dir = dir_read(dirfd);
	struct dirent *e;
	int r = 0;

	if (!dir)
		return -errno;
	while (r == 0 && (e = readdir(dir))) {
		AUTO_CLOSE int child = -1;

		if (e->d_type != DT_DIR || e->d_name[0] == '.')
			continue;
		child = openat(dirfd, e->d_name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
		if (child < 0)
			continue;
		r = each_child(child, fn, arg);
		if (r == 0)
			r = fn(arg, dirfd, e->d_name);
	}
	closedir(dir);
	return r;
}

struct pid_walk {
	int (*fn)(void *arg, pid_t pid);
	void *arg;
};

static int walk_child(void *arg, int parent, const char *name)
{
	struct pid_walk *walk = arg;
	AUTO_CLOSE int fd = openat(parent, name, O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	return fd < 0 ? 0 : each_pid_of(fd, walk->fn, walk->arg);
}

int cgroup_each_pid(const struct cgroup *cg, int (*fn)(void *arg, pid_t pid), void *arg)
{
	struct pid_walk walk = { fn, arg };
	int r = each_pid_of(cg->fd, fn, arg);

	return r ? r : each_child(cg->fd, walk_child, &walk);
}

static int remove_child(void *arg, int parent, const char *name)
{
	(void)arg;
	return unlinkat(parent, name, AT_REMOVEDIR) < 0 && errno != ENOENT ? -errno : 0;
}

int cgroup_remove(struct cgroup *cg)
{
	int r = 0;

	if (cg->fd < 0)
		return 0;
	if (unlinkat(cg->all->root, cg->name, AT_REMOVEDIR) == 0 || errno == ENOENT)
		return 0;
	r = each_child(cg->fd, remove_child, NULL);
	if (r == 0 && unlinkat(cg->all->root, cg->name, AT_REMOVEDIR) < 0 && errno != ENOENT)
		r = -errno;
	return r;
}

void cgroup_done(struct cgroup *cg)
{
	if (cg->watch_events >= 0)
		inotify_rm_watch(cg->all->inotify, cg->watch_events);
	if (cg->watch_memory >= 0)
		inotify_rm_watch(cg->all->inotify, cg->watch_memory);
	cg->watch_events = cg->watch_memory = -1;
	if (cg->link.next)
		list_del(&cg->link);
	close_fd(&cg->fd);
	free(steal_ptr(&cg->name));
	free(steal_ptr(&cg->path));
}
