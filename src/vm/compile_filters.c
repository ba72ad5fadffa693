/*
 * Compiles the filters of the monitor's threads, when vmrun is built: writes src/vm/filters.inc,
 * which seccomp.c includes. The lists say what for. A call that glibc makes on its own (memory,
 * locks, thread end) is in the common list.
 */
#include "base/auto.h"
#include "vm/seccomp.h"

#include <fcntl.h>
#include <linux/filter.h>
#include <linux/fs.h>
#include <linux/kvm.h>
#include <seccomp.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <unistd.h>

#define END (-1)

static const int common[] = {
	SCMP_SYS(read),
	SCMP_SYS(write),
	SCMP_SYS(futex),
	SCMP_SYS(close),
	SCMP_SYS(munmap),
	SCMP_SYS(madvise),
	SCMP_SYS(brk),
	SCMP_SYS(mremap),
	SCMP_SYS(rt_sigreturn),
	SCMP_SYS(rt_sigprocmask),
	SCMP_SYS(restart_syscall),
	SCMP_SYS(clock_gettime),
	SCMP_SYS(exit),
	SCMP_SYS(exit_group),
	SCMP_SYS(sched_yield),
	SCMP_SYS(getpid),
	SCMP_SYS(gettid),
	SCMP_SYS(tgkill),
	SCMP_SYS(rt_sigaction),
	END,
};

static const int main_calls[] = {
	SCMP_SYS(epoll_wait),
	SCMP_SYS(epoll_pwait),
	SCMP_SYS(epoll_ctl),
	SCMP_SYS(poll),
	SCMP_SYS(ppoll),
	SCMP_SYS(readv),
	SCMP_SYS(writev),
	SCMP_SYS(recvmsg),
	SCMP_SYS(recvfrom),
	SCMP_SYS(sendmsg),
	SCMP_SYS(sendto),
	SCMP_SYS(accept4),
	SCMP_SYS(shutdown),
	SCMP_SYS(getsockopt),
	SCMP_SYS(fstat),
	SCMP_SYS(newfstatat),
	SCMP_SYS(statx),
	SCMP_SYS(eventfd2),
	SCMP_SYS(timerfd_create),
	SCMP_SYS(timerfd_settime),
	SCMP_SYS(getrandom),
	SCMP_SYS(geteuid),
	SCMP_SYS(dup),
	SCMP_SYS(fcntl),
	SCMP_SYS(lseek),
	SCMP_SYS(preadv2),
	SCMP_SYS(pwritev2),
	SCMP_SYS(fstatfs),
	/* With the inodes of a share that goes, go its watches. */
	SCMP_SYS(inotify_rm_watch),
	/* With QEMU: the rings' eventfds come later, and a child that ends. */
	SCMP_SYS(dup3),
	SCMP_SYS(wait4),
	END,
};

/* A worker has its own working directory and no groups before it comes under the filter. */
static const int fs_calls[] = {
	SCMP_SYS(epoll_wait),
	SCMP_SYS(epoll_pwait),
	SCMP_SYS(epoll_ctl),
	SCMP_SYS(poll),
	SCMP_SYS(ppoll),
	SCMP_SYS(openat),
	SCMP_SYS(openat2),
	SCMP_SYS(newfstatat),
	SCMP_SYS(fstat),
	SCMP_SYS(statx),
	SCMP_SYS(fstatfs),
	SCMP_SYS(getdents64),
	SCMP_SYS(readlinkat),
	SCMP_SYS(mkdirat),
	SCMP_SYS(mknodat),
	SCMP_SYS(symlinkat),
	SCMP_SYS(linkat),
	SCMP_SYS(unlinkat),
	SCMP_SYS(renameat),
	SCMP_SYS(renameat2),
	SCMP_SYS(fchmod),
	SCMP_SYS(fchmodat),
	SCMP_SYS(fchown),
	SCMP_SYS(fchownat),
	SCMP_SYS(utimensat),
	SCMP_SYS(ftruncate),
	SCMP_SYS(fallocate),
	SCMP_SYS(lseek),
	SCMP_SYS(copy_file_range),
	SCMP_SYS(pread64),
	SCMP_SYS(pwrite64),
	SCMP_SYS(preadv),
	SCMP_SYS(pwritev),
	SCMP_SYS(preadv2),
	SCMP_SYS(pwritev2),
	SCMP_SYS(readv),
	SCMP_SYS(writev),
	SCMP_SYS(fsync),
	SCMP_SYS(fdatasync),
	SCMP_SYS(syncfs),
	SCMP_SYS(fgetxattr),
	SCMP_SYS(fsetxattr),
	SCMP_SYS(flistxattr),
	SCMP_SYS(fremovexattr),
	SCMP_SYS(getxattr),
	SCMP_SYS(setxattr),
	SCMP_SYS(listxattr),
	SCMP_SYS(removexattr),
	SCMP_SYS(lgetxattr),
	SCMP_SYS(lsetxattr),
	SCMP_SYS(llistxattr),
	SCMP_SYS(lremovexattr),
	SCMP_SYS(umask),
	SCMP_SYS(setfsuid),
	SCMP_SYS(setfsgid),
	SCMP_SYS(capset),
	SCMP_SYS(capget),
	SCMP_SYS(dup),
	SCMP_SYS(dup3),
	SCMP_SYS(fcntl),
	SCMP_SYS(flock),
	SCMP_SYS(inotify_init1),
	SCMP_SYS(inotify_add_watch),
	SCMP_SYS(inotify_rm_watch),
	END,
};

