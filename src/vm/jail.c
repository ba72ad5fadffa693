/* The jail: see jail.h. */
#include "vm/jail.h"

#include "base/auto.h"
#include "base/capability.h"
#include "base/log.h"

#include <fcntl.h>
#include <linux/capability.h>
#include <sched.h>
#include <stdint.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>

#define NOFILE_MAX 524288

/* Any directory that every host has: it is covered in our own mount namespace only. */
#define NEW_ROOT "/proc"

/*
 * The directory as the root of a mount of its own, attached nowhere: no ".." leads from it to the
 * rest of proc, where the files of other processes are.
 */
static int isolated_proc_self_fd(struct err *err)
{
	int fd = open_tree(AT_FDCWD, "/proc/self/fd", OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC);

	return fd < 0 ? err_sys(err, errno, "jail: /proc/self/fd") : fd;
}

static int plain_proc_self_fd(struct err *err)
{
	int fd = open("/proc/self/fd", O_PATH | O_DIRECTORY | O_CLOEXEC);

	return fd < 0 ? err_sys(err, errno, "/proc/self/fd") : fd;
}

static int empty_root(struct err *err)
{
	if (mount("none", NEW_ROOT, "tmpfs", MS_NOSUID | MS_NODEV | MS_NOEXEC,
		    "size=4k,mode=0555") < 0)
		return err_sys(err, errno, "jail: cannot mount an empty root");
	if (chdir(NEW_ROOT) < 0 || syscall(SYS_pivot_root, ".", ".") < 0 ||
		umount2(".", MNT_DETACH) < 0 || chdir("/") < 0)
		return err_sys(err, errno, "jail: cannot change the root");
	if (mount(NULL, "/", NULL,
		    MS_REMOUNT | MS_BIND | MS_RDONLY | MS_NOSUID | MS_NODEV | MS_NOEXEC, NULL) < 0)
		return err_sys(err, errno, "jail: cannot make the root read-only");
	return 0;
}

static int namespaces(int *ret_proc_self_fd, struct err *err)
{
	AUTO_CLOSE int proc = -1;
	int r;

	if (unshare(CLONE_NEWNS | CLONE_NEWIPC | CLONE_NEWUTS | CLONE_NEWNET) < 0)
		return err_sys(err, errno, "jail: cannot unshare namespaces");
	if (mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) < 0)
		return err_sys(err, errno, "jail: cannot make mounts private");
	/* Before the root goes: it is found by its path. */
	proc = isolated_proc_self_fd(err);
	r = proc < 0 ? proc : empty_root(err);
	if (r == 0)
		*ret_proc_self_fd = steal_fd(&proc);
	return r;
}

/* Each inode that the guest knows holds a descriptor; as many as we are allowed. */
static void raise_nofile(void)
{
	struct rlimit want = { NOFILE_MAX, NOFILE_MAX }, have;

	if (setrlimit(RLIMIT_NOFILE, &want) == 0 || getrlimit(RLIMIT_NOFILE, &have) < 0)
		return;
	have.rlim_cur = have.rlim_max;
	(void)setrlimit(RLIMIT_NOFILE, &have);
}

int jail_enter(int *ret_proc_self_fd, struct err *err)
{
	struct rlimit no_core = { 0, 0 };
	int r;

	raise_nofile();
	(void)setrlimit(RLIMIT_CORE, &no_core);
	umask(0); /* a file gets the mode that the guest asks for */
	if (capability_effective(CAP_SYS_ADMIN)) {
		r = namespaces(ret_proc_self_fd, err);
	} else {
		log_debug("jail: no CAP_SYS_ADMIN, so no namespaces and no root of its own");
		r = plain_proc_self_fd(err);
		if (r >= 0)
			*ret_proc_self_fd = r;
	}
	if (r < 0)
		return r;
	if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0 || prctl(PR_SET_DUMPABLE, 0, 0, 0, 0) < 0)
		return err_sys(err, errno, "jail: prctl");
	return 0;
}

/*
 * Setting uid and gid for a request, and what root in a container does to its own files. Not
 * SYS_ADMIN, which trusted.* attributes would need: it means mounting and much more. An overlay
 * that a guest puts on a share uses user.overlay.* (mount option userxattr) instead.
 */
int jail_keep_worker_caps(void)
{
	static const uint64_t keep = 1ULL << CAP_CHOWN | 1ULL << CAP_DAC_OVERRIDE |
				     1ULL << CAP_DAC_READ_SEARCH | 1ULL << CAP_FOWNER |
				     1ULL << CAP_FSETID | 1ULL << CAP_SETUID | 1ULL << CAP_SETGID |
				     1ULL << CAP_MKNOD | 1ULL << CAP_SETFCAP;

	return capabilities_keep(keep & capabilities_permitted());
}

int jail_drop_privileges(struct err *err)
{
	int r = capabilities_keep(0);

	return r < 0 ? err_sys(err, -r, "jail: cannot drop capabilities") : 0;
}
