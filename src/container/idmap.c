/* Mapped ids of bind mounts: see idmap.h. Called where bind sources are opened. */
#include "container/idmap.h"

#include "base/auto.h"
#include "base/id_map.h"

#include <fcntl.h>
#include <linux/sched.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>

/* Exists until it is killed, by us or because we are gone. */
static void hold_namespace(pid_t parent)
{
	if (prctl(PR_SET_PDEATHSIG, SIGKILL) < 0 || getppid() != parent)
		_exit(1);
	for (;;)
		pause();
}

static int write_list(
	pid_t pid, const char *file, const struct spec_id_mappings *from, struct err *err)
{
	AUTO_FREE struct id_range *map = calloc(from->n + 1, sizeof(*map));

	if (!map)
		return err_sys(err, ENOMEM, "%s", file);
	for (size_t i = 0; i < from->n; i++)
		map[i] = (struct id_range){ from->v[i].container_id, from->v[i].host_id,
			from->v[i].size };
	return id_map_write(pid, file, map, from->n, err);
}

static int open_namespace(pid_t pid, const struct mount_bind *b, struct err *err)
{
	char path[64];
	int fd, r = write_list(pid, "uid_map", b->uid_map, err);

	if (r == 0)
		r = write_list(pid, "gid_map", b->gid_map, err);
	if (r < 0)
		return r;
	snprintf(path, sizeof(path), "/proc/%d/ns/user", (int)pid);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	return fd < 0 ? err_sys(err, errno, "%s", path) : fd;
}

/* A user namespace with these mappings, which no process is in: it is but a table for the kernel.
 */
static int make_namespace(const struct mount_bind *b, struct err *err)
{
	struct clone_args args = { .flags = CLONE_NEWUSER, .exit_signal = SIGCHLD };
	pid_t parent = getpid();
	long pid = syscall(SYS_clone3, &args, sizeof(args));
	int fd;

	if (pid < 0)
		return err_sys(err, errno, "cannot make a user namespace");
	if (pid == 0)
		hold_namespace(parent);
	fd = open_namespace((pid_t)pid, b, err);
	kill((pid_t)pid, SIGKILL);
	while (waitpid((pid_t)pid, NULL, 0) < 0 && errno == EINTR)
		;
	return fd;
}

/* The kernel's few words for it, and what they mean here. */
static int explain(int code, const struct mount_bind *b, const char *where, struct err *err)
{
	switch (code) {
	case EINVAL:
		return err_set(err, ENOTSUP,
			"%s: the file system of %s%s cannot be mounted with mapped ids on this "
			"kernel",
			where, b->source, b->idmap == IDMAP_TREE ? " or one below it" : "");
	case ENOSYS:
		return err_set(err, ENOTSUP, "%s: mapped ids need Linux 5.12 or later", where);
	case EPERM:
		return err_set(err, EPERM,
			"%s: %s cannot be mounted with mapped ids: it is already, or vmrun is not "
			"the host's root",
			where, b->source);
	default:
		return err_sys(err, code, "%s: %s with mapped ids", where, b->source);
	}
}

int idmap_apply(int mount_fd, const struct mount_bind *b, const char *where, struct err *err)
{
	AUTO_CLOSE int ns = make_namespace(b, err);
	unsigned flags = AT_EMPTY_PATH | (b->idmap == IDMAP_TREE ? AT_RECURSIVE : 0);
	struct mount_attr attr = { .attr_set = MOUNT_ATTR_IDMAP, .userns_fd = (uint64_t)ns };

	if (ns < 0)
		return err_prefix(err, "%s: ", where);
	return mount_setattr(mount_fd, "", flags, &attr, sizeof(attr)) < 0
		       ? explain(errno, b, where, err)
		       : 0;
}
