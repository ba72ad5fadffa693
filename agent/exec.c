/* A further process in a container: see exec.h. The loop's thread only. */
#include "agent/exec.h"

#include "agent/child.h"
#include "agent/launch.h"
#include "base/fd.h"

#include <signal.h>

static int check_exec(
	const struct container *c, const Vmrun__Agent__ExecRequest *request, struct err *err)
{
	if (!container_alive(c))
		return err_set(err, EBUSY, "container %s is not running", c->id);
	if (c->paused && !request->ignore_paused)
		return err_set(err, EBUSY, "container %s is paused", c->id);
	if (request->process[0] == '\0')
		return err_set(err, EINVAL, "exec: no process id");
	if (container_process(c, request->process))
		return err_set(err, EEXIST, "process %s of container %s exists already",
			request->process, c->id);
	return child_check(request->spec, err);
}

/* The cgroup of a process beside the first; *ret stays -1 where there are none. */
static int open_exec_cgroup(struct container *c, const char *below, int *ret, struct err *err)
{
	if (c->cgroup.fd < 0)
		return *below ? err_set(err, ENOENT, "cgroup %s: the guest has no cgroups", below)
			      : 0;
	*ret = *below ? cgroup_open_below(&c->cgroup, below)
		      : cgroup_open_for(&c->cgroup, container_first(c)->pid);
	if (*ret >= 0)
		return 0;
	return *below ? err_sys(err, -*ret, "cgroup %s of container %s", below, c->id)
		      : err_sys(err, -*ret, "cgroup of container %s", c->id);
}

static int launch_exec(struct container *c, struct process *p, struct child *child,
	const char *cgroup_below, struct err *err)
{
	const struct process *first = container_first(c);
	const Vmrun__Agent__Process *spec = child->spec;
	AUTO_CLOSE int cgroup = -1;
	struct launch_plan plan = {
		.birth = { .join_pidfd = first->pidfd },
		.oom_score_adj = spec->has_oom_score_adj ? spec->oom_score_adj : 0,
	};
	int r = open_exec_cgroup(c, cgroup_below, &cgroup, err);

	if (r < 0)
		return r;
	plan.birth.cgroup_fd = cgroup;
	namespaces_plan_exec(first->pidfd, c->namespaces, &child->namespaces);
	r = container_open_descriptors(p, spec, &child->descriptors, err);
	if (r == 0)
		r = child_give_pipes(child, &c->maps, err);
	return r < 0 ? r : launch(p, &plan, child, err);
}

int container_exec(struct container *c, const Vmrun__Agent__ExecRequest *request,
	struct rpc_request *r, struct err *err)
{
	struct child child = {
		.agent = c->agent,
		.spec = request->spec,
		.execution = &c->execution,
		.sources = MOUNT_SOURCES_INIT,
	};
	struct process *p;
	int e = check_exec(c, request, err);

	if (e < 0)
		return e;
	e = container_add_process(
		c, request->process, request->spec, rpc_request_conn(r), child.stdio, &p, err);
	if (e < 0)
		return e;
	p->create = r;
	e = launch_exec(c, p, &child, request->cgroup, err);
	if (e < 0) {
		p->create = NULL;
		p->exec_failed = true;
		launch_narrow_code(err);
		/* When the child exists its record goes when it is reaped. */
		if (p->pid > 0)
			(void)!process_kill(p, SIGKILL);
		else
			process_free(p);
	}
	child_done(&child);
	return e < 0 ? -err->code : 0;
}
