/* Reaping: see reap.h. */
#include "agent/reap.h"

#include "agent/life.h"
#include "base/fd.h"

#include <signal.h>
#include <stdlib.h>
#include <sys/signalfd.h>
#include <sys/wait.h>

struct reaper {
	struct agent *agent;
	int fd;
	struct loop_fd *watch;
};

static struct process *find(const struct agent *a, pid_t pid)
{
	list_for_each (c, &a->containers, struct container, link)
		list_for_each (p, &c->processes, struct process, link)
			if (p->pid == pid && p->state != PROCESS_EXITED)
				return p;
	return NULL;
}

static void on_signal(void *arg, int fd, uint32_t events)
{
	struct reaper *r = arg;
	struct signalfd_siginfo info;
	int status;
	pid_t pid;

	(void)events;
	while (read(fd, &info, sizeof(info)) == sizeof(info))
		;
	/* Signals of several children may have come as one. */
	while ((pid = waitpid(-1, &status, WNOHANG | __WALL)) > 0) {
		struct process *p = find(r->agent, pid);

		if (p)
			process_exited(p, status);
	}
}

int reaper_new(struct agent *a, struct reaper **ret)
{
	struct reaper *r = calloc(1, sizeof(*r));
	sigset_t set;
	int e;

	if (!r)
		return -ENOMEM;
	r->agent = a;
	sigemptyset(&set);
	sigaddset(&set, SIGCHLD);
	sigprocmask(SIG_BLOCK, &set, NULL);
	r->fd = signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
	e = r->fd < 0 ? -errno
		      : loop_fd_add(a->loop, "children", r->fd, EPOLLIN, on_signal, r, &r->watch);
	if (e < 0) {
		reaper_free(r);
		return e;
	}
	*ret = r;
	return 0;
}

void reaper_free(struct reaper *r)
{
	if (!r)
		return;
	loop_fd_remove(r->watch);
	close_fd(&r->fd);
	free(r);
}
