/*
 * The anchor's view: see view.h. view_prepare() runs in the caller, the others in the child that
 * becomes the anchor.
 */
#include "anchor/view.h"

#include "base/auto.h"
#include "base/log.h"
#include "base/path.h"

#include <fcntl.h>
#include <sys/mount.h>
#include <sys/syscall.h>

/* Any directory that is always there: it is covered in the anchor's own namespace only. */
#define STAGE "/proc"

/*
 * Hooks look for the container's files at the path that config.json gives, as with any runtime, and
 * may need the host's /proc. (A rootfs that is the host's "/" cannot be covered.)
 */
static const char *stage_of(const struct anchor_spec *spec)
{
	const char *rootfs = spec->pause ? spec->pause->rootfs : "/";

	return rootfs[0] && rootfs[1] ? rootfs : STAGE;
}

/*
 * A detached copy of what is mounted at and below fd. It is looked at, never run: programs and
 * devices in a container's files are no business of the host.
 */
static int clone_tree(int fd, bool read_only, struct err *err)
{
	const unsigned flags = AT_EMPTY_PATH | AT_RECURSIVE;
	struct mount_attr attr = {
		.attr_set =
			MOUNT_ATTR_NOSUID | MOUNT_ATTR_NODEV | (read_only ? MOUNT_ATTR_RDONLY : 0),
		.propagation = MS_PRIVATE,
	};
	AUTO_CLOSE int tree = open_tree(fd, "", OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC | flags);

	/* Of a mount that is nobody's yet, Linux before 6.15 makes no copy; it is ours to take. */
	if (tree < 0 && errno == EINVAL)
		tree = fcntl(fd, F_DUPFD_CLOEXEC, 0);
	if (tree < 0 && errno == EPERM)
		return err_set(
			err, EPERM, "cannot copy mounts for the anchor: vmrun needs CAP_SYS_ADMIN");
	if (tree < 0)
		return err_sys(err, errno, "cannot copy mounts for the anchor");
	if (mount_setattr(tree, "", flags, &attr, sizeof(attr)) < 0)
		return err_sys(err, errno, "cannot make the anchor's mounts private");
	return steal_fd(&tree);
}

int view_prepare(const struct anchor_spec *spec, struct view *ret, struct err *err)
{
	*ret = (struct view)VIEW_INIT;
	if (spec->rootfs_fd < 0)
		return 0;
	ret->mounts = calloc(spec->mount_count ? spec->mount_count : 1, sizeof(int));
	if (!ret->mounts)
		return err_sys(err, ENOMEM, "view");
	ret->root = clone_tree(spec->rootfs_fd, false, err);
	if (ret->root < 0)
		return ret->root;
	for (unsigned i = 0; i < spec->mount_count; i++) {
		const struct anchor_mount *m = &spec->mounts[i];

		ret->mounts[i] = clone_tree(m->fd, m->read_only, err);
		if (ret->mounts[i] < 0)
			return err_prefix(err, "%s: ", m->destination);
		ret->count++;
	}
	return 0;
}

void view_done(struct view *view)
{
	close_fd(&view->root);
	for (unsigned i = 0; i < view->count; i++)
		close_fd(&view->mounts[i]);
	free(view->mounts);
	*view = (struct view)VIEW_INIT;
}

/* A new file system instance as a detached mount. */
static int new_mount(const char *type, unsigned attrs)
{
	AUTO_CLOSE int fs = fsopen(type, FSOPEN_CLOEXEC);
	int mount;

	if (fs < 0 || fsconfig(fs, FSCONFIG_CMD_CREATE, NULL, NULL, 0) < 0)
		return -errno;
	mount = fsmount(fs, FSMOUNT_CLOEXEC, attrs);
	return mount < 0 ? -errno : mount;
}

/*
 * A destination that is not there is left out: it is the agent that makes it, through the share,
 * and the user's rootfs is not ours to write to.
 */
static void attach(int root, const char *destination, int tree)
{
	AUTO_CLOSE int at = open_in_root(root, destination, O_PATH, 0);

	if (at < 0 ||
		move_mount(tree, "", at, "", MOVE_MOUNT_F_EMPTY_PATH | MOVE_MOUNT_T_EMPTY_PATH) < 0)
		log_debug("the view lacks %s", destination);
}

/* With both arguments the same directory the old root lies on top of the new one, to be dropped. */
int view_enter(int root, struct err *err)
{
	if (fchdir(root) < 0 || syscall(SYS_pivot_root, ".", ".") < 0 ||
		umount2(".", MNT_DETACH) < 0 || chdir("/") < 0)
		return err_sys(err, errno, "cannot make the container's rootfs the anchor's root");
	return 0;
}

int view_assemble(const struct anchor_spec *spec, const struct view *view, struct err *err)
{
	const char *stage = stage_of(spec);
	AUTO_CLOSE int empty = -1;
	AUTO_CLOSE int proc = -1;
	AUTO_CLOSE int root = -1;
	int top = view->root;

	if (mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) < 0)
		return err_sys(err, errno, "cannot make mounts private");
	if (top < 0)
		top = empty = new_mount("tmpfs", MOUNT_ATTR_RDONLY);
	if (top < 0)
		return err_sys(err, -top, "cannot mount an empty root");
	if (move_mount(top, "", AT_FDCWD, stage, MOVE_MOUNT_F_EMPTY_PATH) < 0)
		return err_sys(err, errno, "cannot mount the container's rootfs");
	root = open(stage, O_PATH | O_DIRECTORY | O_CLOEXEC);
	if (root < 0)
		return err_sys(err, errno, "cannot open the container's rootfs");
	for (unsigned i = 0; i < view->count; i++)
		attach(root, spec->mounts[i].destination, view->mounts[i]);
	proc = new_mount("proc",
		MOUNT_ATTR_NOSUID | MOUNT_ATTR_NODEV | MOUNT_ATTR_NOEXEC | MOUNT_ATTR_RDONLY);
	if (proc >= 0)
		attach(root, "proc", proc);
	return steal_fd(&root);
}
