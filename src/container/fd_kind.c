/* Kinds of descriptors: see fd_kind.h. Tables of what cannot cross, and a function for each type.
 */
#include "container/fd_kind.h"

#include "base/auto.h"
#include "base/str.h"

#include <fcntl.h>
#include <limits.h>
#include <linux/magic.h>
#include <stdio.h>
#include <sys/socket.h>
#include <sys/sysmacros.h>
#include <sys/vfs.h>

#ifndef MQUEUE_MAGIC
#define MQUEUE_MAGIC 0x19800202
#endif

#define MEM_MAJOR 1

/* What /proc/self/fd shows of objects without a file, and what people call them. */
static const struct {
	const char *prefix, *name;
} objects[] = {
	{ "anon_inode:[eventfd]", "an eventfd" },
	{ "anon_inode:[eventpoll]", "an epoll instance" },
	{ "anon_inode:[signalfd]", "a signalfd" },
	{ "anon_inode:[timerfd]", "a timerfd" },
	{ "anon_inode:inotify", "an inotify instance" },
	{ "anon_inode:[fanotify]", "a fanotify group" },
	{ "anon_inode:[io_uring]", "an io_uring" },
	{ "anon_inode:[pidfd]", "a pidfd" },
	{ "anon_inode:[userfaultfd]", "a userfaultfd" },
	{ "anon_inode:[perf_event]", "a perf event" },
	{ "anon_inode:bpf", "a BPF object" },
	{ "anon_inode:kvm", "an object of KVM" },
	{ "anon_inode:seccomp notify", "a seccomp listener" },
	{ "anon_inode:[landlock", "a Landlock rule set" },
	{ "anon_inode:[fscontext]", "a file system context" },
	{ "anon_inode:", "an object of the host's kernel" },
	{ "pidfd:", "a pidfd" },
	{ "mnt:", "a namespace" },
	{ "net:", "a namespace" },
	{ "pid:", "a namespace" },
	{ "uts:", "a namespace" },
	{ "ipc:", "a namespace" },
	{ "user:", "a namespace" },
	{ "cgroup:", "a namespace" },
	{ "time:", "a namespace" },
	{ "/memfd:", NULL },
};

/* Files whose content the kernel makes up as it is read. */
static const struct {
	long magic;
	const char *name;
} kernel_filesystems[] = {
	{ PROC_SUPER_MAGIC, "a file of the host's proc" },
	{ SYSFS_MAGIC, "a file of the host's sysfs" },
	{ CGROUP_SUPER_MAGIC, "a file of the host's cgroups" },
	{ CGROUP2_SUPER_MAGIC, "a file of the host's cgroups" },
	{ DEBUGFS_MAGIC, "a file of the host's debugfs" },
	{ TRACEFS_MAGIC, "a file of the host's tracefs" },
	{ SECURITYFS_MAGIC, "a file of the host's securityfs" },
	{ BPF_FS_MAGIC, "a BPF object" },
	{ MQUEUE_MAGIC, "a message queue" },
};

bool device_is_same_in_guest(const struct stat *st)
{
	static const struct {
		unsigned major, minor;
	} devices[] = {
		{ MEM_MAJOR, 3 }, /* null */
		{ MEM_MAJOR, 5 }, /* zero */
		{ MEM_MAJOR, 7 }, /* full */
		{ MEM_MAJOR, 8 }, /* random */
		{ MEM_MAJOR, 9 }, /* urandom */
		{ 5, 0 },	  /* tty */
		{ 10, 200 },	  /* net/tun */
		{ 10, 229 },	  /* fuse */
	};

	for (size_t i = 0; S_ISCHR(st->st_mode) && i < ARRAY_LEN(devices); i++)
		if (st->st_rdev == makedev(devices[i].major, devices[i].minor))
			return true;
	return false;
}

/* Why a descriptor cannot cross, or NULL when it can. */
typedef const char *kind_fn(int fd, const struct stat *st, struct fd_facts *ret);

/* A process that reads what it has written itself would do so twice. */
static const char *of_pipe(int fd, const struct stat *st, struct fd_facts *ret)
{
	(void)fd;
	(void)st;
	ret->kind = FD_STREAM;
	return ret->readable && ret->writable ? "a pipe opened for both reading and writing" : NULL;
}

static int option(int fd, int name)
{
	int value = 0;
	socklen_t len = sizeof(value);

	return getsockopt(fd, SOL_SOCKET, name, &value, &len) < 0 ? 0 : value;
}

