/* Device nodes of a container, and links: see devices.h. */
#include "agent/devices.h"

#include "agent/scratch.h"
#include "base/path.h"
#include "base/str.h"

#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>

static const Vmrun__Agent__Mount *dev_mount(const Vmrun__Agent__CreateContainerRequest *request)
{
	const Vmrun__Agent__Mount *found = NULL;

	for (size_t i = 0; i < request->n_mounts; i++)
		if (streq(request->mounts[i]->destination, "/dev") ||
			streq(request->mounts[i]->destination, "/dev/"))
			found = request->mounts[i];
	return found;
}

static int parse_type(const Vmrun__Agent__Device *d, mode_t *ret, struct err *err)
{
	static const struct {
		const char *name;
		mode_t type;
	} types[] = { { "c", S_IFCHR }, { "u", S_IFCHR }, { "b", S_IFBLK }, { "p", S_IFIFO } };

	for (size_t i = 0; i < ARRAY_LEN(types); i++) {
		if (streq(types[i].name, d->type)) {
			*ret = types[i].type;
			return 0;
		}
	}
	return err_set(err, EINVAL, "device %s: unknown type \"%s\"", d->path, d->type);
}

/* Past any umask. By descriptor: a symlink of the image's may lie, or come to lie, at the name. */
static int set_owner(int node, const Vmrun__Agent__Device *d)
{
	char path[32];

	snprintf(path, sizeof(path), "/proc/self/fd/%d", node);
	return fchownat(node, "", d->uid, d->gid, AT_EMPTY_PATH) < 0 ||
			       chmod(path, d->mode & 07777) < 0
		       ? -errno
		       : 0;
}

static int something_else(const Vmrun__Agent__Device *d, struct err *err)
{
	return err_set(err, EEXIST, "device %s: something else is there", d->path);
}

/*
 * What is there already and is something else is an error (config-linux.md, "Devices"), unless
 * nobody has asked for the device.
 */
static int make_node(int dir, const char *name, const Vmrun__Agent__Device *d, struct err *err)
{
	dev_t number = makedev((unsigned)d->major, (unsigned)d->minor);
	AUTO_CLOSE int node = -1;
	mode_t type = 0;
	struct stat st;
	int r = parse_type(d, &type, err);

	if (r < 0)
		return r;
	if (mknodat(dir, name, type | 0600, type == S_IFIFO ? 0 : number) < 0 && errno != EEXIST)
		return err_sys(err, errno, "device %s", d->path);
	node = openat(dir, name, O_PATH | O_NOFOLLOW | O_CLOEXEC);
	if (node < 0 || fstat(node, &st) < 0)
		return err_sys(err, errno, "device %s", d->path);
	if ((st.st_mode & S_IFMT) != type || (type != S_IFIFO && st.st_rdev != number))
		return d->implied ? 0 : something_else(d, err);
	r = set_owner(node, d);
	return r < 0 ? err_sys(err, -r, "device %s", d->path) : 0;
}

/* A node in the container's own folder, as a detached mount. It must keep its name: what has none
 * cannot be mounted. */
static int open_node(int folder, size_t i, const Vmrun__Agent__Device *d, int *ret, struct err *err)
{
	char name[24];
	int r;

	snprintf(name, sizeof(name), "%zu", i);
	r = make_node(folder, name, d, err);
	if (r < 0)
		return r;
	*ret = open_tree(folder, name, OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC);
	return *ret < 0 ? err_sys(err, errno, "device %s", d->path) : 0;
}

/*
 * The nodes of a container with a user namespace cannot be made in it, and the host's file server
 * makes none in the image: only a /dev of our own takes them, and everything takes a FIFO.
 */
static bool needs_mount(
	const Vmrun__Agent__Mount *dev, bool user_namespace, const Vmrun__Agent__Device *d)
{
	bool own_dev = dev && streq(dev->type, "tmpfs");

	if (user_namespace || !own_dev)
		return true;
	return !str_after(d->path, "/dev/") && !streq(d->type, "p");
}

