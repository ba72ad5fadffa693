/*
 * Starting a vmrun-proxy: see anchor.h and messages.h. The child makes its namespaces and its view
 * while it still is a copy of the caller, then runs the proxy.
 */
#include "anchor/anchor.h"

#include "anchor/messages.h"
#include "anchor/view.h"
#include "base/auto.h"
#include "base/fd.h"
#include "base/id_map.h"
#include "base/log.h"
#include "base/program.h"

#include <fcntl.h>
#include <linux/sched.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>

#define BINARY_FD (ANCHOR_SOCKET_FD + 1)

DEFINE_AUTO_VAL(view_done, struct view)

static pid_t clone_child(uint64_t namespaces, int cgroup_fd)
{
	struct clone_args args = {
		.flags = namespaces | (cgroup_fd >= 0 ? CLONE_INTO_CGROUP : 0),
		.exit_signal = SIGCHLD,
		.cgroup = cgroup_fd >= 0 ? (uint64_t)cgroup_fd : 0,
	};
	pid_t pid = (pid_t)syscall(SYS_clone3, &args, sizeof(args));

	return pid < 0 ? -errno : pid;
}

/* *ret_placed: the child was born in its cgroup. Some kernels and some cgroups cannot do that. */
static pid_t clone_into(uint64_t namespaces, int cgroup_fd, bool *ret_placed)
{
	pid_t pid = clone_child(namespaces, cgroup_fd);

	*ret_placed = true;
	if (cgroup_fd < 0 || pid >= 0 || pid == -EPERM || pid == -EAGAIN || pid == -ENOMEM)
		return pid;
	*ret_placed = false;
	return clone_child(namespaces, -1);
}

static int null_stdio(void)
{
	AUTO_CLOSE int null = open("/dev/null", O_RDWR | O_CLOEXEC);

	if (null < 0)
		return -errno;
	null = fd_move_above_stdio(null);
	if (null < 0)
		return null;
	for (int i = 0; i < 3; i++)
		if (dup2(null, i) < 0)
			return -errno;
	return 0;
}

/* Leaves standard streams, the socket and the binary; the latter closes when it is run. */
static int place_fds(int sock, int binary)
{
	int s = fcntl(sock, F_DUPFD_CLOEXEC, BINARY_FD + 1);
	int b = fcntl(binary, F_DUPFD_CLOEXEC, BINARY_FD + 1);

	if (s < 0 || b < 0 || dup2(s, ANCHOR_SOCKET_FD) < 0 || dup3(b, BINARY_FD, O_CLOEXEC) < 0)
		return -errno;
	fds_close_from(BINARY_FD + 1);
	return 0;
}

/* The caller comes first: its answer is a message of one byte. */
static int pause_child(const struct anchor_pause *pause, int sock, struct err *err)
{
	struct anchor_report reached = { .code = 0 };
	unsigned none = 0;
	char go;
	int r = fd_send(sock, &reached, sizeof(reached), NULL, 0);

	if (r == 0 && fd_recv(sock, &go, sizeof(go), NULL, &none) != sizeof(go))
		r = -EPIPE;
	return r < 0 ? err_sys(err, -r, "cannot talk to vmrun") : pause->inside(pause->arg, err);
}

/* Everything that needs a path of the host or a privilege, then the view. */
static int set_up_child(
	const struct anchor_spec *spec, const struct view *view, int sock, struct err *err)
{
	AUTO_CLOSE int root = -1;
	int r;

	if (setsid() < 0)
		return err_sys(err, errno, "setsid");
	for (unsigned i = 0; i < spec->joined_count; i++)
		if (setns(spec->joined[i].fd, spec->joined[i].kind) < 0)
			return err_sys(err, errno, "cannot join a namespace on the host");
	if (spec->tty_own && ioctl(spec->tty_fd, TIOCSCTTY, 0) < 0)
		return err_sys(err, errno, "cannot make the terminal the anchor's own");
	r = null_stdio();
	if (r < 0)
		return err_sys(err, -r, "/dev/null");
	root = view_assemble(spec, view, err);
	if (root < 0)
		return root;
	if (spec->pause)
		r = pause_child(spec->pause, sock, err);
	return r ? r : view_enter(root, err);
}

static void report_failure(int sock, const struct err *err)
{
	struct anchor_report report = { .code = err->code };

	memcpy(report.msg, err->msg, sizeof(report.msg));
	(void)!fd_send(sock, &report, sizeof(report), NULL, 0);
}

