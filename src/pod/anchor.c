/* Starting a vmrun-proxy: see anchor.h and anchorfd.h. */
#include "pod/anchor.h"

#include "base/auto.h"
#include "base/fd.h"
#include "base/program.h"
#include "pod/anchorfd.h"
#include "pod/view.h"

#include <fcntl.h>
#include <linux/sched.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>

DEFINE_AUTO_VAL(view_done, struct view)

static pid_t clone_child(const struct anchor_spec *spec)
{
	struct clone_args args = {
		.flags = CLONE_NEWPID | CLONE_NEWNS,
		.exit_signal = SIGCHLD,
	};
	pid_t pid;

	if (spec->cgroup_fd >= 0) {
		args.flags |= CLONE_INTO_CGROUP;
		args.cgroup = (uint64_t)spec->cgroup_fd;
	}
	pid = (pid_t)syscall(SYS_clone3, &args, sizeof(args));
	return pid < 0 ? -errno : pid;
}

/* Copies the descriptors to their numbers; first above them all, so that none covers another. */
static int place_fds(const struct anchor_spec *spec, int ready_fd, char flags[8])
{
	int from[ANCHOR_FD_DONE + ANCHOR_DONE_MAX], n = ANCHOR_FD_DONE + (int)spec->done_count;
	char *flag = flags;

	for (int i = 0; i < n; i++)
		from[i] = -1;
	from[ANCHOR_FD_READY] = ready_fd;
	from[ANCHOR_FD_AGENT] = spec->agent_fd;
	if (spec->stop_pod) {
		from[ANCHOR_FD_CONTROL] = spec->ctl_fd;
		*flag++ = ANCHOR_FLAG_STOP_POD;
	}
	if (spec->record_dir_fd >= 0) {
		from[ANCHOR_FD_RECORD] = spec->record_dir_fd;
		*flag++ = ANCHOR_FLAG_RECORD;
	}
	if (spec->tty_fd >= 0) {
		from[ANCHOR_FD_TTY] = spec->tty_fd;
		*flag++ = ANCHOR_FLAG_TTY;
	}
	*flag = '\0';
	for (unsigned i = 0; i < spec->done_count; i++)
		from[ANCHOR_FD_DONE + i] = spec->done_fds[i];
	for (int i = 0; i < n; i++)
		if (from[i] >= 0 && (from[i] = fcntl(from[i], F_DUPFD_CLOEXEC, n + 8)) < 0)
			return -errno;
	for (int i = 0; i < n; i++)
		if (from[i] >= 0 && dup2(from[i], i) < 0)
			return -errno;
	return 0;
}

static int null_stdio(void)
{
	AUTO_CLOSE int null = open("/dev/null", O_RDWR | O_CLOEXEC);

	if (null < 0)
		return -errno;
	for (int i = 0; i < 3; i++)
		if (dup2(null, i) < 0)
			return -errno;
	return 0;
}

/* The child: everything up to the exec. The order: what needs host paths, then the view. */
static int become_proxy(const struct anchor_spec *spec, const struct view *view, int ready_fd,
	int binary, struct err *err)
{
	char flags[8], done[16];
	char *argv[] = { (char[]){ "vmrun-proxy" }, (char *)(uintptr_t)spec->container,
		(char *)(uintptr_t)spec->process, flags, done, NULL };
	char *envp[] = { NULL };
	int r;

	prctl(PR_SET_PDEATHSIG, SIGKILL);
	if (setsid() < 0)
		return err_sys(err, errno, "setsid");
	if (spec->netns_fd >= 0 && setns(spec->netns_fd, CLONE_NEWNET) < 0)
		return err_sys(err, errno, "cannot join the network namespace");
	if (spec->tty_own && ioctl(spec->tty_fd, TIOCSCTTY, 0) < 0)
		return err_sys(err, errno, "cannot take the terminal");
	r = null_stdio();
	if (r < 0)
		return err_sys(err, -r, "/dev/null");
	r = view_enter(spec, view, err);
	if (r < 0)
		return r;
	r = place_fds(spec, ready_fd, flags);
	if (r < 0)
		return err_sys(err, -r, "descriptors");
	snprintf(done, sizeof(done), "%u", spec->done_count);
	syscall(SYS_execveat, binary, "", argv, envp, AT_EMPTY_PATH);
	return err_sys(err, errno, "cannot run vmrun-proxy");
}

static void child(const struct anchor_spec *spec, const struct view *view, int ready_fd, int binary)
{
	struct err err = ERR_NONE;
	char code = ANCHOR_ERROR;

	(void)!become_proxy(spec, view, ready_fd, binary, &err);
	(void)!fd_write_all(ready_fd, &code, 1);
	(void)!fd_write_all(ready_fd, err.msg, strlen(err.msg));
	_exit(1);
}

static int wait_ready(int fd, struct err *err)
{
	AUTO(buf_done) struct buf b = { 0 };
	char code;
	int r = fd_read_all(fd, &code, 1);

	if (r == 0 && code == ANCHOR_READY)
		return 0;
	if (r == 0 && fd_read_to_end(fd, sizeof(err->msg), &b) == 0 && b.len)
		return err_set(err, EIO, "%s", buf_str(&b));
	return err_set(err, EIO, "vmrun-proxy ended before it was ready");
}

int anchor_spawn(const struct anchor_spec *spec, pid_t *ret_pid, struct err *err)
{
	AUTO(view_done) struct view view = VIEW_INIT;
	AUTO_CLOSE int binary = -1;
	AUTO_CLOSE int ready_in = -1;
	AUTO_CLOSE int ready_out = -1;
	char path[PATH_MAX];
	int pipefd[2], r;
	pid_t pid;

	r = program_path("vmrun-proxy", path, err);
	if (r < 0)
		return r;
	/* By descriptor, because the path means nothing in the new root. */
	binary = open(path, O_PATH | O_CLOEXEC);
	if (binary < 0 || pipe2(pipefd, O_CLOEXEC) < 0)
		return err_sys(err, errno, "%s", path);
	ready_in = pipefd[0];
	ready_out = pipefd[1];
	r = view_prepare(spec, &view, err);
	if (r < 0)
		return r;
	pid = clone_child(spec);
	if (pid < 0)
		return err_sys(err, -pid, "cannot start vmrun-proxy");
	if (pid == 0)
		child(spec, &view, ready_out, binary);
	close_fd(&ready_out);
	r = wait_ready(ready_in, err);
	if (r < 0) {
		kill(pid, SIGKILL);
		waitpid(pid, NULL, 0);
		return r;
	}
	*ret_pid = pid;
	return 0;
}
