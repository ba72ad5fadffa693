/* Mounts of a container: see mounts.h. Uses the descriptor-based mount calls throughout. */
#include "agent/mounts.h"

#include "agent/copy_up.h"
#include "agent/filesystem.h"
#include "agent/shares.h"
#include "base/path.h"
#include "base/str.h"

#include <fcntl.h>
#include <linux/openat2.h>
#include <stdio.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/syscall.h>

/* What a remount takes away unless it is asked for. */
#define MOUNT_FLAGS                                                                                \
	((uint64_t)(MS_RDONLY | MS_NOSUID | MS_NODEV | MS_NOEXEC | MS_NODIRATIME | MS_NOSYMFOLLOW))

static bool is_bind(const Vmrun__Agent__Mount *m)
{
	return !(m->flags & MS_REMOUNT) &&
	       ((m->flags & MS_BIND) || m->type[0] == '\0' || streq(m->type, "bind"));
}

/* Both proc and sysfs must be where the paths to mask are looked for, not behind a symlink. */
static bool is_kernel_fs(const Vmrun__Agent__Mount *m)
{
	return !is_bind(m) && (streq(m->type, "proc") || streq(m->type, "sysfs"));
}

/* O_DIRECTORY triggers the automount of a share's root, which a plain O_PATH would not. */
static int open_any(int dirfd, const char *path)
{
	int fd = open_in_root(dirfd, path, O_PATH | O_DIRECTORY, 0);

	return fd == -ENOTDIR ? open_in_root(dirfd, path, O_PATH, 0) : fd;
}

/* Mounts what the host has mounted at path, if it still has. */
static void touch(int dirfd, const char *path)
{
	int fd = open_any(dirfd, path);

	if (fd >= 0)
		close(fd);
}

/* A detached copy of what a share reference names, or -errno. */
static int clone_source(int shares, const Vmrun__Agent__ShareRef *ref, bool recursive)
{
	AUTO_CLOSE int fd = -1;
	int mount;

	fd = open_any(shares, ref->share);
	if (fd >= 0 && ref->path[0]) {
		int below = open_any(fd, ref->path);

		close(fd);
		fd = below;
	}
	if (fd < 0)
		return fd;
	for (size_t i = 0; recursive && i < ref->n_submounts; i++)
		touch(fd, ref->submounts[i]);
	mount = open_tree(fd, "",
		AT_EMPTY_PATH | OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC |
			(recursive ? (unsigned)AT_RECURSIVE : 0U));
	return mount < 0 ? -errno : mount;
}

/* The same, of the file system that it is on; err names the share. */
static int open_source(
	struct agent *a, const Vmrun__Agent__ShareRef *ref, bool recursive, struct err *err)
{
	AUTO_CLOSE int shares = -1;
	int r;

	if (!ref || !ref->share[0] || strchr(ref->share, '/') || ref->share[0] == '.')
		return err_set(err, EINVAL, "share \"%s\"", ref ? ref->share : "");
	shares = shares_open(a, ref->volume, err);
	if (shares < 0)
		return shares;
	r = clone_source(shares, ref, recursive);
	return r < 0 ? err_sys(err, -r, "share \"%s\", path \"%s\"", ref->share, ref->path) : r;
}

static int open_binds(struct agent *a, const Vmrun__Agent__CreateContainerRequest *request,
	struct mount_sources *s, struct err *err)
{
	s->binds = malloc((request->n_mounts + 1) * sizeof(*s->binds));
	if (!s->binds)
		return err_sys(err, ENOMEM, "mounts");
	for (; s->count < request->n_mounts; s->count++) {
		const Vmrun__Agent__Mount *m = request->mounts[s->count];
		int fd = is_bind(m) ? open_source(a, m->share, m->flags & MS_REC, err) : -1;

		if (is_bind(m) && fd < 0 && !m->optional)
			return err_prefix(
				err, "mounts[%zu]: source of %s: ", s->count, m->destination);
		if (is_bind(m) && fd < 0)
			err_clear(err);
		s->binds[s->count] = fd < 0 ? -1 : fd;
	}
	return 0;
}

