/* Records of containers: see container.h. The loop's thread only. */
#include "agent/container.h"

#include "agent/parked.h"
#include "agent/scratch.h"
#include "agent/sd_notify.h"
#include "agent/sockets.h"
#include "base/fd.h"
#include "base/str.h"

#include <signal.h>

struct container *container_find(const struct agent *a, const char *id)
{
	list_for_each (c, &a->containers, struct container, link)
		if (streq(c->id, id))
			return c;
	return NULL;
}

struct process *container_process(const struct container *c, const char *id)
{
	list_for_each (p, &c->processes, struct process, link)
		if (streq(p->id, id) && !p->exec_failed)
			return p;
	return NULL;
}

struct process *container_first(const struct container *c)
{
	return container_process(c, "");
}

bool container_alive(const struct container *c)
{
	const struct process *p = container_first(c);

	return !c->removing && p && (p->state == PROCESS_CREATED || p->state == PROCESS_RUNNING);
}

struct container *container_new(struct agent *a, const char *id)
{
	struct container *c = calloc(1, sizeof(*c));

	if (!c)
		return NULL;
	c->agent = a;
	c->cgroup.fd = c->cgroup.watch_events = c->cgroup.watch_memory = -1;
	c->device_filter_fd = -1;
	list_init(&c->processes);
	list_init(&c->removals);
	list_init(&c->freezes);
	c->id = strdup(id);
	if (!c->id) {
		free(c);
		return NULL;
	}
	list_add_tail(&a->containers, &c->link);
	return c;
}

void container_free(struct container *c)
{
	parked_fail_all(&c->freezes, RPC_FAILED_PRECONDITION, "the container was deleted");
	list_for_each_safe (p, &c->processes, struct process, link)
		process_free(p);
	sockets_free(c->sockets);
	sd_notify_free(c->sd_notify);
	scratch_forget(c->agent, c->id);
	cgroup_done(&c->cgroup);
	bpf_program_done(&c->device_filter);
	close_fd(&c->device_filter_fd);
	list_del(&c->link);
	free(c->maps.uids);
	free(c->maps.gids);
	free(c->id);
	free(c);
}

int container_add_process(struct container *c, const char *id, const Vmrun__Agent__Process *spec,
	struct rpc_conn *owner, int child[3], struct process **ret, struct err *err)
{
	int r = process_new(c->agent, &c->processes, id, spec, owner, child, ret, err);

	if (r < 0)
		return r;
	(*ret)->container = c;
	(*ret)->oom_kills_at_start = container_oom_kills(c);
	return 0;
}

uint64_t container_oom_kills(const struct container *c)
{
	return cgroup_read_key(&c->cgroup, "memory.events", "oom_kill");
}

int container_open_descriptors(struct process *p, const Vmrun__Agent__Process *spec,
	struct descriptors *ret, struct err *err)
{
	const struct descriptors_owner owner = {
		.agent = p->container->agent,
		.container = p->container->id,
		.io = &p->io,
		.acceptors = &p->acceptors,
	};

	return descriptors_open(&owner, spec, ret, err);
}

int container_connect_socket(struct process *p, const Vmrun__Agent__ConnectSocketRequest *in,
	struct rpc_request *r, struct err *err)
{
	struct container *c = p->container;
	int fd = acceptors_connect(&p->acceptors, in->number, err), e;

	if (fd < 0)
		return fd;
	e = sockets_connect(&c->sockets, c->agent, p, fd, in->token, in->refused, r);
	return e < 0 ? err_sys(err, -e, "descriptor %u", in->number) : 0;
}

void container_fail_create(struct container *c, struct rpc_request *r, const struct err *err)
{
	c->failed_create = r;
	c->create_err = *err;
	c->removing = true;
	(void)!container_kill(c, SIGKILL);
}

static int kill_pid(void *arg, pid_t pid)
{
	/* One that has ended since the list was read is no error. */
	return kill(pid, *(const int *)arg) < 0 && errno != ESRCH ? -errno : 0;
}

int container_kill(const struct container *c, int signal)
{
	int r = -ESRCH;

	if (c->cgroup.fd >= 0)
		return signal == SIGKILL ? cgroup_kill(&c->cgroup)
					 : cgroup_each_pid(&c->cgroup, kill_pid, &signal);
	list_for_each (p, &c->processes, struct process, link)
		if (process_kill(p, signal) == 0)
			r = 0;
	return r;
}