int devices_open(const struct agent *a, const Vmrun__Agent__CreateContainerRequest *request,
	const struct id_maps *maps, struct mount_sources *s, struct err *err)
{
	const Vmrun__Agent__Mount *dev = dev_mount(request);
	AUTO_CLOSE int folder = -1;

	if (request->n_devices == 0)
		return 0;
	s->devices = malloc(request->n_devices * sizeof(*s->devices));
	if (!s->devices)
		return err_sys(err, ENOMEM, "devices");
	for (size_t i = 0; i < request->n_devices; i++) {
		Vmrun__Agent__Device d = *request->devices[i];
		int r = 0;

		s->devices[i] = -1;
		s->device_count++;
		if (!needs_mount(dev, maps != NULL, &d))
			continue;
		/* The agent's ids for the container's. */
		if (maps) {
			(void)!id_map_outward(maps->uids, maps->uid_count, d.uid, &d.uid);
			(void)!id_map_outward(maps->gids, maps->gid_count, d.gid, &d.gid);
		}
		if (folder < 0)
			r = folder = scratch_open(a, request->container, err);
		if (r >= 0)
			r = open_node(folder, i, &d, &s->devices[i], err);
		if (r < 0)
			return r;
	}
	return 0;
}

static bool is_same_node(const struct stat *a, const struct stat *b)
{
	return (a->st_mode & S_IFMT) == (b->st_mode & S_IFMT) && a->st_rdev == b->st_rdev;
}

/* As for make_node(); the empty file that we make for a mount is there again the next time. */
static int attach_node(int rootfd, const Vmrun__Agent__Device *d, int node, struct err *err)
{
	AUTO_CLOSE int fd = mountpoint_open(rootfd, d->path, true);
	struct stat there, st;
	int r;

	if (fd < 0)
		return err_sys(err, -fd, "device %s", d->path);
	if (fstat(fd, &there) < 0 || fstat(node, &st) < 0)
		return err_sys(err, errno, "device %s", d->path);
	if (!d->implied && !is_same_node(&there, &st) &&
		!(S_ISREG(there.st_mode) && !there.st_size))
		return something_else(d, err);
	r = mount_attach(node, fd);
	return r < 0 ? err_sys(err, -r, "device %s", d->path) : 0;
}

static int make_device(int rootfd, const Vmrun__Agent__Device *d, int bound, struct err *err)
{
	const char *slash = strrchr(d->path, '/');
	AUTO_CLOSE int fd = -1;

	if (!slash || !slash[1] || slash - d->path >= PATH_MAX)
		return err_set(err, EINVAL, "device \"%s\": not an absolute path", d->path);
	if (bound >= 0)
		return attach_node(rootfd, d, bound, err);
	fd = mkdir_parent_in_root(rootfd, d->path, 0755);
	if (fd < 0)
		return err_sys(err, -fd, "device %s", d->path);
	return make_node(fd, slash + 1, d, err);
}

static int make_link(int rootfd, const Vmrun__Agent__Symlink *link, struct err *err)
{
	const char *slash = strrchr(link->path, '/');
	AUTO_CLOSE int dir = -1;

	if (!slash || !slash[1])
		return err_set(err, EINVAL, "link \"%s\": not an absolute path", link->path);
	if (link->needs[0] && access(link->needs, F_OK) < 0)
		return 0;
	dir = mkdir_parent_in_root(rootfd, link->path, 0755);
	if (dir < 0)
		return err_sys(err, -dir, "%s", link->path);
	if (link->replaces)
		unlinkat(dir, slash + 1, 0);
	if (symlinkat(link->target, dir, slash + 1) < 0 && errno != EEXIST)
		return err_sys(err, errno, "%s", link->path);
	return 0;
}

int devices_make(int rootfd, const Vmrun__Agent__CreateContainerRequest *request,
	const struct mount_sources *s, struct err *err)
{
	int r = 0;

	for (size_t i = 0; r == 0 && i < request->n_devices; i++)
		r = make_device(rootfd, request->devices[i], s->devices ? s->devices[i] : -1, err);
	for (size_t i = 0; r == 0 && i < request->n_links; i++)
		r = make_link(rootfd, request->links[i], err);
	return r;
}