static void run_child(const struct anchor_spec *spec, const struct view *view, int sock, int binary)
{
	char *argv[] = { (char[]){ "vmrun-proxy" }, (char *)(uintptr_t)spec->container,
		(char *)(uintptr_t)(*spec->process ? spec->process : NULL), NULL };
	char *envp[] = { NULL };
	struct err err = ERR_NONE;
	int r;

	/* Until the proxy is ready it goes with whoever starts it. */
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	r = set_up_child(spec, view, sock, &err);
	if (r == 0) {
		r = place_fds(sock, binary);
		if (r == 0) {
			sock = ANCHOR_SOCKET_FD;
			syscall(SYS_execveat, BINARY_FD, "", argv, envp, AT_EMPTY_PATH);
			r = -errno;
		}
		err_sys(&err, -r, "cannot run vmrun-proxy");
	}
	report_failure(sock, &err);
	_exit(1);
}

static int enter_cgroup(int cgroup_fd, pid_t pid, struct err *err)
{
	char text[16];
	int r;

	snprintf(text, sizeof(text), "%d", pid);
	r = file_write_at(cgroup_fd, "cgroup.procs", text);
	if (refused_to_user(r)) {
		log_debug("the anchor is in no cgroup of the container's: %s", strerror(-r));
		return 0;
	}
	return r < 0 ? err_sys(err, -r, "cannot put the anchor into its cgroup") : 0;
}

static int send_socket(const struct anchor_socket *from, int sock)
{
	struct anchor_socket_msg msg = { .number = from->number };

	snprintf(msg.share, sizeof(msg.share), "%s", from->share);
	return fd_send(sock, &msg, sizeof(msg), &from->fd, 1);
}

static int send_msg(const struct anchor_spec *spec, pid_t pid, int sock, struct err *err)
{
	struct anchor_msg msg = {
		.version = ANCHOR_MSG_VERSION,
		.main_pid = spec->main_pid == ANCHOR_MAIN_SELF ? pid : spec->main_pid,
	};
	static const struct anchor_notify none = { -1, -1, -1, -1 };
	const struct anchor_notify *notify = spec->notify ? spec->notify : &none;
	int fds[ANCHOR_FDS], n = 0, r;
	int all[ANCHOR_FDS] = {
		[ANCHOR_FD_AGENT] = spec->agent_fd,
		[ANCHOR_FD_CTL] = spec->ctl_fd,
		[ANCHOR_FD_RECORD] = spec->record_dir_fd,
		[ANCHOR_FD_TTY] = spec->tty_fd,
		[ANCHOR_FD_LOG] = spec->log_fd,
		[ANCHOR_FD_MEMORY] = spec->memory_fd,
		[ANCHOR_FD_NOTIFY_FUSE] = notify->fuse,
		[ANCHOR_FD_NOTIFY_PROC] = notify->proc,
		[ANCHOR_FD_NOTIFY_RPC] = notify->rpc,
		[ANCHOR_FD_NOTIFY_MNT_NS] = notify->mnt_ns,
		[ANCHOR_FD_RELAY_AGENT] = spec->relay_agent_fd,
		[ANCHOR_FD_RELAY_CTL] = spec->relay_ctl_fd,
		[ANCHOR_FD_LISTEN_AGENT] = spec->listen_agent_fd,
		[ANCHOR_FD_LISTEN_CTL] = spec->listen_ctl_fd,
		[ANCHOR_FD_SD_NOTIFY] = spec->sd_notify_fd,
	};

	for (unsigned i = 0; i < ANCHOR_DONE_MAX; i++)
		all[ANCHOR_FD_DONE + i] = i < spec->done_count ? spec->done_fds[i] : -1;
	for (int i = 0; i < ANCHOR_FDS; i++) {
		if (all[i] < 0)
			continue;
		msg.present |= 1U << i;
		fds[n++] = all[i];
	}
	memcpy(msg.container, spec->container, strlen(spec->container));
	memcpy(msg.process, spec->process, strlen(spec->process));
	msg.sockets = spec->socket_count;
	r = fd_send(sock, &msg, sizeof(msg), fds, (unsigned)n);
	for (unsigned i = 0; r == 0 && i < spec->socket_count; i++)
		r = send_socket(&spec->sockets[i], sock);
	/* A child that is gone already has said why. */
	if (r == -EPIPE || r == -ECONNRESET || r == -ECONNREFUSED)
		return 0;
	return r < 0 ? err_sys(err, -r, "cannot talk to vmrun-proxy") : 0;
}

