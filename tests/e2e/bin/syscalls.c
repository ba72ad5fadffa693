/*
 * Makes system calls and tells what becomes of them and their caller, one line each: for the
 * end-to-end case about seccomp. Static, because it runs in containers.
 *
 *   syscalls names                      all that libseccomp knows here
 *   syscalls try NAME [ARG0 [ARG1]]     by one of two threads of a process
 *   syscalls trace NAME                 with a tracer
 *   syscalls i386 NAME                  by the 32-bit way in
 */
#include <errno.h>
#include <pthread.h>
#include <seccomp.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ptrace.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#define SYSCALLS 1024

struct call {
	const char *name;
	long nr, args[2];
	bool compat;
	/* What the thread has come to. */
	volatile bool done, trapped;
	long result;
	int error;
};

static struct call call;

static int names(void)
{
	for (int nr = 0; nr < SYSCALLS; nr++) {
		char *name = seccomp_syscall_resolve_num_arch(SCMP_ARCH_X86_64, nr);

		if (name)
			puts(name);
		free(name);
	}
	return 0;
}

static void on_trap(int signo, siginfo_t *si, void *context)
{
	(void)signo;
	(void)context;
	call.trapped = si->si_syscall == call.nr;
}

/* The arguments are small numbers: nothing is lost in 32 bits. */
static long int80(long nr, long a, long b)
{
	long result;

	__asm__ volatile("int $0x80"
			 : "=a"(result)
			 : "a"(nr), "b"(a), "c"(b), "d"(0L)
			 : "memory", "r8", "r9", "r10", "r11");
	return result;
}

static void *make_call(void *arg)
{
	(void)arg;
	if (call.compat) {
		call.result = int80(call.nr, call.args[0], call.args[1]);
		call.error = call.result < 0 ? (int)-call.result : 0;
	} else {
		call.result = syscall(call.nr, call.args[0], call.args[1], 0, 0, 0, 0);
		call.error = call.result < 0 ? errno : 0;
	}
	call.done = true;
	return NULL;
}

static void run_child(void)
{
	struct sigaction sa = { .sa_sigaction = on_trap, .sa_flags = SA_SIGINFO };
	pthread_t thread;

	sigaction(SIGSYS, &sa, NULL);
	if (pthread_create(&thread, NULL, make_call, NULL))
		_exit(1);
	pthread_join(thread, NULL);
	if (call.trapped)
		printf("%s: trapped\n", call.name);
	else if (!call.done)
		printf("%s: thread killed\n", call.name);
	else if (call.error)
		printf("%s: errno %d\n", call.name, call.error);
	else
		printf("%s: done\n", call.name);
	fflush(stdout);
	_exit(0);
}

static int try(void)
{
	int status;
	pid_t pid = fork();

	if (pid == 0)
		run_child();
	if (pid < 0 || waitpid(pid, &status, 0) != pid)
		return 1;
	if (WIFSIGNALED(status))
		printf("%s: process killed by signal %d\n", call.name, WTERMSIG(status));
	return 0;
}

static int trace(void)
{
	unsigned long message = 0;
	int status;
	pid_t pid = fork();

	if (pid == 0) {
		ptrace(PTRACE_TRACEME, 0, NULL, NULL);
		raise(SIGSTOP);
		make_call(NULL);
		_exit(0);
	}
	if (pid < 0 || waitpid(pid, &status, 0) != pid || !WIFSTOPPED(status) ||
		ptrace(PTRACE_SETOPTIONS, pid, NULL, PTRACE_O_TRACESECCOMP) < 0 ||
		ptrace(PTRACE_CONT, pid, NULL, 0) < 0 || waitpid(pid, &status, 0) != pid)
		return 1;
	if (status >> 8 == (SIGTRAP | PTRACE_EVENT_SECCOMP << 8) &&
		ptrace(PTRACE_GETEVENTMSG, pid, NULL, &message) == 0)
		printf("%s: traced, data %lu\n", call.name, message);
	else
		printf("%s: not traced, status %x\n", call.name, status);
	kill(pid, SIGKILL);
	waitpid(pid, NULL, 0);
	return 0;
}

int main(int argc, char **argv)
{
	const char *verb = argc > 1 ? argv[1] : "";

	if (strcmp(verb, "names") == 0)
		return names();
	if (argc < 3)
		return 2;
	call.name = argv[2];
	call.compat = strcmp(verb, "i386") == 0;
	call.nr = seccomp_syscall_resolve_name_arch(
		call.compat ? SCMP_ARCH_X86 : SCMP_ARCH_X86_64, call.name);
	for (int i = 0; i < 2 && i + 3 < argc; i++)
		call.args[i] = (long)strtoul(argv[i + 3], NULL, 0);
	return strcmp(verb, "trace") == 0 ? trace() : try();
}