int mount_sources_open(struct agent *a, const Vmrun__Agent__CreateContainerRequest *request,
	struct mount_sources *ret, struct err *err)
{
	AUTO(mount_sources_done) struct mount_sources s = MOUNT_SOURCES_INIT;
	int r;

	s.rootfs = open_source(a, request->rootfs, true, err);
	if (s.rootfs < 0)
		return err_prefix(err, "rootfs: ");
	r = open_binds(a, request, &s, err);
	if (r < 0)
		return r;
	*ret = s;
	s = (struct mount_sources)MOUNT_SOURCES_INIT;
	return 0;
}

int mount_source_open(struct agent *a, const Vmrun__Agent__ShareRef *ref, struct err *err)
{
	return open_source(a, ref, false, err);
}

int mount_sources_add_sysfs(const Vmrun__Agent__CreateContainerRequest *request,
	struct mount_sources *s, struct err *err)
{
	for (size_t i = 0; i < s->count; i++) {
		const Vmrun__Agent__Mount *m = request->mounts[i];

		if (is_bind(m) || !streq(m->type, "sysfs") || (m->flags & MS_REMOUNT))
			continue;
		if (filesystem_new(m, &s->binds[i], err) < 0)
			return err_prefix(err, "mounts[%zu]: ", i);
	}
	return 0;
}

void mount_sources_done(struct mount_sources *s)
{
	close_fd(&s->rootfs);
	close_fd(&s->sd_notify);
	for (size_t i = 0; i < s->count; i++)
		close_fd(&s->binds[i]);
	for (size_t i = 0; i < s->device_count; i++)
		close_fd(&s->devices[i]);
	free(s->binds);
	free(s->devices);
	*s = (struct mount_sources)MOUNT_SOURCES_INIT;
}

int mount_attach(int mount, int dest)
{
	return move_mount(mount, "", dest, "", MOVE_MOUNT_F_EMPTY_PATH | MOVE_MOUNT_T_EMPTY_PATH) <
			       0
		       ? -errno
		       : 0;
}

int mountpoint_open(int rootfd, const char *path, bool file)
{
	int fd = open_in_root(rootfd, path, O_PATH, 0);

	if (fd != -ENOENT)
		return fd;
	return file ? file_in_root(rootfd, path, 0644) : mkdir_in_root(rootfd, path, 0755);
}

/* Whether path, resolved in rootfd without any symlink, is what fd is. */
static bool is_at_plain_path(int rootfd, const char *path, int fd)
{
	struct open_how how = {
		.flags = O_PATH | O_CLOEXEC,
		.resolve = RESOLVE_IN_ROOT | RESOLVE_NO_SYMLINKS,
	};
	AUTO_CLOSE int plain = (int)syscall(SYS_openat2, rootfd, path, &how, sizeof(how));
	struct stat a, b;

	return plain >= 0 && fstat(plain, &a) == 0 && fstat(fd, &b) == 0 && a.st_dev == b.st_dev &&
	       a.st_ino == b.st_ino;
}

static int open_destination(
	int rootfd, const Vmrun__Agent__Mount *m, int source, int *ret, struct err *err)
{
	AUTO_CLOSE int dest = -1;
	struct stat st = { .st_mode = S_IFDIR };
	struct stat root, there;

	if (source >= 0 && fstat(source, &st) < 0)
		return err_sys(err, errno, "source");
	dest = mountpoint_open(rootfd, m->destination, !S_ISDIR(st.st_mode));
	if (dest < 0)
		return err_sys(err, -dest, "%s", m->destination);
	if (fstat(dest, &there) < 0 || fstat(rootfd, &root) < 0)
		return err_sys(err, errno, "%s", m->destination);
	if (there.st_dev == root.st_dev && there.st_ino == root.st_ino)
		return err_set(err, EINVAL, "%s: the destination is the root", m->destination);
	if (S_ISDIR(there.st_mode) != S_ISDIR(st.st_mode))
		return err_set(err, EINVAL, "%s: %s a directory, but its source is%s",
			m->destination, S_ISDIR(there.st_mode) ? "is" : "is not",
			S_ISDIR(st.st_mode) ? "" : " not");
	if (is_kernel_fs(m) && !is_at_plain_path(rootfd, m->destination, dest))
		return err_set(err, EINVAL,
			"%s: %s must be mounted on ordinary directory, not through a symlink",
			m->destination, m->type);
	*ret = steal_fd(&dest);
	return 0;
}

