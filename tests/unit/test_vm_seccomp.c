/* The monitor's system call filters: what each role may do, and that all else kills it. */
#include "base/auto.h"
#include "tests/unit/unit.h"
#include "vm/seccomp.h"

#include <fcntl.h>
#include <linux/kvm.h>
#include <sched.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>

#ifdef __SANITIZE_ADDRESS__
#define SANITIZED 1
#else
#define SANITIZED 0
#endif

#define ALL (1U << THREAD_MAIN | 1U << THREAD_VCPU | 1U << THREAD_FS)

static void call_read(void)
{
	char c;

	(void)!read(-1, &c, 1);
}

static void call_write(void)
{
	(void)!write(-1, "", 1);
}

static void call_malloc(void)
{
	/* Large enough for a mapping of its own, and back. */
	char *volatile p = malloc(16 << 20);

	if (p)
		p[4096] = 1;
	free(p);
}

static void call_mmap_exec(void)
{
	(void)!mmap(NULL, 4096, PROT_READ | PROT_EXEC, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
}

static void call_mprotect_exec(void)
{
	static char page[8192];

	(void)!mprotect(page, 4096, PROT_READ | PROT_WRITE | PROT_EXEC);
}

static void call_openat(void)
{
	(void)!openat(AT_FDCWD, "/none/at/all", O_RDONLY);
}

static void call_socket(void)
{
	(void)!socket(AF_INET, SOCK_STREAM, 0);
}

static void call_socketpair_unix(void)
{
	int sv[2];

	(void)!socketpair(AF_UNIX, SOCK_STREAM, 0, sv);
}

static void call_socketpair_other(void)
{
	int sv[2];

	(void)!socketpair(AF_INET, SOCK_STREAM, 0, sv);
}

static void call_connect(void)
{
	struct sockaddr sa = { 0 };

	(void)!connect(-1, &sa, sizeof(sa));
}

static void call_bind(void)
{
	struct sockaddr sa = { 0 };

	(void)!bind(-1, &sa, sizeof(sa));
}

static void call_accept4(void)
{
	(void)!accept4(-1, NULL, NULL, 0);
}

static void call_sendmsg(void)
{
	struct msghdr msg = { 0 };

	(void)!sendmsg(-1, &msg, 0);
}

static void call_epoll_ctl(void)
{
	(void)!epoll_ctl(-1, EPOLL_CTL_DEL, -1, NULL);
}

static void call_execve(void)
{
	char *argv[] = { NULL };

	(void)!execve("/none/at/all", argv, argv);
}

static void call_fork(void)
{
	(void)!syscall(SYS_fork);
}

static void call_clone3(void)
{
	(void)!syscall(SYS_clone3, NULL, 0);
}

static void call_ptrace(void)
{
	(void)!ptrace(PTRACE_TRACEME, 0, NULL, NULL);
}

static void call_process_vm_readv(void)
{
	(void)!syscall(SYS_process_vm_readv, 1, NULL, 0, NULL, 0, 0);
}

static void call_kill(void)
{
	(void)!kill(1 << 30, 0);
}

static void call_mount(void)
{
	(void)!syscall(SYS_mount, NULL, NULL, NULL, 0, NULL);
}

static void call_unshare(void)
{
	(void)!unshare(0);
}

static void call_setns(void)
{
	(void)!setns(-1, 0);
}

static void call_setfsuid(void)
{
	(void)!syscall(SYS_setfsuid, -1);
}

static void call_setresuid(void)
{
	(void)!syscall(SYS_setresuid, -1, -1, -1);
}

static void call_setgroups(void)
{
	(void)!syscall(SYS_setgroups, 0, NULL);
}

static void call_bpf(void)
{
	(void)!syscall(SYS_bpf, 0, NULL, 0);
}

static void call_io_uring(void)
{
	(void)!syscall(SYS_io_uring_setup, 0, NULL);
}

static void call_kvm_run(void)
{
	(void)!ioctl(-1, KVM_RUN, 0);
}

static void call_kvm_set_memory(void)
{
	(void)!ioctl(-1, KVM_SET_USER_MEMORY_REGION, NULL);
}

static void call_kvm_ioeventfd(void)
{
	(void)!ioctl(-1, KVM_IOEVENTFD, NULL);
}

static void call_tiocsti(void)
{
	(void)!ioctl(-1, TIOCSTI, "x");
}

static void call_renameat2(void)
{
	(void)!syscall(SYS_renameat2, -1, "a", -1, "b", 0);
}

static void call_open_by_handle_at(void)
{
	(void)!syscall(SYS_open_by_handle_at, -1, NULL, 0);
}

static void call_init_module(void)
{
	(void)!syscall(SYS_finit_module, -1, "", 0);
}

#define MAIN (1U << THREAD_MAIN)
#define VCPU (1U << THREAD_VCPU)
#define FS   (1U << THREAD_FS)

static const struct {
	const char *name;
	void (*call)(void);
	unsigned allowed; /* roles */
} calls[] = {
	{ "read", call_read, ALL },
	{ "write", call_write, ALL },
	{ "malloc", call_malloc, ALL },
	{ "epoll_ctl", call_epoll_ctl, ALL },
	{ "openat", call_openat, FS },
	{ "renameat2", call_renameat2, FS },
	{ "unshare", call_unshare, 0 },
	{ "setfsuid", call_setfsuid, FS },
	{ "socketpair(AF_UNIX)", call_socketpair_unix, MAIN },
	{ "accept4", call_accept4, MAIN },
	{ "sendmsg", call_sendmsg, MAIN },
	{ "ioctl(KVM_RUN)", call_kvm_run, VCPU },
	{ "ioctl(KVM_SET_USER_MEMORY_REGION)", call_kvm_set_memory, 0 },
	{ "ioctl(KVM_IOEVENTFD)", call_kvm_ioeventfd, MAIN },
	{ "ioctl(TIOCSTI)", call_tiocsti, 0 },
	{ "mmap(PROT_EXEC)", call_mmap_exec, 0 },
	{ "mprotect(PROT_EXEC)", call_mprotect_exec, 0 },
	{ "socket", call_socket, 0 },
	{ "socketpair(AF_INET)", call_socketpair_other, 0 },
	{ "connect", call_connect, 0 },
	{ "bind", call_bind, 0 },
	{ "execve", call_execve, 0 },
	{ "fork", call_fork, 0 },
	{ "clone3", call_clone3, 0 },
	{ "ptrace", call_ptrace, 0 },
	{ "process_vm_readv", call_process_vm_readv, 0 },
	{ "kill", call_kill, 0 },
	{ "mount", call_mount, 0 },
	{ "setns", call_setns, 0 },
	{ "setresuid", call_setresuid, 0 },
	{ "setgroups", call_setgroups, 0 },
	{ "bpf", call_bpf, 0 },
	{ "io_uring_setup", call_io_uring, 0 },
	{ "open_by_handle_at", call_open_by_handle_at, 0 },
	{ "finit_module", call_init_module, 0 },
};

/* The status of a process that enters role's filter and makes one call. */
static int status_of(enum thread_role role, void (*call)(void))
{
	pid_t pid = fork();
	int status;

	if (pid == 0) {
		if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0 || seccomp_enter(role) < 0)
			_exit(1);
		call();
		_exit(0);
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	return status;
}

static void every_role_may_do_its_work_and_no_more(void **state)
{
	(void)state;
	if (SANITIZED)
		skip(); /* its runtime makes calls of its own */
	for (size_t i = 0; i < ARRAY_LEN(calls); i++) {
		for (int role = 0; role < THREAD_ROLES; role++) {
			int status = status_of((enum thread_role)role, calls[i].call);
			bool killed = WIFSIGNALED(status) && WTERMSIG(status) == SIGSYS;
			bool done = WIFEXITED(status) && WEXITSTATUS(status) == 0;

			if (calls[i].allowed & 1U << role ? !done : !killed)
				fail_msg("%s in role %d: status %#x", calls[i].name, role, status);
		}
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_role_may_do_its_work_and_no_more),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
