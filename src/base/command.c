/* Programs run to their end: see command.h. */
#include "base/command.h"

#include "base/auto.h"
#include "base/clock.h"
#include "base/fd.h"

#include <ctype.h>
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>

#define TAIL_MAX      400
#define TIMEOUT_MAX_S 1000000000
#define REPORT_FD     3

/* What a child that could not execute the program says; nothing is said by one that could. */
struct report {
	int code;
};

struct running {
	pid_t pid, guard;
	int pidfd;
	int output;	/* read end, -1 after its end */
	int guard_line; /* its end tells the guard that we are gone */
	int status;
	char tail[TAIL_MAX]; /* the last that it printed */
	size_t tail_len;
};

int command_input(const void *data, size_t len)
{
	/* A file, not a pipe: no program that does not read it can make us wait, or end us. */
	AUTO_CLOSE int fd = memfd_create("stdin", MFD_CLOEXEC);
	int r = fd < 0 ? -errno : fd_write_all(fd, data, len);

	return r < 0 ? r : steal_fd(&fd);
}

/* Standard streams, and the report's pipe, which closes when the program is executed. */
static int place_fds(const struct command *c, int output, int report)
{
	AUTO_CLOSE int null = c->input < 0 ? open("/dev/null", O_RDONLY | O_CLOEXEC) : -1;
	int input = c->input < 0 ? null : c->input;

	if (input < 0 || (c->input >= 0 && lseek(input, 0, SEEK_SET) < 0))
		return -errno;
	if (dup2(input, 0) < 0 || dup2(output, 1) < 0 || dup2(output, 2) < 0)
		return -errno;
	if (report != REPORT_FD && dup3(report, REPORT_FD, O_CLOEXEC) < 0)
		return -errno;
	close_fd(&null);
	fds_close_from(REPORT_FD + 1);
	return 0;
}

static int enter_cwd(const char *cwd)
{
	if (!cwd || chdir(cwd) == 0)
		return 0;
	/* A bundle may be gone by the time its container is deleted. */
	return errno == ENOENT && chdir("/") == 0 ? 0 : -errno;
}

static int execute(const struct command *c)
{
	const char *alone[] = { c->path, NULL };
	const char *const *args = c->args && c->args[0] ? c->args : alone;
	char *const *env = c->env ? (char *const *)(uintptr_t)c->env : environ;
	int r = enter_cwd(c->cwd);

	if (r < 0)
		return r;
	execve(c->path, (char *const *)(uintptr_t)args, env);
	return -errno;
}

static void run_child(const struct command *c, pid_t parent, int output, int report)
{
	struct report said = { 0 };
	sigset_t none;
	int r;

	/* Its own group: what it starts can be killed with it, and no terminal reaches it. */
	setpgid(0, 0);
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	if (getppid() != parent)
		_exit(1);
	r = place_fds(c, output, report);
	if (r == 0) {
		report = REPORT_FD;
		sigemptyset(&none);
		sigprocmask(SIG_SETMASK, &none, NULL);
		signal(SIGPIPE, SIG_DFL);
		r = execute(c);
	}
	said.code = -r;
	(void)!write(report, &said, sizeof(said));
	_exit(1);
}

/*
 * Kills the group when the line to us ends before it was told to go. It must outlive a signal that
 * ends us, so it has a session of its own and takes none.
 */
static void run_guard(pid_t group, int line)
{
	sigset_t all;
	char byte;

	sigfillset(&all);
	sigprocmask(SIG_SETMASK, &all, NULL);
	setsid();
	if (dup2(line, 0) < 0)
		_exit(1);
	fds_close_from(1);
	while (read(0, &byte, 1) < 0 && errno == EINTR)
		;
	kill(-group, SIGKILL);
	_exit(0);
}

static int start_guard(struct running *r)
{
	AUTO_CLOSE int theirs = -1;
	int ends[2];

	if (pipe2(ends, O_CLOEXEC) < 0)
		return -errno;
	theirs = ends[0];
	r->guard_line = ends[1];
	r->guard = fork();
	if (r->guard == 0) {
		close(ends[1]);
		run_guard(r->pid, theirs);
	}
	return r->guard < 0 ? -errno : 0;
}

static void end_guard(struct running *r)
{
	if (r->guard > 0) {
		kill(r->guard, SIGKILL);
		while (waitpid(r->guard, NULL, 0) < 0 && errno == EINTR)
			;
	}
	close_fd(&r->guard_line);
}

/* fork() with a pidfd, by the one system call that any filter allows that allows fork(). */
static pid_t fork_pidfd(int *ret_pidfd)
{
	long pid = syscall(
		SYS_clone, (unsigned long)CLONE_PIDFD | SIGCHLD, NULL, ret_pidfd, NULL, NULL);

	return pid < 0 ? -errno : (pid_t)pid;
}

/* Waits until the program is executed, or it is known why it is not. */
static int wait_executed(int report)
{
	struct report said;
	ssize_t n;

	while ((n = read(report, &said, sizeof(said))) < 0 && errno == EINTR)
		;
	return n == sizeof(said) ? -said.code : 0;
}