static int bind_attributes(int mount, const Vmrun__Agent__Mount *m, struct err *err)
{
	struct mount_attr attr = mount_attr_from_flags(m->flags, m->flags_cleared);

	if ((attr.attr_set || attr.attr_clr) &&
		mount_setattr(mount, "", AT_EMPTY_PATH, &attr, sizeof(attr)) < 0)
		return err_sys(err, errno, "options of %s", m->destination);
	return 0;
}

static int set_propagation(int mount, const Vmrun__Agent__Mount *m, struct err *err)
{
	struct mount_attr attr = { .propagation = m->propagation & ~(uint64_t)MS_REC };
	unsigned recursive = m->propagation & MS_REC ? (unsigned)AT_RECURSIVE : 0U;

	if (attr.propagation &&
		mount_setattr(mount, "", AT_EMPTY_PATH | recursive, &attr, sizeof(attr)) < 0)
		return err_sys(err, errno, "propagation of %s", m->destination);
	return 0;
}

/* Attributes for the whole tree ("rro"), then how it propagates. */
static int tree_attributes(int mount, const Vmrun__Agent__Mount *m, struct err *err)
{
	struct mount_attr attr = {
		.attr_set = m->recursive_set,
		.attr_clr = m->recursive_clear,
	};

	/* The access-time modes are one field: setting one replaces the others. */
	if (attr.attr_set & MOUNT_ATTR__ATIME)
		attr.attr_clr |= MOUNT_ATTR__ATIME;
	if ((attr.attr_set || attr.attr_clr) &&
		mount_setattr(mount, "", AT_EMPTY_PATH | AT_RECURSIVE, &attr, sizeof(attr)) < 0)
		return err_sys(err, errno, "recursive options of %s", m->destination);
	return set_propagation(mount, m, err);
}

/*
 * Unless told otherwise a tmpfs has the mode of the directory it covers, as under runc, and shows
 * it among its options; where there was none, its own (1777).
 */
static int inherit_mode(const Vmrun__Agent__Mount *m, int dest, char **ret_data)
{
	struct stat st;

	if (fstat(dest, &st) < 0)
		return -errno;
	if (asprintf(ret_data, "%s%smode=%o", m->data, m->data[0] ? "," : "", st.st_mode & 07777) <
		0) {
		*ret_data = NULL;
		return -ENOMEM;
	}
	return 0;
}

/* was_there: dest was not made for this. */
static int make_filesystem(
	const Vmrun__Agent__Mount *m, int dest, bool was_there, int *ret, struct err *err)
{
	AUTO_FREE char *data = NULL;
	Vmrun__Agent__Mount with_mode = *m;
	int r = 0;

	if (streq(m->type, "tmpfs") && was_there && !strstr(m->data, "mode="))
		r = inherit_mode(m, dest, &data);
	if (r < 0)
		return err_sys(err, -r, "mode of %s", m->destination);
	if (data)
		with_mode.data = data;
	r = filesystem_new(&with_mode, ret, err);
	if (r < 0)
		return r;
	return m->copy_up ? copy_up(dest, *ret, err) : 0;
}

static bool is_there(int rootfd, const char *path)
{
	AUTO_CLOSE int fd = open_in_root(rootfd, path, O_PATH, 0);

	return fd >= 0;
}

/* Whether the file system at dest was made for this container; others are also the agent's. */
static bool is_own_filesystem(int dest, const Vmrun__Agent__CreateContainerRequest *request,
	const struct mount_sources *s, size_t before)
{
	static const char *const shared[] = { "sysfs", "cgroup", "cgroup2", "mqueue" };
	bool own = false;
	struct stat a, b;

	for (size_t i = 0; i < before; i++) {
		const Vmrun__Agent__Mount *m = request->mounts[i];

		if (is_bind(m) || s->binds[i] < 0 || fstat(dest, &a) < 0 ||
			fstat(s->binds[i], &b) < 0 || a.st_dev != b.st_dev)
			continue;
		own = true;
		for (size_t k = 0; k < ARRAY_LEN(shared); k++)
			own = own && !streq(m->type, shared[k]);
	}
	return own;
}

