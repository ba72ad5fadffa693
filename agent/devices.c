/* Device nodes and links in a container's /dev: see devices.h. */
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

/* runtime-spec, config-linux.md, "Default Devices". */
#define DEFAULT_DEVICE(name, major_, minor_)                                                       \
	{                                                                                          \
		.base = PROTOBUF_C_MESSAGE_INIT(&vmrun__agent__device__descriptor),                \
		.path = (char *)name, .type = (char *)"c", .major = (major_), .minor = (minor_),   \
		.mode = 0666,                                                                      \
	}

static const Vmrun__Agent__Device default_devices[] = {
	DEFAULT_DEVICE("/dev/null", 1, 3),
	DEFAULT_DEVICE("/dev/random", 1, 8),
	DEFAULT_DEVICE("/dev/full", 1, 7),
	DEFAULT_DEVICE("/dev/tty", 5, 0),
	DEFAULT_DEVICE("/dev/zero", 1, 5),
	DEFAULT_DEVICE("/dev/urandom", 1, 9),
};

static const struct {
	const char *name, *target;
	const char *needs; /* only when this exists */
} links[] = {
	{ "fd", "/proc/self/fd", NULL },
	{ "stdin", "/proc/self/fd/0", NULL },
	{ "stdout", "/proc/self/fd/1", NULL },
	{ "stderr", "/proc/self/fd/2", NULL },
	{ "core", "/proc/kcore", "/proc/kcore" },
	{ "ptmx", "pts/ptmx", NULL },
};

static size_t device_count(const Vmrun__Agent__CreateContainerRequest *request)
{
	return ARRAY_LEN(default_devices) + request->n_devices;
}

static bool is_default(size_t i)
{
	return i < ARRAY_LEN(default_devices);
}

/* A default one that the request has, too, is the request's. */
static bool is_replaced(const Vmrun__Agent__CreateContainerRequest *request, size_t i)
{
	for (size_t k = 0; is_default(i) && k < request->n_devices; k++)
		if (streq(request->devices[k]->path, default_devices[i].path))
			return true;
	return false;
}

static const Vmrun__Agent__Device *device_at(
	const Vmrun__Agent__CreateContainerRequest *request, size_t i)
{
	return i < ARRAY_LEN(default_devices) ? &default_devices[i]
					      : request->devices[i - ARRAY_LEN(default_devices)];
}

static const Vmrun__Agent__Mount *dev_mount(const Vmrun__Agent__CreateContainerRequest *request)
{
	const Vmrun__Agent__Mount *found = NULL;

	for (size_t i = 0; i < request->n_mounts; i++)
		if (streq(request->mounts[i]->destination, "/dev") ||
			streq(request->mounts[i]->destination, "/dev/"))
			found = request->mounts[i];
	return found;
}

static bool dev_is_bound(const Vmrun__Agent__CreateContainerRequest *request)
{
	const Vmrun__Agent__Mount *m = dev_mount(request);

	return m && m->flags & MS_BIND;
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
static int make_node(
	int dir, const char *name, const Vmrun__Agent__Device *d, bool asked, struct err *err)
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
		return asked ? something_else(d, err) : 0;
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
	r = make_node(folder, name, d, true, err);
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

	if (dev_is_bound(request))
		return 0;
	s->devices = malloc(device_count(request) * sizeof(*s->devices));
	if (!s->devices)
		return err_sys(err, ENOMEM, "devices");
	for (size_t i = 0; i < device_count(request); i++) {
		Vmrun__Agent__Device d = *device_at(request, i);
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
static int attach_node(
	int rootfd, const Vmrun__Agent__Device *d, bool asked, int node, struct err *err)
{
	AUTO_CLOSE int fd = mountpoint_open(rootfd, d->path, true);
	struct stat there, st;
	int r;

	if (fd < 0)
		return err_sys(err, -fd, "device %s", d->path);
	if (fstat(fd, &there) < 0 || fstat(node, &st) < 0)
		return err_sys(err, errno, "device %s", d->path);
	if (asked && !is_same_node(&there, &st) && !(S_ISREG(there.st_mode) && !there.st_size))
		return something_else(d, err);
	r = mount_attach(node, fd);
	return r < 0 ? err_sys(err, -r, "device %s", d->path) : 0;
}

static int make_device(
	int rootfd, const Vmrun__Agent__Device *d, bool asked, int bound, struct err *err)
{
	const char *slash = strrchr(d->path, '/');
	AUTO_CLOSE int fd = -1;

	if (!slash || !slash[1] || slash - d->path >= PATH_MAX)
		return err_set(err, EINVAL, "device \"%s\": not an absolute path", d->path);
	if (bound >= 0)
		return attach_node(rootfd, d, asked, bound, err);
	fd = mkdir_parent_in_root(rootfd, d->path, 0755);
	if (fd < 0)
		return err_sys(err, -fd, "device %s", d->path);
	return make_node(fd, slash + 1, d, asked, err);
}

static int make_links(int dev, struct err *err)
{
	for (size_t i = 0; i < ARRAY_LEN(links); i++) {
		if (links[i].needs && access(links[i].needs, F_OK) < 0)
			continue;
		/* Images bring a node of that name, which is the host's, not of our devpts. */
		if (streq(links[i].name, "ptmx"))
			unlinkat(dev, links[i].name, 0);
		if (symlinkat(links[i].target, dev, links[i].name) < 0 && errno != EEXIST)
			return err_sys(err, errno, "/dev/%s", links[i].name);
	}
	return 0;
}

int devices_make(int rootfd, const Vmrun__Agent__CreateContainerRequest *request,
	const struct mount_sources *s, struct err *err)
{
	AUTO_CLOSE int dev = -1;

	if (dev_is_bound(request))
		return 0;
	dev = mkdir_in_root(rootfd, "/dev", 0755);
	if (dev < 0)
		return err_sys(err, -dev, "/dev");
	for (size_t i = 0; i < device_count(request); i++) {
		int r = is_replaced(request, i)
				? 0
				: make_device(rootfd, device_at(request, i), !is_default(i),
					  s->devices ? s->devices[i] : -1, err);

		if (r < 0)
			return r;
	}
	return make_links(dev, err);
}
