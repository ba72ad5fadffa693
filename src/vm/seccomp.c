/*
 * Filters by role: see seccomp.h. The lists say what for. A call that glibc makes on its own
 * (memory, locks, thread end) is in the common list.
 */
#include "vm/seccomp.h"

#include "base/auto.h"
#include "base/buf.h"
#include "base/fd.h"

#include <fcntl.h>
#include <linux/filter.h>
#include <linux/kvm.h>
#include <linux/seccomp.h>
#include <seccomp.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
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
	SCMP_SYS(setfsuid),
	SCMP_SYS(setfsgid),
	SCMP_SYS(capset),
	SCMP_SYS(capget),
	SCMP_SYS(dup),
	SCMP_SYS(fcntl),
	END,
};

static const int vcpu_calls[] = { SCMP_SYS(epoll_ctl), END };

/* ioctl requests; no other ioctl passes. */
static const unsigned long vcpu_ioctls[] = { KVM_RUN, KVM_GET_REGS };

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

static int allow_by_role(scmp_filter_ctx ctx, enum thread_role role)
{
	int r = 0;

	if (role == THREAD_MAIN)
		return seccomp_rule_add(ctx, SCMP_ACT_ALLOW, SCMP_SYS(socketpair), 1,
			SCMP_A0(SCMP_CMP_EQ, AF_UNIX, 0));
	if (role == THREAD_VCPU)
		for (size_t i = 0; r == 0 && i < ARRAY_LEN(vcpu_ioctls); i++)
			r = seccomp_rule_add(ctx, SCMP_ACT_ALLOW, SCMP_SYS(ioctl), 1,
				SCMP_A1(SCMP_CMP_EQ, vcpu_ioctls[i], 0));
	return r;
}

/* libseccomp writes the program to a descriptor; keep it as bytes for the threads. */
static int export(scmp_filter_ctx ctx, struct filters *f, enum thread_role role)
{
	AUTO_CLOSE int fd = memfd_create("filter", MFD_CLOEXEC);
	AUTO(buf_done) struct buf b = { 0 };
	int r;

	if (fd < 0)
		return -errno;
	r = seccomp_export_bpf(ctx, fd);
	if (r < 0)
		return r;
	if (lseek(fd, 0, SEEK_SET) < 0)
		return -errno;
	r = fd_read_to_end(fd, 1 << 20, &b);
	if (r < 0)
		return r;
	f->role[role].len = b.len / sizeof(struct sock_filter);
	f->role[role].code = steal_ptr(&b.data);
	return 0;
}

static int compile(struct filters *f, enum thread_role role, bool log_only)
{
	scmp_filter_ctx ctx = seccomp_init(log_only ? SCMP_ACT_LOG : SCMP_ACT_KILL_PROCESS);
	int r;

	if (!ctx)
		return -ENOMEM;
	r = allow(ctx, common);
	if (r == 0)
		r = allow(ctx, lists[role]);
	if (r == 0)
		r = allow_memory(ctx);
	if (r == 0)
		r = allow_by_role(ctx, role);
	if (r == 0)
		r = export(ctx, f, role);
	seccomp_release(ctx);
	return r;
}

int filters_init(struct filters *f, bool log_only, struct err *err)
{
	*f = (struct filters){ 0 };
	for (int role = 0; role < THREAD_ROLES; role++) {
		int r = compile(f, (enum thread_role)role, log_only);

		if (r < 0) {
			filters_done(f);
			return err_sys(err, -r, "cannot compile the seccomp filters");
		}
	}
	return 0;
}

void filters_done(struct filters *f)
{
	for (int role = 0; role < THREAD_ROLES; role++)
		free(f->role[role].code);
	*f = (struct filters){ 0 };
}

int seccomp_enter(const struct filters *f, enum thread_role role)
{
	struct sock_fprog prog = {
		.len = (unsigned short)f->role[role].len,
		.filter = f->role[role].code,
	};

	return syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, 0, &prog) < 0 ? -errno : 0;
}
