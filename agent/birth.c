/* The clone of a process: see birth.h. Called by launch.c. */
#include "agent/birth.h"

#include "base/auto.h"
#include "base/fd.h"

#include <fcntl.h>
#include <linux/sched.h>
#include <sched.h>
#include <signal.h>
#include <string.h>
#include <sys/pidfd.h>
#include <sys/syscall.h>
#include <sys/wait.h>

static pid_t clone_now(const struct birth *b, uint64_t flags, int exit_signal, int *pidfd)
{
	struct clone_args args = {
		.flags = b->clone_flags | flags,
		.pidfd = (uint64_t)(uintptr_t)pidfd,
		.exit_signal = (uint64_t)exit_signal,
	};
	long pid;

	if (b->cgroup_fd >= 0) {
		args.flags |= CLONE_INTO_CGROUP;
		args.cgroup = (uint64_t)b->cgroup_fd;
	}
	pid = syscall(SYS_clone3, &args, sizeof(args));
	return pid < 0 ? -errno : (pid_t)pid;
}

/* To be born in another pid namespace the agent points its children there for the time of the
 * clone.
 */
static pid_t clone_directly(const struct agent *a, const struct birth *b, int *ret_pidfd)
{
	pid_t pid;

	if (b->join_pidfd >= 0 && setns(b->join_pidfd, CLONE_NEWPID) < 0)
		return -errno;
	pid = clone_now(b, CLONE_PIDFD, SIGCHLD, ret_pidfd);
	if (pid != 0 && b->join_pidfd >= 0 && setns(a->pidns_fd, CLONE_NEWPID) < 0)
		abort(); /* our own namespace cannot refuse us */
	return pid;
}

/* The user namespace comes last: from then on what is others' is out of reach. */
static int join_all(const struct birth *b)
{
	const struct namespaces *ns = b->joined;

	for (unsigned i = 0; i < ns->join_count; i++)
		if (setns(ns->joins[i].pidfd, ns->joins[i].kind) < 0)
			return -errno;
	if (b->join_pidfd >= 0 && setns(b->join_pidfd, CLONE_NEWPID) < 0)
		return -errno;
	return ns->user_joined >= 0 && setns(ns->user_joined, CLONE_NEWUSER) < 0 ? -errno : 0;
}

/* The process between. Returns in the child only, whose parent is ours. */
static void join_and_clone(const struct birth *b, int out)
{
	int32_t pid = join_all(b);

	if (pid == 0)
		pid = clone_now(b, CLONE_PARENT, 0, NULL);
	else
		pid = pid < 0 ? pid : -EIO;
	if (pid == 0)
		return;
	(void)!write(out, &pid, sizeof(pid));
	_exit(0);
}

static pid_t clone_by_another(const struct birth *b, int *ret_pidfd)
{
	AUTO_CLOSE int in = -1;
	AUTO_CLOSE int out = -1;
	int32_t pid = -EIO;
	pid_t between;
	int fds[2];

	if (pipe2(fds, O_CLOEXEC) < 0)
		return -errno;
	in = fds[0];
	out = fds[1];
	between = fork();
	if (between < 0)
		return -errno;
	if (between == 0) {
		join_and_clone(b, out);
		return 0;
	}
	close_fd(&out);
	if (read(in, &pid, sizeof(pid)) != (ssize_t)sizeof(pid))
		pid = -EIO;
	while (waitpid(between, NULL, 0) < 0 && errno == EINTR)
		;
	if (pid < 0)
		return pid;
	/* Nobody but us reaps it, so it is still that process. */
	*ret_pidfd = pidfd_open(pid, 0);
	return *ret_pidfd < 0 ? -errno : pid;
}

pid_t birth(const struct agent *a, const struct birth *b, int *ret_pidfd)
{
	return b->joined ? clone_by_another(b, ret_pidfd) : clone_directly(a, b, ret_pidfd);
}
