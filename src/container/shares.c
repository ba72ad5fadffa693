/* Shares: see share.h. */
#include "container/shares.h"

#include "base/auto.h"
#include "base/id_map.h"
#include "container/fd_kind.h"
#include "container/idmap.h"
#include "container/overlay.h"
#include "container/submounts.h"
#include "pod/share.h"

#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <sys/sysmacros.h>

#define STAT_NOSYMFOLLOW 0x2000 /* the kernel's ST_NOSYMFOLLOW, which no header has */

static int open_rootfs(struct shares *s, const struct spec *spec, int bundle_dir,
	const char *bundle, struct err *err)
{
	const char *path = spec->root->path;
	struct stat st;

	s->rootfs_fd = openat(bundle_dir, path, O_PATH | O_DIRECTORY | O_CLOEXEC);
	if (s->rootfs_fd < 0)
		return err_sys(err, errno, "config.json: root.path: %s%s%s",
			*path == '/' ? "" : bundle, *path == '/' ? "" : "/", path);
	if (fstat(s->rootfs_fd, &st) < 0)
		return err_sys(err, errno, "%s", path);
	snprintf(s->rootfs_path, sizeof(s->rootfs_path), "%s%s%s", *path == '/' ? "" : bundle,
		*path == '/' ? "" : "/", path);
	return 0;
}

static int check_kind(const struct mount_bind *b, const struct stat *st, struct err *err)
{
	switch (st->st_mode & S_IFMT) {
	case S_IFDIR:
	case S_IFREG:
	case S_IFSOCK: /* the anchor's relay connects it */
		return 0;
	case S_IFIFO:
		return err_set(err, ENOTSUP,
			"config.json: mounts[%zu].source: %s is a pipe, of which a guest would see "
			"the name only",
			b->index, b->source);
	default:
		return device_is_same_in_guest(st)
			       ? 0
			       : err_set(err, ENOTSUP,
					 "config.json: mounts[%zu].source: %s is a device of the "
					 "host, %u:%u of the guest is another one (which "
					 "linux.devices can give)",
					 b->index, b->source, major(st->st_rdev),
					 minor(st->st_rdev));
	}
}

/*
 * A copy of the mount, which nothing but its descriptor knows of: without those below it where
 * "rbind" does not ask for them, and the only kind whose ids can be mapped.
 */
static int copy_mount(const struct mount_bind *b, const struct spec *spec, int *fd, struct err *err)
{
	unsigned flags = OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC | AT_EMPTY_PATH;
	AUTO_CLOSE int copy = open_tree(*fd, "", flags | (b->recursive ? AT_RECURSIVE : 0));
	char where[64];

	/* What a user namespace has got of the host's mounts cannot be taken apart in it. */
	if (copy < 0 && errno == EINVAL && !b->recursive && in_user_namespace())
		return err_set(err, EINVAL,
			"config.json: mounts[%zu].options: what is mounted below %s cannot be left "
			"out in a user namespace: \"rbind\" takes it along",
			b->index, b->source);
	if (copy < 0)
		return err_sys(err, errno, "config.json: mounts[%zu].source: a copy of %s",
			b->index, b->source);
	if (b->idmap) {
		bool own = b->uid_map != &spec->linux.uid_mappings;
		int r;

		snprintf(where, sizeof(where), "config.json: mounts[%zu].%s", b->index,
			own ? "uidMappings" : "options");
		r = idmap_apply(copy, b, where, err);
		if (r < 0)
			return r;
	}
	close(*fd);
	*fd = steal_fd(&copy);
	return 0;
}

/* What holds for the mount that fd is on, as MS_*. */
static uint64_t flags_of_mount(int fd)
{
	static const struct {
		unsigned long stat, flag;
	} flags[] = {
		{ ST_RDONLY, MS_RDONLY },
		{ ST_NOSUID, MS_NOSUID },
		{ ST_NODEV, MS_NODEV },
		{ ST_NOEXEC, MS_NOEXEC },
		{ ST_NOATIME, MS_NOATIME },
		{ ST_NODIRATIME, MS_NODIRATIME },
		{ ST_RELATIME, MS_RELATIME },
		{ STAT_NOSYMFOLLOW, MS_NOSYMFOLLOW },
	};
	struct statvfs st;
	uint64_t ret = 0;

	if (fstatvfs(fd, &st) < 0)
		return 0;
	for (size_t i = 0; i < ARRAY_LEN(flags); i++)
		ret |= st.f_flag & flags[i].stat ? flags[i].flag : 0;
	return ret & (MS_NOATIME | MS_RELATIME) ? ret : ret | MS_STRICTATIME;
}

static int open_bind(
	struct shares *s, size_t i, int bundle_dir, const struct spec *spec, struct err *err)
{
	const struct mount_bind *b = &s->binds[i];
	struct share *share = &s->bind[i];
	struct stat st;
	int r;

	if (b->overlay) {
		r = overlay_open(&spec->mounts.v[b->index], b->index, &share->fd, err);
		if (r < 0)
			return r;
	} else {
		share->fd = openat(bundle_dir, b->source, O_PATH | O_CLOEXEC);
	}
	if (share->fd < 0 || fstat(share->fd, &st) < 0)
		return err_sys(
			err, errno, "config.json: mounts[%zu].source: %s", b->index, b->source);
	r = check_kind(b, &st, err);
	/* An overlay is a mount of its own already, and has no mapped ids. */
	if (r == 0 && !b->overlay && (b->idmap || (!b->recursive && S_ISDIR(st.st_mode))))
		r = copy_mount(b, spec, &share->fd, err);
	if (r < 0)
		return r;
	share->is_socket = S_ISSOCK(st.st_mode);
	s->agent_binds[i] = (struct agent_bind){
		.share = share->name,
		.path = "",
		.is_volume = true,
		.is_file = !S_ISDIR(st.st_mode),
		.host_flags = b->overlay ? 0 : flags_of_mount(share->fd),
	};
	return 0;
}

