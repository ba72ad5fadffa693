/* QEMU's jail: see qemu_jail.h. Runs in a child with one thread, before exec. */
#include "vm/qemu_jail.h"

#include "base/auto.h"
#include "base/capability.h"
#include "base/err.h"
#include "base/id_map.h"
#include "base/str.h"

#include <fcntl.h>
#include <grp.h>
#include <limits.h>
#include <linux/capability.h>
#include <sched.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#define NOBODY 65534
/* Any directory that every host has: it is covered in this process's mount namespace only. */
#define NEW_ROOT "/proc"

/* What of the host is seen, read-only. What does not exist is left out. */
static const struct entry {
	const char *path;
	bool device;
} entries[] = {
	{ "/usr", false },
	{ "/opt", false },
	{ "/lib", false },
	{ "/lib32", false },
	{ "/lib64", false },
	{ "/bin", false },
	{ "/etc/ld.so.cache", false },
	{ "/dev/null", true },
	{ "/dev/urandom", true },
};

static int fail(const char *what)
{
	fprintf(stderr, "vmrun-vm: QEMU's jail: %s: %s\n", what, strerror(errno));
	return -1;
}

/* A file or tree as a mount that is attached nowhere yet. */
static int clone_tree(int dirfd, const char *path, bool device)
{
	struct mount_attr attr = {
		.attr_set = MOUNT_ATTR_NOSUID | (device ? 0 : MOUNT_ATTR_RDONLY | MOUNT_ATTR_NODEV),
	};
	unsigned how = AT_EMPTY_PATH | AT_RECURSIVE;
	int fd = open_tree(dirfd, path, OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC | how);

	if (fd >= 0 && mount_setattr(fd, "", how, &attr, sizeof(attr)) < 0)
		close_fd(&fd);
	return fd;
}

static int attach(int tree, const char *at, bool dir)
{
	AUTO_CLOSE int made = -1;

	if (dir ? mkdir(at, 0755) < 0 : (made = open(at, O_CREAT | O_CLOEXEC, 0444)) < 0)
		return fail(at);
	return move_mount(tree, "", AT_FDCWD, at, MOVE_MOUNT_F_EMPTY_PATH) < 0 ? fail(at) : 0;
}

static int add_symlink(const char *path, const char *at)
{
	char target[256];
	ssize_t n = readlink(path, target, sizeof(target) - 1);

	if (n < 0)
		return fail(path);
	target[n] = '\0';
	return symlink(target, at) < 0 ? fail(at) : 0;
}

struct source {
	struct stat st;
	int tree; /* -1: a symbolic link, or nothing */
};

/* Before the new root covers anything. */
static int open_sources(struct source s[ARRAY_LEN(entries)])
{
	for (size_t i = 0; i < ARRAY_LEN(entries); i++) {
		s[i] = (struct source){ .tree = -1 };
		if (lstat(entries[i].path, &s[i].st) < 0 || S_ISLNK(s[i].st.st_mode))
			continue;
		s[i].tree = clone_tree(AT_FDCWD, entries[i].path, entries[i].device);
		if (s[i].tree < 0)
			return fail(entries[i].path);
	}
	return 0;
}

static int add_entries(struct source s[ARRAY_LEN(entries)])
{
	int r = 0;

	for (size_t i = 0; r == 0 && i < ARRAY_LEN(entries); i++) {
		char at[64];

		snprintf(at, sizeof(at), NEW_ROOT "%s", entries[i].path);
		if (s[i].tree >= 0)
			r = attach(s[i].tree, at, S_ISDIR(s[i].st.st_mode));
		else if (S_ISLNK(s[i].st.st_mode))
			r = add_symlink(entries[i].path, at);
		close_fd(&s[i].tree);
	}
	return r;
}

/*
 * A node of nobody's own: who may use the host's is the host's business, and we may. No user
 * namespace can make one: there QEMU stays who we are (see become_nobody()), and has the host's.
 */
static int add_kvm(const struct stat *host, int *tree)
{
	static const char at[] = NEW_ROOT "/dev/kvm";

	if (*tree >= 0)
		return attach(*tree, at, false);
	if (mknod(at, S_IFCHR | 0600, host->st_rdev) < 0 || chown(at, NOBODY, NOBODY) < 0)
		return fail(at);
	return 0;
}

/* Makes the directories that lead to path, which is below the new root. */
static int make_way(char *path)
{
	for (char *p = strchr(path + sizeof(NEW_ROOT), '/'); p; p = strchr(p + 1, '/')) {
		*p = '\0';
		if (mkdir(path, 0755) < 0 && errno != EEXIST)
			return fail(path);
		*p = '/';
	}
	return 0;
}

