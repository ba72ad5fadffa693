/*
 * The mounts of a container. Sources are opened by the agent before the clone, as detached mounts;
 * the child moves them into place below the rootfs. Destinations are resolved by descriptor with
 * the rootfs as "/", so that no symlink of the container's leads out of it.
 */
#pragma once

#include "agent/agent.h"
#include "agent/agent.pb-c.h"

#include <stdbool.h>
#include <sys/types.h>

struct mount_sources {
	int rootfs; /* detached mount */
	int *binds; /* by index of the request's mounts; -1: the child's to make, or it has failed
		     */
	size_t count;
	int *devices; /* detached mounts of device nodes, see devices.h; -1: made by mknod */
	size_t device_count;
	int sd_notify; /* detached mount of a socket, see sd_notify.h, or -1 */
};

#define MOUNT_SOURCES_INIT                                                                         \
	{                                                                                          \
		-1, NULL, 0, NULL, 0, -1                                                           \
	}

/* Opens rootfs and bind sources in the agent's own mount namespace. err names the mount. */
int mount_sources_open(struct agent *a, const Vmrun__Agent__CreateContainerRequest *request,
	struct mount_sources *ret, struct err *err) CHECKED;
/* A detached mount of what a reference names, opened as those are, or -errno. */
int mount_source_open(struct agent *a, const Vmrun__Agent__ShareRef *ref, struct err *err) CHECKED;
/*
 * What a child in a user namespace may not mount as long as its network namespace, which sysfs
 * shows, is the pod's.
 */
int mount_sources_add_sysfs(const Vmrun__Agent__CreateContainerRequest *request,
	struct mount_sources *s, struct err *err) CHECKED;
void mount_sources_done(struct mount_sources *s);

/*
 * In the child, once the rootfs is attached: all mounts, in order. tmpfs ones that are to be
 * read-only are so only after mounts_seal(), since what follows may need directories in them.
 */
int mounts_make(int rootfd, const Vmrun__Agent__CreateContainerRequest *request,
	struct mount_sources *s, struct err *err) CHECKED;
int mounts_seal(const Vmrun__Agent__CreateContainerRequest *request, struct mount_sources *s,
	struct err *err) CHECKED;

/* In the new root, whose own propagation is set: that of the mounts which name one. */
int mounts_propagate(const Vmrun__Agent__CreateContainerRequest *request,
	const struct mount_sources *s, struct err *err) CHECKED;

/* Covers what is to be hidden, and makes read-only what is to be. Missing paths are no error. */
int mounts_mask(int rootfd, char *const *paths, size_t count, struct err *err) CHECKED;
int mounts_readonly(int rootfd, char *const *paths, size_t count, struct err *err) CHECKED;

/*
 * An O_PATH descriptor of where something is to be mounted: a directory, or a file when file is
 * set; made (mode 0755, 0644) with its parents if missing.
 */
int mountpoint_open(int rootfd, const char *path, bool file) CHECKED;

/* Attaches the detached mount at dest, both descriptors. 0 or -errno. */
int mount_attach(int mount, int dest) CHECKED;

DEFINE_AUTO_VAL(mount_sources_done, struct mount_sources)