static int start(const struct command *c, struct running *r)
{
	AUTO_CLOSE int output = -1;
	AUTO_CLOSE int report_in = -1;
	AUTO_CLOSE int report = -1;
	pid_t parent = getpid();
	int ends[2], e = 0;

	if (pipe2(ends, O_CLOEXEC) < 0)
		return -errno;
	r->output = ends[0];
	output = fd_move_above_stdio(ends[1]);
	if (output < 0)
		return output;
	if (pipe2(ends, O_CLOEXEC) < 0)
		return -errno;
	report_in = ends[0];
	report = fd_move_above_stdio(ends[1]);
	if (report < 0)
		return report;
	r->pid = fork_pidfd(&r->pidfd);
	if (r->pid == 0)
		run_child(c, parent, output, report);
	if (r->pid < 0)
		return r->pid;
	setpgid(r->pid, r->pid);
	close_fd(&report);
	if (c->guarded)
		e = start_guard(r);
	return e < 0 ? e : wait_executed(report_in);
}

/* Keeps the end of what is printed; a program may print without end. */
static void read_output(struct running *r)
{
	char data[TAIL_MAX];
	ssize_t n = read(r->output, data, sizeof(data));
	size_t keep;

	if (n <= 0) {
		if (n == 0 || (errno != EINTR && errno != EAGAIN))
			close_fd(&r->output);
		return;
	}
	keep = sizeof(r->tail) - (size_t)n;
	if (r->tail_len > keep) {
		memmove(r->tail, r->tail + r->tail_len - keep, keep);
		r->tail_len = keep;
	}
	memcpy(r->tail + r->tail_len, data, (size_t)n);
	r->tail_len += (size_t)n;
}

/* Returns 0 when it has ended, -ETIMEDOUT, -errno. */
static int watch(struct running *r, int64_t timeout_s)
{
	int64_t limit = timeout_s < TIMEOUT_MAX_S ? timeout_s : TIMEOUT_MAX_S;
	int64_t end = clock_now_ms() + limit * 1000;

	for (;;) {
		struct pollfd fds[] = { { .fd = r->pidfd, .events = POLLIN },
			{ .fd = r->output, .events = POLLIN } };
		int64_t left = end - clock_now_ms();
		int n;

		if (timeout_s && left <= 0)
			return -ETIMEDOUT;
		left = left < INT_MAX ? left : INT_MAX;
		n = poll(fds, ARRAY_LEN(fds), timeout_s ? (int)left : -1);
		if (n < 0 && errno != EINTR)
			return -errno;
		if (n <= 0)
			continue;
		/* First: something that it has left behind may print without end. */
		if (fds[0].revents)
			return 0;
		if (fds[1].revents)
			read_output(r);
	}
}

/* What lies in the pipe, and no more. */
static void drain(struct running *r)
{
	struct pollfd fd = { .fd = r->output, .events = POLLIN };

	for (unsigned i = 0; r->output >= 0 && i < 256 && poll(&fd, 1, 0) > 0; i++)
		read_output(r);
}

static void reap(struct running *r)
{
	while (waitpid(r->pid, &r->status, 0) < 0 && errno == EINTR)
		;
}

/* The output as the end of a line of text: no control characters, no blanks around it. */
static const char *said(struct running *r, char ret[TAIL_MAX + 3])
{
	size_t from = 0, n = r->tail_len, at = 2;

	while (n > 0 && (unsigned char)r->tail[n - 1] <= ' ')
		n--;
	while (from < n && (unsigned char)r->tail[from] <= ' ')
		from++;
	if (from == n)
		return "";
	memcpy(ret, ": ", 2);
	for (; from < n; from++) {
		unsigned char c = (unsigned char)r->tail[from];

		ret[at++] = c == '\n' ? '|' : c < ' ' || c == 0x7f ? '?' : (char)c;
	}
	ret[at] = '\0';
	return ret;
}

/* The C library's words for a signal, as they stand inside a sentence. */
static void signal_words(int signal, char *ret, size_t size)
{
	snprintf(ret, size, "%s", strsignal(signal));
	ret[0] = (char)tolower((unsigned char)ret[0]);
}

static int explain(const struct command *c, struct running *r, int code, struct err *err)
{
	char text[TAIL_MAX + 3], words[64];

	if (code == -ETIMEDOUT)
		return err_set(err, ETIMEDOUT, "killed after its timeout of %lld s%s",
			(long long)c->timeout_s, said(r, text));
	if (code < 0)
		return err_sys(err, -code, "cannot be executed");
	if (WIFSIGNALED(r->status)) {
		signal_words(WTERMSIG(r->status), words, sizeof(words));
		return err_set(err, ECANCELED, "killed by signal %d (%s)%s", WTERMSIG(r->status),
			words, said(r, text));
	}
	if (WEXITSTATUS(r->status))
		return err_set(
			err, ECANCELED, "exit status %d%s", WEXITSTATUS(r->status), said(r, text));
	return 0;
}

int command_run(const struct command *c, struct err *err)
{
	struct running r = { .pid = -1, .guard = -1, .pidfd = -1, .output = -1, .guard_line = -1 };
	int code = start(c, &r);

	if (code == 0)
		code = watch(&r, c->timeout_s);
	if (r.pid > 0 && code < 0) {
		kill(-r.pid, SIGKILL);
		kill(r.pid, SIGKILL);
	}
	end_guard(&r);
	if (r.pid > 0)
		reap(&r);
	drain(&r);
	code = explain(c, &r, code, err);
	close_fd(&r.output);
	close_fd(&r.pidfd);
	return code;
}
