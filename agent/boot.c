/* The steps from the kernel's first exec to a serving agent: see boot.h. */
#include "agent/boot.h"

#include "agent/kmsg.h"
#include "agent/namespaces.h"
#include "base/fd.h"
#include "base/path.h"
#include "base/str.h"
#include "rpc/ports.h"

#include <dirent.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>

/* Files of the agent, and what containers may raise theirs to. */
#define NOFILE_SOFT	 8192
#define NOFILE_HARD	 1048576

#define MODULES_LIST_MAX (64 << 10)

#define PRINTK		 "/proc/sys/kernel/printk"

static int initramfs = -1; /* the old root, from boot_root() to boot_modules() */

int boot_root(struct err *err)
{
	initramfs = open("/", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	/* A kernel without a console yet gives us no stdio, and its numbers are not for this. */
	if (initramfs >= 0)
		initramfs = fd_move_above_stdio(initramfs);
	if (initramfs < 0)
		return err_sys(err, errno, "/");
	if (mkdir("/run", 0755) < 0 && errno != EEXIST)
		return err_sys(err, errno, "/run");
	if (mount("root", "/run", "tmpfs", MS_NOSUID, "mode=0755,size=4m") < 0)
		return err_sys(err, errno, "tmpfs for /");
	if (chdir("/run") < 0 || mount(".", "/", NULL, MS_MOVE, NULL) < 0 || chroot(".") < 0 ||
		chdir("/") < 0)
		return err_sys(err, errno, "move to the new /");
	return 0;
}

static const struct {
	const char *where, *type;
	unsigned long flags;
	const char *data;
} filesystems[] = {
	{ "/proc", "proc", MS_NOSUID | MS_NODEV | MS_NOEXEC, NULL },
	{ "/sys", "sysfs", MS_NOSUID | MS_NODEV | MS_NOEXEC, NULL },
	{ "/dev", "devtmpfs", MS_NOSUID | MS_NOEXEC, "mode=0755" },
	{ "/dev/pts", "devpts", MS_NOSUID | MS_NOEXEC, "mode=0600,ptmxmode=0666" },
	{ "/dev/shm", "tmpfs", MS_NOSUID | MS_NODEV, "mode=1777" },
	/* Not nodev: device nodes for containers are made below it. */
	{ "/run", "tmpfs", MS_NOSUID, "mode=0755" },
	{ "/sys/fs/cgroup", "cgroup2", MS_NOSUID | MS_NODEV | MS_NOEXEC, "nsdelegate" },
};

static int null_stdio(struct err *err)
{
	AUTO_CLOSE int null = open("/dev/null", O_RDWR | O_CLOEXEC);

	if (null < 0)
		return err_sys(err, errno, "/dev/null");
	for (int fd = 0; fd < 3; fd++)
		if (dup2(null, fd) < 0)
			return err_sys(err, errno, "/dev/null");
	/* Where there were no streams, it has become one of them itself. */
	if (null < 3)
		null = -1;
	return 0;
}

int boot_filesystems(struct err *err)
{
	umask(022);
	for (size_t i = 0; i < ARRAY_LEN(filesystems); i++) {
		const char *where = filesystems[i].where;

		if (mkdir(where, 0755) < 0 && errno != EEXIST)
			return err_sys(err, errno, "%s", where);
		if (mount(filesystems[i].type, where, filesystems[i].type, filesystems[i].flags,
			    filesystems[i].data) < 0)
			return err_sys(err, errno, "%s", where);
	}
	return null_stdio(err);
}

/* Loaded already, or built in and listed all the same: fine. */
static void load_module(const char *path)
{
	AUTO_CLOSE int fd = openat(initramfs, path + strspn(path, "/"), O_RDONLY | O_CLOEXEC);

	if (fd < 0 || (syscall(SYS_finit_module, fd, "", 0) < 0 && errno != EEXIST))
		kmsg_line(KMSG_WARNING, "module %s: %s", path, strerror(errno));
}

/* The entries of a root hold no other file system: ours lies over all of it. */
static int empty_initramfs(void)
{
	DIR *dir = fdopendir(initramfs);
	struct dirent *e;
	int r = 0;

	if (!dir)
		return -errno;
	while (r == 0 && (e = readdir(dir)))
		if (!streq(e->d_name, ".") && !streq(e->d_name, ".."))
			r = remove_tree(initramfs, e->d_name);
	closedir(dir);
	initramfs = -1;
	return r;
}

int boot_modules(struct err *err)
{
	AUTO(buf_done) struct buf list = { 0 };
	char *save = NULL;
	int r = file_read(initramfs, "modules.list", MODULES_LIST_MAX, &list, err);

	if (r == -ENOENT)
		err_clear(err); /* a kernel with everything built in */
	else if (r < 0)
		return r;
	if (!buf_str(&list))
		return err_sys(err, ENOMEM, "modules.list");
	for (char *path = strtok_r((char *)list.data, "\n", &save); path;
		path = strtok_r(NULL, "\n", &save))
		load_module(path);
	r = empty_initramfs();
	return r < 0 ? err_sys(err, -r, "clean-up of the initramfs") : 0;
}

/* The boot is quiet, as each character costs an exit; what goes wrong later is to be in the log. */
static int log_errors(void)
{
	AUTO(buf_done) struct buf level = { 0 };
	struct err ignored = ERR_NONE;

	if (file_read(AT_FDCWD, PRINTK, 64, &level, &ignored) < 0 || !buf_str(&level))
		return 0;
	return *buf_str(&level) < '4' ? file_write_at(AT_FDCWD, PRINTK, "4") : 0;
}

/*
 * A child that has entered a user namespace can only lower its limits, and what the kernel has made
 * of the machine's memory says nothing about what a container's may be.
 */
static int lift_hard_limits(struct err *err)
{
	for (unsigned i = 0; i < RLIM_NLIMITS; i++) {
		struct rlimit limit;

		/* That has a most of its own, which is there already. */
		if (i == RLIMIT_NOFILE)
			continue;
		if (getrlimit((__rlimit_resource_t)i, &limit) < 0)
			return err_sys(err, errno, "limit %u", i);
		limit.rlim_max = RLIM_INFINITY;
		if (setrlimit((__rlimit_resource_t)i, &limit) < 0)
			return err_sys(err, errno, "limit %u", i);
	}
	return 0;
}

int boot_limits(struct err *err)
{
	struct rlimit files = { .rlim_cur = NOFILE_SOFT, .rlim_max = NOFILE_HARD };
	int r = file_write_at(AT_FDCWD, "/proc/self/oom_score_adj", "-1000");

	if (r < 0)
		return err_sys(err, -r, "/proc/self/oom_score_adj");
	r = log_errors();
	if (r < 0)
		return err_sys(err, -r, PRINTK);
	if (setrlimit(RLIMIT_NOFILE, &files) < 0)
		return err_sys(err, errno, "RLIMIT_NOFILE");
	r = lift_hard_limits(err);
	if (r < 0)
		return r;
	/* Nobody in a container looks into a child of ours before it has executed its program. */
	if (prctl(PR_SET_DUMPABLE, 0, 0, 0, 0) < 0)
		return err_sys(err, errno, "PR_SET_DUMPABLE");
	return 0;
}

int boot_cgroups(struct err *err)
{
	AUTO(buf_done) struct buf list = { 0 };
	char *save = NULL, word[64];
	int r = file_read(AT_FDCWD, "/sys/fs/cgroup/cgroup.controllers", 4096, &list, err);

	if (r < 0)
		return r;
	if (!buf_str(&list))
		return err_sys(err, ENOMEM, "cgroup.controllers");
	/* One by one: a controller that cannot be enabled does not keep the others off. */
	for (char *c = strtok_r((char *)list.data, " \n", &save); c;
		c = strtok_r(NULL, " \n", &save)) {
		snprintf(word, sizeof(word), "+%s", c);
		r = file_write_at(AT_FDCWD, "/sys/fs/cgroup/cgroup.subtree_control", word);
		if (r < 0)
			kmsg_line(KMSG_WARNING, "cgroup controller %s: %s", c, strerror(-r));
	}
	return mkdir(BOOT_CGROUP_ROOT, 0755) < 0 ? err_sys(err, errno, BOOT_CGROUP_ROOT) : 0;
}

int boot_network(struct err *err)
{
	int r = loopback_up();

	return r < 0 ? err_sys(err, -r, "loopback interface") : 0;
}

int boot_shares(struct err *err)
{
	int r = mkdir_all(SHARE_MOUNT, 0755);

	if (r == 0)
		r = mkdir_all(BOOT_SCRATCH, 0700);
	if (r < 0)
		return err_sys(err, -r, "/run/vmrun");
	if (mount(SHARE_TAG, SHARE_MOUNT, "virtiofs", 0, NULL) < 0)
		return err_sys(err, errno, "virtiofs (tag " SHARE_TAG ")");
	return 0;
}
