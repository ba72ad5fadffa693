/* Clones and the conversation with children: see launch.h. The loop's thread only. */
#include "agent/launch.h"

#include "agent/child.h"
#include "agent/container.h"
#include "agent/credentials.h"
#include "agent/gate.h"
#include "base/fd.h"

#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/pidfd.h>
#include <sys/socket.h>
#include <sys/syscall.h>

void launch_narrow_code(struct err *err)
{
	if (err->code != EINVAL && err->code != EACCES && err->code != ECANCELED)
		err->code = EIO;
}

static void created(struct process *p)
{
	struct rpc_request *r = steal_ptr(&p->create);
	Vmrun__Agent__CreateContainerResponse reply = VMRUN__AGENT__CREATE_CONTAINER_RESPONSE__INIT;
	Vmrun__Agent__ExecResponse exec_reply = VMRUN__AGENT__EXEC_RESPONSE__INIT;

	p->state = PROCESS_CREATED;
	reply.pid = exec_reply.pid = (uint32_t)p->pid;
	rpc_reply(r, p->id[0] ? &exec_reply.base : &reply.base);
}

static void running(struct process *p)
{
	struct rpc_request *create = steal_ptr(&p->create), *start = steal_ptr(&p->start);
	Vmrun__Agent__ExecResponse exec_reply = VMRUN__AGENT__EXEC_RESPONSE__INIT;
	Vmrun__Agent__Empty start_reply = VMRUN__AGENT__EMPTY__INIT;

	p->state = PROCESS_RUNNING;
	exec_reply.pid = (uint32_t)p->pid;
	if (create)
		rpc_reply(create, &exec_reply.base);
	if (start)
		rpc_reply(start, &start_reply.base);
	process_close_gate(p);
}

/* The child ends by itself; a container that was to be created is undone when it has. */
static void failed(struct process *p, struct err *err)
{
	struct rpc_request *create = steal_ptr(&p->create), *start = steal_ptr(&p->start);

	launch_narrow_code(err);
	/* No record is kept of it, whichever of the two it fails. */
	if (p->id[0] && (create || start))
		p->exec_failed = true;
	if (start)
		rpc_reply_err(start, err);
	if (create && p->id[0]) {
		rpc_reply_err(create, err);
	} else if (create) {
		container_fail_create(p->container, create, err);
	}
}

static int open_gate(struct process *p)
{
	static const char byte = LAUNCH_START;

	p->opened = true;
	return send(p->gate, &byte, 1, MSG_NOSIGNAL) == 1 ? 0 : -errno;
}

/* The rules come when the child has made its devices and before it runs anything of others. */
static int attach_devices(struct process *p, struct err *err)
{
	struct container *c = p->container;

	if (p->id[0] || c->cgroup.fd < 0)
		return 0;
	return device_filter_attach(&c->device_filter, c->cgroup.fd, &c->device_filter_fd, err);
}

/* The child keeps its own until the gate opens. */
static int take_listener(struct process *p, int number, struct err *err)
{
	int fd = pidfd_getfd(p->pidfd, number, 0);
	int r = fd < 0 ? -errno : listener_new(p->container->agent->loop, fd, &p->listener);

	return r < 0 ? err_sys(err, -r, "seccomp listener") : 0;
}

static void ready(struct process *p, int listener)
{
	struct err err = ERR_NONE;
	int r = attach_devices(p, &err);

	if (r == 0 && listener >= 0)
		r = take_listener(p, listener, &err);
	if (r == 0 && p->id[0] && !p->listener) {
		r = open_gate(p);
		if (r < 0)
			err_sys(&err, -r, "exec");
	}
	if (r < 0) {
		(void)!process_kill(p, SIGKILL);
		failed(p, &err);
	} else if (!p->opened) {
		created(p);
	}
}

static void on_report(struct process *p, struct launch_report *report, int fd)
{
	switch (report->kind) {
	case LAUNCH_TERMINAL:
		if (fd >= 0)
			stdio_set_terminal(&p->io, fd);
		return;
	case LAUNCH_READY:
		ready(p, report->listener);
		break;
	case LAUNCH_FAILED:
		report->err.msg[ERR_MSG_MAX - 1] = '\0';
		failed(p, &report->err);
		break;
	default:
		break;
	}
	close_fd(&fd);
}