/* The mounts below a directory that is open; it has a path of its own unless it is a copy. */
static int list_submounts(const struct buf *table, int fd, struct strv *ret, struct err *err)
{
	char link[64], path[PATH_MAX];
	ssize_t n;

	snprintf(link, sizeof(link), "/proc/self/fd/%d", fd);
	n = readlink(link, path, sizeof(path) - 1);
	if (n < 0)
		return err_sys(err, errno, "%s", link);
	path[n] = '\0';
	return submounts_below(table, path, ret) < 0 ? err_sys(err, ENOMEM, "mounts") : 0;
}

/* The flags of the share at `where`; local: its locks are the guest's unless somebody says more. */
static int option_flags(const struct spec *spec, const char *where,
	const struct share_options *defaults, bool local, uint32_t *ret, struct err *err)
{
	static const uint32_t cache[] = {
		[SHARE_CACHE_NONE] = VMCTL_SHARE_CACHE_NONE,
		[SHARE_CACHE_ALWAYS] = VMCTL_SHARE_CACHE_ALWAYS,
	};
	struct share_options o;
	int r = share_options_of(spec, where, defaults, &o, err);

	if (r < 0)
		return r;
	*ret |= cache[o.cache];
	if (o.locks == SHARE_LOCKS_GUEST || (o.locks == SHARE_LOCKS_AUTO && local))
		*ret |= VMCTL_SHARE_LOCAL_LOCKS;
	return 0;
}

/* How each is served, and what of the host is mounted below it. */
static int describe(struct shares *s, const struct spec *spec, const struct share_options *defaults,
	struct err *err)
{
	AUTO(buf_done) struct buf table = { 0 };
	int r = submounts_read(&table, err);

	if (r == 0)
		r = list_submounts(&table, s->rootfs_fd, &s->rootfs_submounts, err);
	s->rootfs_flags = VMCTL_SHARE_ROOT;
	if (r == 0)
		r = option_flags(spec, "/", defaults, true, &s->rootfs_flags, err);
	for (size_t i = 0; r == 0 && i < s->count; i++) {
		const struct mount_bind *b = &s->binds[i];
		struct share *share = &s->bind[i];

		share->flags = VMCTL_SHARE_VOLUME | (b->read_only ? VMCTL_SHARE_RO : 0);
		if (s->agent_binds[i].is_file)
			share->flags |= VMCTL_SHARE_FILE;
		else if (b->recursive)
			r = list_submounts(&table, share->fd, &share->submounts, err);
		s->agent_binds[i].submounts = &share->submounts;
		if (r == 0)
			r = option_flags(spec, b->destination, defaults, false, &share->flags, err);
	}
	return r;
}

int shares_open(struct shares *s, const struct spec *spec, int bundle_dir, const char *bundle,
	const struct share_options *defaults, struct err *err)
{
	int r = open_rootfs(s, spec, bundle_dir, bundle, err);

	if (r < 0)
		return r;
	if (mount_binds(spec, &s->binds, &s->count) < 0)
		return err_sys(err, ENOMEM, "mounts");
	s->bind = calloc(s->count + 1, sizeof(*s->bind));
	s->agent_binds = calloc(s->count + 1, sizeof(*s->agent_binds));
	if (!s->bind || !s->agent_binds)
		return err_sys(err, ENOMEM, "mounts");
	for (size_t i = 0; i < s->count; i++)
		s->bind[i].fd = -1;
	for (size_t i = 0; r == 0 && i < s->count; i++)
		r = open_bind(s, i, bundle_dir, spec, err);
	return r ? r : describe(s, spec, defaults, err);
}

int shares_add(struct shares *s, unsigned container, bool watch, int ctl, struct err *err)
{
	int r;

	/*
	 * A read-only root is not a read-only share: the agent makes mount points in it before it
	 * is remounted, as runc does on the host.
	 */
	snprintf(s->rootfs_name, sizeof(s->rootfs_name), "%u.0", container);
	r = share_add(ctl, s->rootfs_name, s->rootfs_fd, s->rootfs_flags | VMCTL_SHARE_LEASED, err);
	for (size_t i = 0; r == 0 && i < s->count; i++) {
		struct share *share = &s->bind[i];
		uint32_t watched = watch && !share->is_socket ? VMCTL_SHARE_WATCH : 0;

		snprintf(share->name, sizeof(share->name), "%u.%zu", container, i + 1);
		r = share_add(ctl, share->name, share->fd,
			share->flags | VMCTL_SHARE_LEASED | watched, err);
	}
	return r < 0 ? err_prefix(err, "cannot share a directory with the guest: ") : 0;
}

void shares_done(struct shares *s)
{
	close_fd(&s->rootfs_fd);
	strv_done(&s->rootfs_submounts);
	for (size_t i = 0; s->bind && i < s->count; i++) {
		close_fd(&s->bind[i].fd);
		strv_done(&s->bind[i].submounts);
	}
	free(s->bind);
	free(s->agent_binds);
	free(s->binds);
	s->bind = NULL;
	s->agent_binds = NULL;
	s->binds = NULL;
	s->count = 0;
}