static int wait_report(int sock, struct err *err)
{
	struct anchor_report report = { 0 };
	unsigned none = 0;
	ssize_t n = fd_recv(sock, &report, sizeof(report), NULL, &none);

	/* A child that failed before it read our message: that comes first, then what it said. */
	if (n == -ECONNRESET)
		n = fd_recv(sock, &report, sizeof(report), NULL, &none);
	if (n != (ssize_t)sizeof(report))
		return err_set(err, EIO, "vmrun-proxy ended before it was ready");
	report.msg[sizeof(report.msg) - 1] = '\0';
	return report.code ? err_set(err, report.code, "%s", report.msg) : 0;
}

static int pause_caller(const struct anchor_pause *pause, int sock, pid_t anchor, struct err *err)
{
	int r = wait_report(sock, err);

	if (r == 0)
		r = pause->outside(pause->arg, anchor, err);
	if (r < 0)
		return r;
	r = fd_send(sock, "", 1, NULL, 0);
	return r < 0 ? err_sys(err, -r, "cannot talk to the anchor") : 0;
}

static int check(const struct anchor_spec *spec, struct err *err)
{
	if (strlen(spec->container) > ID_MAX || strlen(spec->process) > ID_MAX)
		return err_set(err, ENAMETOOLONG, "the id is longer than %d characters", ID_MAX);
	if (spec->agent_fd < 0 || spec->done_count > ANCHOR_DONE_MAX ||
		(spec->tty_own && spec->tty_fd < 0))
		return err_set(err, EINVAL, "the anchor lacks a descriptor");
	return 0;
}

/*
 * All signals are blocked over the clone, and stay so in the child: to the init of a pid namespace
 * one without a handler is lost unless it is blocked.
 */
static pid_t start_child(const struct anchor_spec *spec, const struct view *view, int sock,
	int binary, bool *ret_placed, struct err *err)
{
	sigset_t all, before;
	pid_t pid;

	sigfillset(&all);
	pthread_sigmask(SIG_BLOCK, &all, &before);
	pid = clone_into(
		CLONE_NEWPID | CLONE_NEWNS | spec->created_namespaces, spec->cgroup_fd, ret_placed);
	if (pid == 0)
		run_child(spec, view, sock, binary);
	pthread_sigmask(SIG_SETMASK, &before, NULL);
	if (pid == -EPERM)
		return err_set(err, EPERM,
			"cannot make the anchor's namespaces: vmrun needs CAP_SYS_ADMIN");
	return pid < 0 ? err_sys(err, -pid, "cannot start vmrun-proxy") : pid;
}

static int open_binary(struct err *err)
{
	char path[PATH_MAX];
	int fd, r = program_path("vmrun-proxy", path, err);

	if (r < 0)
		return r;
	/* Run by descriptor, because the path means nothing in the new root. */
	fd = open(path, O_PATH | O_CLOEXEC);
	return fd < 0 ? err_sys(err, errno, "%s", path) : fd;
}

int anchor_spawn(const struct anchor_spec *spec, pid_t *ret_pid, struct err *err)
{
	AUTO(view_done) struct view view = VIEW_INIT;
	AUTO_CLOSE int binary = -1;
	AUTO_CLOSE int ours = -1;
	AUTO_CLOSE int theirs = -1;
	bool placed;
	int sv[2], r = check(spec, err);
	pid_t pid;

	if (r < 0)
		return r;
	binary = open_binary(err);
	if (binary < 0)
		return binary;
	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, sv) < 0)
		return err_sys(err, errno, "socketpair");
	ours = sv[0];
	theirs = sv[1];
	r = view_prepare(spec, &view, err);
	if (r < 0)
		return r;
	pid = start_child(spec, &view, theirs, binary, &placed, err);
	if (pid < 0)
		return pid;
	close_fd(&theirs);
	if (!placed)
		r = enter_cgroup(spec->cgroup_fd, pid, err);
	if (r == 0 && spec->pause)
		r = pause_caller(spec->pause, ours, pid, err);
	if (r == 0)
		r = send_msg(spec, pid, ours, err);
	if (r == 0)
		r = wait_report(ours, err);
	if (r < 0) {
		kill(pid, SIGKILL);
		waitpid(pid, NULL, 0);
		return r;
	}
	*ret_pid = pid;
	return 0;
}