/* Returns whether there may be more to read. */
static bool read_report(struct process *p)
{
	struct launch_report report;
	int fd = -1;
	unsigned n = 1;
	ssize_t got = fd_recv(p->gate, &report, sizeof(report), &fd, &n);

	if (got == sizeof(report)) {
		on_report(p, &report, n ? fd : -1);
		return p->gate >= 0;
	}
	if (got == -EAGAIN)
		return false;
	/* The end. After the gate was opened, and with no failure told, the program runs. */
	if (p->opened && !p->exec_failed && (p->create || p->start) && p->pid > 0 &&
		p->state != PROCESS_EXITED)
		running(p);
	else
		process_close_gate(p);
	return false;
}

void launch_drain(struct process *p)
{
	while (p->gate >= 0 && read_report(p))
		;
}

static void on_gate(void *arg, int fd, uint32_t events)
{
	(void)fd;
	(void)events;
	launch_drain(arg);
}

void launch_child_ended(struct process *p)
{
	struct err err = ERR_NONE;

	process_close_gate(p);
	if (!p->create && !p->start)
		return;
	err_set(&err, EIO, "the process died while it was set up (status %u)", p->status);
	failed(p, &err);
}

int launch_start(struct process *p, struct rpc_request *r, struct err *err)
{
	int e = open_gate(p);

	if (e < 0)
		return err_sys(err, -e, "start");
	p->start = r;
	return 0;
}

static int write_proc(pid_t pid, const char *file, const char *text, struct err *err)
{
	char path[64];
	int r;

	snprintf(path, sizeof(path), "/proc/%d/%s", (int)pid, file);
	r = file_write_at(AT_FDCWD, path, text);
	return r < 0 ? err_sys(err, -r, "write of \"%s\" to %s", text, file) : 0;
}

/*
 * What only the agent may write. The score is lowered from the agent's own here, with privilege,
 * so that the container cannot go back to it.
 */
static int prepare_child(pid_t pid, const struct launch_plan *plan,
	const Vmrun__Agent__Process *spec, struct err *err)
{
	char score[16];
	const struct id_maps *maps = plan->maps;
	int r = maps ? id_map_write(pid, "uid_map", maps->uids, maps->uid_count, err) : 0;

	if (r == 0 && maps)
		r = id_map_write(pid, "gid_map", maps->gids, maps->gid_count, err);
	if (r < 0)
		return r;
	credentials_raise_limits(pid, spec);
	snprintf(score, sizeof(score), "%d", plan->oom_score_adj);
	return write_proc(pid, "oom_score_adj", score, err);
}

int launch(struct process *p, const struct launch_plan *plan, struct child *child, struct err *err)
{
	static const char go = LAUNCH_GO;
	struct agent *a = p->container->agent;
	AUTO_CLOSE int ours = -1;
	AUTO_CLOSE int theirs = -1;
	struct cpu_set cpus;
	int pair[2], r;

	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair) < 0)
		return err_sys(err, errno, "socketpair");
	ours = pair[0];
	theirs = child->gate = pair[1];
	r = fd_set_nonblock(ours, true);
	if (r == 0)
		r = loop_fd_add(a->loop, "gate", ours, EPOLLIN, on_gate, p, &p->gate_watch);
	if (r < 0)
		return err_sys(err, -r, "set-up of a child");
	p->gate = steal_fd(&ours);
	r = cpus_enter(child->spec, &cpus, err);
	if (r < 0) {
		process_close_gate(p);
		return r;
	}
	p->pid = birth(a, &plan->birth, &p->pidfd);
	if (p->pid == 0)
		child_run(child);
	cpus_leave(&cpus);
	if (p->pid < 0) {
		r = p->pid;
		p->pid = 0;
		process_close_gate(p);
		/* Of cgroup v2: one that has enabled controllers for those below it. */
		return err_sys(err, -r,
			r == -EBUSY ? "error adding pid of the process to cgroups" : "clone");
	}
	r = prepare_child(p->pid, plan, child->spec, err);
	if (r == 0 && send(p->gate, &go, 1, MSG_NOSIGNAL) != 1)
		r = err_sys(err, errno, "set-up of a child");
	return r;
}