/*
 * As mount(2) with MS_REMOUNT: what is not asked for is taken away, but for the access time mode.
 * Without MS_BIND the file system's own options change, too, if it is the container's.
 */
static int remount(int rootfd, const Vmrun__Agent__CreateContainerRequest *request, size_t i,
	const struct mount_sources *s, struct err *err)
{
	const Vmrun__Agent__Mount *m = request->mounts[i];
	AUTO_CLOSE int dest = open_in_root(rootfd, m->destination, O_PATH, 0);
	struct mount_attr attr = mount_attr_from_flags(m->flags, ~m->flags & MOUNT_FLAGS);

	if (dest < 0)
		return err_sys(err, -dest, "%s", m->destination);
	if (!(m->flags & MS_BIND) && is_own_filesystem(dest, request, s, i)) {
		int r = filesystem_reconfigure(dest, m, err);

		if (r < 0)
			return r;
	}
	if (mount_setattr(dest, "", AT_EMPTY_PATH, &attr, sizeof(attr)) < 0)
		return errno == EINVAL ? err_set(err, EINVAL, "remount of %s: it is no mount point",
						 m->destination)
				       : err_sys(err, errno, "remount of %s", m->destination);
	return tree_attributes(dest, m, err);
}

static int make_mount(int rootfd, const Vmrun__Agent__Mount *m, int *source, struct err *err)
{
	AUTO_CLOSE int dest = -1;
	bool bind = is_bind(m), was_there = !bind && is_there(rootfd, m->destination);
	int r;

	r = open_destination(rootfd, m, bind ? *source : -1, &dest, err);
	if (r == 0 && bind)
		r = bind_attributes(*source, m, err);
	else if (r == 0 && *source < 0)
		r = make_filesystem(m, dest, was_there, source, err);
	if (r == 0)
		r = tree_attributes(*source, m, err);
	if (r < 0)
		return r;
	r = mount_attach(*source, dest);
	return r < 0 ? err_sys(err, -r, "%s", m->destination) : 0;
}

int mounts_make(int rootfd, const Vmrun__Agent__CreateContainerRequest *request,
	struct mount_sources *s, struct err *err)
{
	for (size_t i = 0; i < request->n_mounts; i++) {
		const Vmrun__Agent__Mount *m = request->mounts[i];
		int r;

		/* An optional bind without a source, as the agent has found. */
		if (is_bind(m) && s->binds[i] < 0)
			continue;
		r = m->flags & MS_REMOUNT ? remount(rootfd, request, i, s, err)
					  : make_mount(rootfd, m, &s->binds[i], err);
		if (r == 0)
			continue;
		if (!m->optional)
			return err_prefix(err, "mounts[%zu]: ", i);
		err_clear(err);
		close_fd(&s->binds[i]);
	}
	return 0;
}

int mounts_seal(const Vmrun__Agent__CreateContainerRequest *request, struct mount_sources *s,
	struct err *err)
{
	struct mount_attr attr = { .attr_set = MOUNT_ATTR_RDONLY };

	for (size_t i = 0; i < request->n_mounts; i++) {
		const Vmrun__Agent__Mount *m = request->mounts[i];

		if (is_bind(m) || !(m->flags & MS_RDONLY) || s->binds[i] < 0)
			continue;
		if (mount_setattr(s->binds[i], "", AT_EMPTY_PATH, &attr, sizeof(attr)) < 0)
			return err_sys(err, errno, "mounts[%zu]: %s read-only", i, m->destination);
	}
	return 0;
}