static const char *of_socket(int fd, const struct stat *st, struct fd_facts *ret)
{
	static const char *const types[] = {
		[SOCK_DGRAM] = "a datagram socket",
		[SOCK_RAW] = "a raw socket",
		[SOCK_SEQPACKET] = "a socket of packets",
	};
	int family = option(fd, SO_DOMAIN), type = option(fd, SO_TYPE);
	struct sockaddr_storage peer;
	socklen_t len = sizeof(peer);

	(void)st;
	if (type != SOCK_STREAM)
		return type > 0 && (size_t)type < ARRAY_LEN(types) && types[type]
			       ? types[type]
			       : "a socket of an unusual type";
	if (option(fd, SO_ACCEPTCONN)) {
		ret->kind = FD_LISTENER;
		return family == AF_UNIX || family == AF_INET || family == AF_INET6
			       ? NULL
			       : "a listening socket of an unusual family";
	}
	ret->kind = FD_STREAM;
	return getpeername(fd, (struct sockaddr *)&peer, &len) < 0 ? "a socket without connection"
								   : NULL;
}

static const char *of_file(int fd, const struct stat *st, struct fd_facts *ret)
{
	struct statfs fs;

	ret->kind = FD_FILE;
	ret->directory = S_ISDIR(st->st_mode);
	ret->offset = S_ISREG(st->st_mode) && !(ret->flags & O_PATH) ? lseek(fd, 0, SEEK_CUR) : 0;
	if (fstatfs(fd, &fs) < 0)
		return "a file that cannot be looked at";
	for (size_t i = 0; i < ARRAY_LEN(kernel_filesystems); i++)
		if (fs.f_type == kernel_filesystems[i].magic)
			return kernel_filesystems[i].name;
	return NULL;
}

static const char *of_device(int fd, const struct stat *st, struct fd_facts *ret)
{
	ret->kind = FD_DEVICE;
	ret->minor = minor(st->st_rdev);
	if (major(st->st_rdev) == MEM_MAJOR && device_is_same_in_guest(st))
		return NULL;
	ret->kind = FD_STREAM;
	if (!(ret->flags & O_PATH) && isatty(fd))
		return NULL;
	return "a device of the host";
}

static const char *of_block_device(int fd, const struct stat *st, struct fd_facts *ret)
{
	(void)fd;
	(void)st;
	(void)ret;
	return "a block device of the host";
}

static const struct {
	mode_t type;
	kind_fn *look;
} types[] = {
	{ S_IFIFO, of_pipe },
	{ S_IFSOCK, of_socket },
	{ S_IFREG, of_file },
	{ S_IFDIR, of_file },
	{ S_IFCHR, of_device },
	{ S_IFBLK, of_block_device },
};

/* By the name that the kernel shows. */
static const char *of_object(int fd)
{
	char path[40], link[PATH_MAX];
	ssize_t n;

	snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	n = readlink(path, link, sizeof(link) - 1);
	link[n < 0 ? 0 : n] = '\0';
	for (size_t i = 0; i < ARRAY_LEN(objects); i++)
		if (str_after(link, objects[i].prefix))
			return objects[i].name;
	return NULL;
}

static const char *look(int fd, const struct stat *st, struct fd_facts *ret)
{
	const char *object = of_object(fd);

	if (object)
		return object;
	for (size_t i = 0; i < ARRAY_LEN(types); i++) {
		const char *why;

		if ((st->st_mode & S_IFMT) != types[i].type)
			continue;
		why = types[i].look(fd, st, ret);
		/* Only of files is there anything to be had by what is no more than a name. */
		return !why && (ret->flags & O_PATH) && ret->kind != FD_FILE
			       ? "a descriptor of a name only (O_PATH)"
			       : why;
	}
	return "of an unknown kind";
}

int fd_classify(int fd, const char *source, unsigned number, struct fd_facts *ret, struct err *err)
{
	struct stat st;
	const char *why;
	int mode;

	*ret = (struct fd_facts){ .flags = fcntl(fd, F_GETFL) };
	if (ret->flags < 0 || fstat(fd, &st) < 0)
		return err_sys(err, errno, "%s: descriptor %u", source, number);
	mode = ret->flags & O_ACCMODE;
	ret->readable = mode == O_RDONLY || mode == O_RDWR;
	ret->writable = mode == O_WRONLY || mode == O_RDWR;
	why = look(fd, &st, ret);
	return why ? err_set(err, ENOTSUP,
			     "%s: descriptor %u is %s, which cannot cross into a virtual machine",
			     source, number, why)
		   : 0;
}
