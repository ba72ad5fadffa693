/* A container's root: see rootfs.h. */
#include "agent/rootfs.h"

#include "agent/devices.h"
#include "agent/sd_notify.h"
#include "agent/terminal.h"
#include "base/path.h"

#include <fcntl.h>
#include <sys/mount.h>
#include <sys/syscall.h>
#include <unistd.h>

static int attach(const struct agent *a, struct mount_sources *s, int *ret, struct err *err)
{
	AUTO_CLOSE int scratch = -1;
	int r;

	/* Nothing done here may show in the agent's namespace, and pivot_root wants it so. */
	if (mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) < 0)
		return err_sys(err, errno, "propagation of /");
	scratch = open(a->config.scratch, O_PATH | O_DIRECTORY | O_CLOEXEC);
	if (scratch < 0)
		return err_sys(err, errno, "%s", a->config.scratch);
	r = mount_attach(s->rootfs, scratch);
	if (r < 0)
		return err_sys(err, -r, "rootfs");
	*ret = steal_fd(&s->rootfs);
	return 0;
}

/* A missing one is made, as other runtimes do. What is wrong with it, chdir tells. */
static void make_cwd(int rootfd, const char *path)
{
	AUTO_CLOSE int cwd = mkdir_in_root(rootfd, path, 0755);

	(void)cwd;
}

static int make_content(int rootfd, const Vmrun__Agent__CreateContainerRequest *request,
	struct mount_sources *s, int *ret_master, int *ret_slave, struct err *err)
{
	const Vmrun__Agent__Stdio *io = request->process->stdio;
	int r = mounts_make(rootfd, request, s, err);

	if (r == 0)
		r = sd_notify_attach(rootfd, request->sd_notify_path, s->sd_notify, err);
	if (r == 0)
		r = devices_make(rootfd, request, s, err);
	if (r == 0)
		make_cwd(rootfd, request->process->cwd);
	if (r == 0 && io && io->terminal) {
		r = terminal_open(rootfd, io, ret_master, ret_slave, err);
		if (r == 0)
			r = terminal_bind_console(rootfd, *ret_slave, err);
	}
	return r;
}

int rootfs_build(const struct agent *a, const Vmrun__Agent__CreateContainerRequest *request,
	struct mount_sources *s, int *ret_rootfd, int *ret_master, int *ret_slave, struct err *err)
{
	struct mount_attr readonly = { .attr_set = MOUNT_ATTR_RDONLY };
	AUTO_CLOSE int rootfd = -1;
	int r = attach(a, s, &rootfd, err);

	if (r == 0)
		r = make_content(rootfd, request, s, ret_master, ret_slave, err);
	if (r == 0)
		r = mounts_seal(request, s, err);
	if (r == 0 && request->rootfs_readonly &&
		mount_setattr(rootfd, "", AT_EMPTY_PATH, &readonly, sizeof(readonly)) < 0)
		r = err_sys(err, errno, "read-only rootfs");
	if (r == 0)
		r = mounts_readonly(
			rootfd, request->readonly_paths, request->n_readonly_paths, err);
	if (r == 0)
		r = mounts_mask(rootfd, request->masked_paths, request->n_masked_paths, err);
	if (r == 0)
		*ret_rootfd = steal_fd(&rootfd);
	return r;
}

int rootfs_enter(int rootfd, const Vmrun__Agent__CreateContainerRequest *request,
	const struct mount_sources *s, struct err *err)
{
	uint64_t asked = request->rootfs_propagation;
	struct mount_attr propagation = { .propagation = asked & ~(uint64_t)MS_REC };

	/* The old root comes to lie on the new one, where it can be taken off again. */
	if (fchdir(rootfd) < 0 || syscall(SYS_pivot_root, ".", ".") < 0)
		return err_sys(err, errno, "pivot_root");
	if (umount2(".", MNT_DETACH) < 0 || chdir("/") < 0)
		return err_sys(err, errno, "release of the agent's root");
	if (propagation.propagation &&
		mount_setattr(AT_FDCWD, "/", asked & MS_REC ? AT_RECURSIVE : 0, &propagation,
			sizeof(propagation)) < 0)
		return err_sys(err, errno, "propagation of the rootfs");
	return mounts_propagate(request, s, err);
}