/* A QEMU that is none of a package's: the directory that it is in, unless it is seen already. */
static int open_own_directory(const char *binary, int *ret_tree, char *at, size_t size)
{
	const char *end = strrchr(binary, '/');

	*ret_tree = -1;
	for (size_t i = 0; i < ARRAY_LEN(entries); i++) {
		const char *below = str_after(binary, entries[i].path);

		if (below && *below == '/')
			return 0;
	}
	if (!end || end == binary)
		return 0;
	snprintf(at, size, NEW_ROOT "%.*s", (int)(end - binary), binary);
	*ret_tree = clone_tree(AT_FDCWD, at + strlen(NEW_ROOT), false);
	return *ret_tree < 0 ? fail(at + strlen(NEW_ROOT)) : 0;
}

static int open_kvm(bool user_namespace, struct stat *host, int *ret_tree)
{
	if (stat("/dev/kvm", host) < 0)
		return fail("/dev/kvm");
	if (!user_namespace)
		return 0;
	*ret_tree = clone_tree(AT_FDCWD, "/dev/kvm", true);
	return *ret_tree < 0 ? fail("/dev/kvm") : 0;
}

static int make_root(const struct qemu_jail *jail, bool user_namespace, int kernel, int initrd)
{
	struct source sources[ARRAY_LEN(entries)];
	char own[PATH_MAX];
	AUTO_CLOSE int own_tree = -1;
	AUTO_CLOSE int kvm_tree = -1;
	struct stat kvm;

	if (jail->kvm && open_kvm(user_namespace, &kvm, &kvm_tree) < 0)
		return -1;
	if (open_own_directory(jail->binary, &own_tree, own, sizeof(own)) < 0)
		return -1;
	if (open_sources(sources) < 0)
		return -1;
	if (mount("none", NEW_ROOT, "tmpfs", MS_NOSUID, "size=64k,mode=0755") < 0)
		return fail("an empty root");
	if (mkdir(NEW_ROOT "/etc", 0755) < 0 || mkdir(NEW_ROOT "/dev", 0755) < 0)
		return fail("an empty root");
	if (own_tree >= 0 && (make_way(own) < 0 || attach(own_tree, own, true) < 0))
		return -1;
	if (jail->kvm && add_kvm(&kvm, &kvm_tree) < 0)
		return -1;
	if (add_entries(sources) < 0 || attach(kernel, NEW_ROOT QEMU_JAIL_KERNEL, false) < 0 ||
		attach(initrd, NEW_ROOT QEMU_JAIL_INITRD, false) < 0)
		return -1;
	if (chdir(NEW_ROOT) < 0 || syscall(SYS_pivot_root, ".", ".") < 0 ||
		umount2(".", MNT_DETACH) < 0 || chdir("/") < 0)
		return fail("the root");
	if (mount(NULL, "/", NULL, MS_REMOUNT | MS_BIND | MS_RDONLY | MS_NOSUID, NULL) < 0)
		return fail("a read-only root");
	return 0;
}

static int become_nobody(void)
{
	if (setgroups(0, NULL) < 0 || setresgid(NOBODY, NOBODY, NOBODY) < 0 ||
		setresuid(NOBODY, NOBODY, NOBODY) < 0)
		return fail("user nobody");
	return 0;
}

/*
 * In a user namespace nobody may have no name, groups may have to stay, and the host's /dev/kvm may
 * be for one of them. Its root is a user of the host's as it is: he loses what the namespace gives.
 */
static int become_powerless(void)
{
	for (unsigned long cap = 0; prctl(PR_CAPBSET_READ, cap, 0, 0, 0) >= 0; cap++)
		if (prctl(PR_CAPBSET_DROP, cap, 0, 0, 0) < 0)
			return fail("capabilities");
	return capabilities_keep(0) < 0 ? fail("capabilities") : 0;
}

bool qemu_jail_possible(void)
{
	return capability_effective(CAP_SYS_ADMIN);
}

static int enter(const struct qemu_jail *jail)
{
	/* Open files are of the mount namespace that we leave, and cannot be cloned in another. */
	AUTO_CLOSE int kernel = clone_tree(jail->kernel_fd, "", false);
	AUTO_CLOSE int initrd = clone_tree(jail->initrd_fd, "", false);
	bool user_namespace = in_user_namespace();

	if (kernel < 0 || initrd < 0)
		return fail("the kernel");
	if (unshare(CLONE_NEWNS | CLONE_NEWIPC | CLONE_NEWUTS | CLONE_NEWNET) < 0)
		return fail("namespaces");
	if (mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) < 0)
		return fail("mounts");
	if (make_root(jail, user_namespace, kernel, initrd) < 0)
		return -1;
	return user_namespace ? become_powerless() : become_nobody();
}

int qemu_jail_enter(const struct qemu_jail *jail)
{
	if (qemu_jail_possible() && enter(jail) < 0)
		return -1;
	/* After the change of user, which would take it back: QEMU ends with vmrun-vm. */
	if (prctl(PR_SET_PDEATHSIG, SIGKILL) < 0 || prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0)
		return fail("prctl");
	return 0;
}