int mounts_propagate(const Vmrun__Agent__CreateContainerRequest *request,
	const struct mount_sources *s, struct err *err)
{
	int r = 0;

	for (size_t i = 0; r == 0 && i < request->n_mounts; i++)
		if (s->binds[i] >= 0)
			r = set_propagation(s->binds[i], request->mounts[i], err);
	return r;
}

static int new_empty(void)
{
	static const Vmrun__Agent__Mount empty = {
		.base = PROTOBUF_C_MESSAGE_INIT(&vmrun__agent__mount__descriptor),
		.destination = (char *)"",
		.type = (char *)"tmpfs",
		.source = (char *)"tmpfs",
		.data = (char *)"",
		.flags = MS_RDONLY,
	};
	struct err err = ERR_NONE;
	int mount;

	return filesystem_new(&empty, &mount, &err) < 0 ? -err.code : mount;
}

/*
 * A read-only tmpfs over a directory, the null device over anything else. empty: the first such
 * tmpfs, which serves all directories; it is attached by now, and so can be cloned. Or -1.
 */
static int open_mask(int over, int empty)
{
	AUTO_CLOSE int mount = -1;
	struct stat st;

	if (fstat(over, &st) < 0)
		return -errno;
	if (!S_ISDIR(st.st_mode))
		mount = open_tree(AT_FDCWD, "/dev/null", OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC);
	else if (empty >= 0)
		mount = open_tree(empty, "", AT_EMPTY_PATH | OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC);
	else
		return new_empty();
	return mount < 0 ? -errno : steal_fd(&mount);
}

/* *empty: as above, the caller's. */
static int mask(int over, int *empty)
{
	struct mount_attr attr = { .attr_set = MOUNT_ATTR_RDONLY };
	AUTO_CLOSE int mount = open_mask(over, *empty);
	struct stat st;
	int r;

	if (mount < 0)
		return mount;
	/* Keeps the container from changing the mode of the agent's null device, too. */
	if (mount_setattr(mount, "", AT_EMPTY_PATH, &attr, sizeof(attr)) < 0)
		return -errno;
	r = mount_attach(mount, over);
	if (r == 0 && *empty < 0 && fstat(mount, &st) == 0 && S_ISDIR(st.st_mode))
		*empty = steal_fd(&mount);
	return r;
}

static bool is_among(const char *path, char *const *paths, size_t count)
{
	for (size_t i = 0; i < count; i++)
		if (streq(path, paths[i]))
			return true;
	return false;
}

int mounts_mask(int rootfd, char *const *paths, size_t count, struct err *err)
{
	AUTO_CLOSE int empty = -1;

	for (size_t i = 0; i < count; i++) {
		AUTO_CLOSE int over = -1;
		int r;

		if (is_among(paths[i], paths, i))
			continue;
		over = open_in_root(rootfd, paths[i], O_PATH, 0);
		if (over == -ENOENT || over == -ENOTDIR)
			continue;
		r = over < 0 ? over : mask(over, &empty);
		if (r < 0)
			return err_sys(err, -r, "masked path %s", paths[i]);
	}
	return 0;
}

int mounts_readonly(int rootfd, char *const *paths, size_t count, struct err *err)
{
	struct mount_attr attr = { .attr_set = MOUNT_ATTR_RDONLY };

	for (size_t i = 0; i < count; i++) {
		AUTO_CLOSE int over = open_in_root(rootfd, paths[i], O_PATH, 0);
		AUTO_CLOSE int copy = -1;
		int r;

		if (over == -ENOENT || over == -ENOTDIR)
			continue;
		if (over < 0)
			return err_sys(err, -over, "read-only path %s", paths[i]);
		copy = open_tree(over, "",
			AT_EMPTY_PATH | OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC |
				(unsigned)AT_RECURSIVE);
		if (copy < 0)
			return err_sys(err, errno, "read-only path %s", paths[i]);
		if (mount_setattr(copy, "", AT_EMPTY_PATH | AT_RECURSIVE, &attr, sizeof(attr)) < 0)
			return err_sys(err, errno, "read-only path %s", paths[i]);
		r = mount_attach(copy, over);
		if (r < 0)
			return err_sys(err, -r, "read-only path %s", paths[i]);
	}
	return 0;
}