static const int vcpu_calls[] = { SCMP_SYS(epoll_ctl), END };

/* ioctl requests; no other ioctl passes. */
static const unsigned long main_ioctls[] = { KVM_IOEVENTFD, 0 }; /* for a slot that is filled */
static const unsigned long vcpu_ioctls[] = { KVM_RUN, KVM_GET_REGS, 0 };
static const unsigned long fs_ioctls[] = { FS_IOC_GETFLAGS, FS_IOC_SETFLAGS, FS_IOC_FSGETXATTR, 0 };

static const int *const lists[THREAD_ROLES] = {
	[THREAD_MAIN] = main_calls,
	[THREAD_VCPU] = vcpu_calls,
	[THREAD_FS] = fs_calls,
};

static int allow(scmp_filter_ctx ctx, const int *calls)
{
	int r = 0;

	for (; r == 0 && *calls != END; calls++)
		r = seccomp_rule_add(ctx, SCMP_ACT_ALLOW, *calls, 0);
	return r;
}

/* malloc needs both, but never executable memory. */
static int allow_memory(scmp_filter_ctx ctx)
{
	int r = seccomp_rule_add(
		ctx, SCMP_ACT_ALLOW, SCMP_SYS(mmap), 1, SCMP_A2(SCMP_CMP_MASKED_EQ, PROT_EXEC, 0));

	return r ? r
		 : seccomp_rule_add(ctx, SCMP_ACT_ALLOW, SCMP_SYS(mprotect), 1,
			   SCMP_A2(SCMP_CMP_MASKED_EQ, PROT_EXEC, 0));
}

static int allow_ioctls(scmp_filter_ctx ctx, const unsigned long *requests)
{
	int r = 0;

	for (; r == 0 && *requests; requests++)
		r = seccomp_rule_add(ctx, SCMP_ACT_ALLOW, SCMP_SYS(ioctl), 1,
			SCMP_A1(SCMP_CMP_EQ, *requests, 0));
	return r;
}

static int allow_by_role(scmp_filter_ctx ctx, enum thread_role role)
{
	static const unsigned long *const ioctls[THREAD_ROLES] = {
		[THREAD_MAIN] = main_ioctls,
		[THREAD_VCPU] = vcpu_ioctls,
		[THREAD_FS] = fs_ioctls,
	};
	int r = allow_ioctls(ctx, ioctls[role]);

	if (r == 0 && role == THREAD_MAIN)
		r = seccomp_rule_add(ctx, SCMP_ACT_ALLOW, SCMP_SYS(socketpair), 1,
			SCMP_A0(SCMP_CMP_EQ, AF_UNIX, 0));
	return r;
}

static int compile(enum thread_role role, int fd)
{
	scmp_filter_ctx ctx = seccomp_init(FILTER_DEFAULT);
	int r;

	if (!ctx)
		return -ENOMEM;
	/* A tree instead of a chain: what a call costs does not depend on its place in a list. */
	r = seccomp_attr_set(ctx, SCMP_FLTATR_CTL_OPTIMIZE, 2);
	if (r == 0)
		r = allow(ctx, common);
	if (r == 0)
		r = allow(ctx, lists[role]);
	if (r == 0)
		r = allow_memory(ctx);
	if (r == 0)
		r = allow_by_role(ctx, role);
	if (r == 0)
		r = seccomp_export_bpf(ctx, fd);
	seccomp_release(ctx);
	return r;
}

static int print(int fd)
{
	struct sock_filter code;
	ssize_t n;

	if (lseek(fd, 0, SEEK_SET) < 0)
		return -errno;
	while ((n = read(fd, &code, sizeof(code))) == (ssize_t)sizeof(code))
		printf("\t{ %#x, %u, %u, %#x },\n", code.code, code.jt, code.jf, code.k);
	return n < 0 ? -errno : n > 0 ? -EIO : 0;
}

int main(void)
{
	static const char *const names[THREAD_ROLES] = {
		[THREAD_MAIN] = "main_filter",
		[THREAD_VCPU] = "vcpu_filter",
		[THREAD_FS] = "fs_filter",
	};

	printf("/* Made by compile_filters.c. */\n#include <linux/filter.h>\n\n");
	for (int role = 0; role < THREAD_ROLES; role++) {
		AUTO_CLOSE int fd = memfd_create("filter", MFD_CLOEXEC);
		int r = fd < 0 ? -errno : compile((enum thread_role)role, fd);

		printf("static const struct sock_filter %s[] = {\n", names[role]);
		if (r == 0)
			r = print(fd);
		printf("};\n");
		if (r < 0) {
			fprintf(stderr, "cannot compile the %s: %s\n", names[role], strerror(-r));
			return 1;
		}
	}
	return fflush(stdout) == 0 ? 0 : 1;
}
