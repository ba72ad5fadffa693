/* Containers: see container.h. The loop's thread only. */
#include "agent/container.h"

#include "agent/child.h"
#include "agent/devices.h"
#include "agent/events.h"
#include "agent/kmsg.h"
#include "agent/launch.h"
#include "agent/parked.h"
#include "agent/scratch.h"
#include "agent/sd_notify.h"
#include "agent/sockets.h"
#include "base/path.h"
#include "base/str.h"

#include <sched.h>
#include <signal.h>
#include <time.h>

static void go_on_removing(struct container *c);

struct container *container_find(const struct agent *a, const char *id)
{
	list_for_each (c, &a->containers, struct container, link)
		if (streq(c->id, id))
			return c;
	return NULL;
}

struct process *container_first(const struct container *c)
{
	return process_find(c, "");
}

bool container_alive(const struct container *c)
{
	const struct process *p = container_first(c);

	return !c->removing && p && (p->state == PROCESS_CREATED || p->state == PROCESS_RUNNING);
}

static void report_oom(struct container *c)
{
	uint64_t kills = cgroup_read_key(&c->cgroup, "memory.events", "oom_kill");
	struct timespec ts;

	if (kills <= c->oom_kills)
		return;
	c->oom_kills = kills;
	clock_gettime(CLOCK_REALTIME, &ts);
	event_add(c->agent->events, VMRUN__AGENT__EVENT__KIND__OOM, c->id, "", 0,
		(int64_t)ts.tv_sec * 1000000000 + ts.tv_nsec);
}

static void on_cgroup_changed(void *arg)
{
	struct container *c = arg;
	Vmrun__Agent__Empty empty = VMRUN__AGENT__EMPTY__INIT;

	report_oom(c);
	if (!list_empty(&c->freezes) && cgroup_read_key(&c->cgroup, "cgroup.events", "frozen"))
		parked_reply_all(&c->freezes, &empty.base);
	if (c->removing)
		go_on_removing(c);
}

static struct container *container_new(struct agent *a, const char *id)
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

/* Nothing of it runs any more. */
static void container_free(struct container *c)
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

static int check_process(const Vmrun__Agent__Process *spec, struct err *err)
{
	if (!spec || spec->n_args == 0)
		return err_set(err, EINVAL, "process: no arguments");
	if (spec->cwd[0] != '/')
		return err_set(err, EINVAL, "process: cwd \"%s\" is not absolute", spec->cwd);
	return 0;
}

static int check_create(
	const struct agent *a, const Vmrun__Agent__CreateContainerRequest *request, struct err *err)
{
	int r = id_check(request->container, err);

	if (r < 0)
		return r;
	if (container_find(a, request->container))
		return err_set(err, EEXIST, "container %s exists already", request->container);
	return check_process(request->process, err);
}

static int keep_list(Vmrun__Agent__IdMapping *const *from, size_t n, struct id_range **to,
	size_t *count, struct err *err)
{
	*to = calloc(n + 1, sizeof(**to));
	if (!*to)
		return err_sys(err, ENOMEM, "id mappings");
	for (; *count < n; (*count)++)
		(*to)[*count] = (struct id_range){ from[*count]->container_id,
			from[*count]->host_id, from[*count]->size };
	return 0;
}

static int copy_list(
	const struct id_range *from, size_t n, struct id_range **to, size_t *count, struct err *err)
{
	*to = calloc(n + 1, sizeof(**to));
	if (!*to)
		return err_sys(err, ENOMEM, "id mappings");
	if (n)
		memcpy(*to, from, n * sizeof(*from));
	*count = n;
	return 0;
}

/* joined: whose user namespace it joins, or NULL. */
static int keep_maps(struct container *c, const struct container *joined,
	const Vmrun__Agent__CreateContainerRequest *request, struct err *err)
{
	struct id_maps *to = &c->maps;
	const struct id_maps *from = joined ? &joined->maps : NULL;
	int r;

	if (from) {
		r = copy_list(from->uids, from->uid_count, &to->uids, &to->uid_count, err);
		return r ? r
			 : copy_list(from->gids, from->gid_count, &to->gids, &to->gid_count, err);
	}
	r = keep_list(
		request->uid_mappings, request->n_uid_mappings, &to->uids, &to->uid_count, err);
	return r ? r
		 : keep_list(request->gid_mappings, request->n_gid_mappings, &to->gids,
			   &to->gid_count, err);
}

/* So that the process can open its /dev/stdout again. The child could not: in a user namespace the
 * owner of the pipes, the agent, has no name. */
static int give_pipes(const struct container *c, const struct child *child, struct err *err)
{
	const Vmrun__Agent__Process *spec = child->spec;
	uid_t uid = spec->uid;

	/* The agent's id for him, if that is another. */
	(void)!id_map_outward(c->maps.uids, c->maps.uid_count, spec->uid, &uid);
	for (int i = 0; i < 3; i++)
		if (child->stdio[i] >= 0 && fchown(child->stdio[i], uid, (gid_t)-1) < 0)
			return err_sys(err, errno, "owner of stdio");
	for (unsigned i = 0; i < child->descriptors.count; i++)
		if (spec->descriptors[i]->kind == VMRUN__AGENT__DESCRIPTOR__KIND__STREAM &&
			fchown(child->descriptors.fd[i], uid, (gid_t)-1) < 0)
			return err_sys(err, errno, "owner of descriptor %u", DESCRIPTOR_FIRST + i);
	return 0;
}

/* What stays with the container whatever becomes of its process. */
static int prepare(struct container *c, const struct namespaces *ns,
	const Vmrun__Agent__CreateContainerRequest *request, struct err *err)
{
	int r = device_filter_compile(
		(const Vmrun__Agent__DeviceRule *const *)request->device_rules,
		request->n_device_rules, &c->device_filter, err);

	if (r == 0)
		r = keep_maps(c, ns->user_of, request, err);
	if (r == 0)
		r = execution_read(request, &c->execution, err);
	if (r == 0 && c->agent->cgroups)
		r = cgroup_create(c->agent->cgroups, c->id,
			(const Vmrun__Agent__CgroupSetting *const *)request->cgroup,
			request->n_cgroup, on_cgroup_changed, c, &c->cgroup, err);
	return r;
}

static void child_done(struct child *child)
{
	for (int i = 0; i < 3; i++)
		close_fd(&child->stdio[i]);
	descriptors_done(&child->descriptors);
	mount_sources_done(&child->sources);
}

static int launch_first(struct container *c, struct process *p, struct child *child,
	const Vmrun__Agent__CreateContainerRequest *request, struct err *err)
{
	struct launch_plan plan = {
		.birth = { .cgroup_fd = c->cgroup.fd },
		.oom_score_adj =
			request->process->has_oom_score_adj ? request->process->oom_score_adj : 0,
	};
	const struct namespaces *ns = &child->namespaces;
	int r = descriptors_open(p, request->process, &child->descriptors, err);

	if (r == 0)
		r = give_pipes(c, child, err);
	if (r == 0)
		r = mount_sources_open(c->agent, request, &child->sources, err);
	if (r == 0)
		r = sockets_open(c, request, &child->sources, err);
	if (r == 0)
		r = sd_notify_open(c, request, &child->sources, err);
	if (r == 0 && ns->becomes_root && !c->owns_network)
		r = mount_sources_add_sysfs(request, &child->sources, err);
	if (r == 0)
		r = devices_open(c->agent, request, ns->becomes_root ? &c->maps : NULL,
			&child->sources, err);
	if (r < 0)
		return r;
	child->namespaces.own_cgroup_root = c->cgroup.fd >= 0;
	if (ns->created & CLONE_NEWUSER)
		plan.maps = &c->maps;
	plan.birth.clone_flags = (uint64_t)ns->created;
	plan.birth.join_pidfd = ns->pid_joined;
	plan.birth.joined = namespaces_joined_at_birth(ns) ? ns : NULL;
	r = launch(p, &plan, child, err);
	if (r == 0 && c->cgroup.fd >= 0)
		cgroup_note_path(&c->cgroup, p->pid);
	return r;
}

static int create_process(struct container *c, const struct namespaces *ns,
	const Vmrun__Agent__CreateContainerRequest *request, struct rpc_request *r, struct err *err)
{
	struct child child = {
		.agent = c->agent,
		.spec = request->process,
		.create = request,
		.execution = &c->execution,
		.namespaces = *ns,
		.sources = MOUNT_SOURCES_INIT,
	};
	struct process *p;
	int e = process_new(c, "", request->process, rpc_request_conn(r), child.stdio, &p, err);

	if (e == 0) {
		p->create = r;
		e = launch_first(c, p, &child, request, err);
		if (e < 0) {
			p->create = NULL;
			launch_narrow_code(err);
		}
		if (e < 0 && p->pid > 0) {
			container_fail_create(c, r, err);
			e = 0;
		}
	}
	child_done(&child);
	return e;
}

int container_create(struct agent *a, const Vmrun__Agent__CreateContainerRequest *request,
	struct rpc_request *r, struct err *err)
{
	struct namespaces ns;
	struct container *c;
	int e = check_create(a, request, err);

	if (e == 0)
		e = namespaces_plan(a, request, &ns, err);
	if (e < 0)
		return e;
	c = container_new(a, request->container);
	if (!c)
		return err_sys(err, ENOMEM, "container");
	c->namespaces = ns.entered;
	c->owns_network = namespaces_own_network(&ns);
	e = prepare(c, &ns, request, err);
	if (e < 0)
		launch_narrow_code(err);
	else
		e = create_process(c, &ns, request, r, err);
	if (e < 0) {
		if (c->cgroup.fd >= 0)
			(void)!cgroup_remove(&c->cgroup);
		container_free(c);
	}
	return e < 0 ? -err->code : 0;
}

static int check_exec(
	const struct container *c, const Vmrun__Agent__ExecRequest *request, struct err *err)
{
	if (!container_alive(c))
		return err_set(err, EBUSY, "container %s is not running", c->id);
	if (c->paused && !request->ignore_paused)
		return err_set(err, EBUSY, "container %s is paused", c->id);
	if (request->process[0] == '\0')
		return err_set(err, EINVAL, "exec: no process id");
	if (process_find(c, request->process))
		return err_set(err, EEXIST, "process %s of container %s exists already",
			request->process, c->id);
	return check_process(request->spec, err);
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
	r = descriptors_open(p, spec, &child->descriptors, err);
	if (r == 0)
		r = give_pipes(c, child, err);
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
	e = process_new(
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

static bool all_ended(const struct container *c)
{
	list_for_each (p, &c->processes, struct process, link)
		if (p->state != PROCESS_EXITED)
			return false;
	return true;
}

/* Ends when its processes are reaped and its cgroup is empty; both call here again. */
static void go_on_removing(struct container *c)
{
	Vmrun__Agent__Empty empty = VMRUN__AGENT__EMPTY__INIT;
	struct rpc_request *create;
	struct list removals;
	struct err err;
	int r;

	if (!all_ended(c))
		return;
	r = cgroup_remove(&c->cgroup);
	if (r < 0 && cgroup_read_key(&c->cgroup, "cgroup.events", "populated"))
		return;
	if (r < 0)
		kmsg_line(KMSG_WARNING, "cgroup of container %s stays behind: %s", c->id,
			strerror(-r));
	list_for_each (p, &c->processes, struct process, link)
		process_conclude(p);
	create = steal_ptr(&c->failed_create);
	err = c->create_err;
	list_init(&removals);
	list_for_each_safe (w, &c->removals, struct parked, link) {
		list_del(&w->link);
		list_add_tail(&removals, &w->link);
	}
	container_free(c);
	/* Whoever gets the answer may use the id again. */
	if (create)
		rpc_reply_err(create, &err);
	parked_reply_all(&removals, &empty.base);
}

void container_remove(struct container *c, struct rpc_request *r)
{
	if (r)
		parked_add(&c->removals, r);
	c->removing = true;
	(void)!container_kill(c, SIGKILL);
	go_on_removing(c);
}

void container_process_ended(struct container *c)
{
	const struct process *first = container_first(c);

	if (first && first->state == PROCESS_EXITED)
		sd_notify_ended(c->sd_notify);
	/* Also where it was not the first of a pid namespace of its own. */
	if (first && first->state == PROCESS_EXITED && c->cgroup.fd >= 0)
		(void)!cgroup_kill(&c->cgroup);
	if (c->removing)
		go_on_removing(c);
}

void container_pause(struct container *c, struct rpc_request *r)
{
	Vmrun__Agent__Empty empty = VMRUN__AGENT__EMPTY__INIT;
	struct err err = ERR_NONE;
	int e;

	if (!container_alive(c)) {
		rpc_reply_error(r, RPC_FAILED_PRECONDITION, "the container is not running");
		return;
	}
	e = c->cgroup.fd >= 0 ? cgroup_freeze(&c->cgroup, true) : -EOPNOTSUPP;
	if (e < 0) {
		err_sys(&err, -e, "pause of container %s", c->id);
		rpc_reply_err(r, &err);
		return;
	}
	c->paused = true;
	if (cgroup_read_key(&c->cgroup, "cgroup.events", "frozen"))
		rpc_reply(r, &empty.base);
	else
		parked_add(&c->freezes, r);
}

void container_resume(struct container *c, struct rpc_request *r)
{
	Vmrun__Agent__Empty empty = VMRUN__AGENT__EMPTY__INIT;
	struct err err = ERR_NONE;
	int e = c->cgroup.fd >= 0 ? cgroup_freeze(&c->cgroup, false) : -EOPNOTSUPP;

	if (e < 0) {
		err_sys(&err, -e, "resume of container %s", c->id);
		rpc_reply_err(r, &err);
		return;
	}
	c->paused = false;
	parked_fail_all(&c->freezes, RPC_FAILED_PRECONDITION, "the container was resumed");
	rpc_reply(r, &empty.base);
}

static void conn_closed(struct container *c, const struct rpc_conn *conn)
{
	const struct process *first;
	bool unstarted = false;

	list_for_each_safe (p, &c->processes, struct process, link) {
		bool is_first = p->id[0] == '\0', opened = p->opened;

		listener_conn_closed(p->listener, conn);
		if (process_conn_closed(p, conn) && is_first && !opened)
			unstarted = true;
	}
	parked_drop_conn(&c->freezes, conn);
	sockets_conn_closed(c->sockets, conn);
	sd_notify_conn_closed(c->sd_notify, conn);
	parked_drop_conn(&c->removals, conn);
	first = container_first(c);
	if (unstarted && first)
		container_remove(c, NULL);
}

void containers_conn_closed(struct agent *a, const struct rpc_conn *conn)
{
	list_for_each_safe (c, &a->containers, struct container, link)
		conn_closed(c, conn);
}

void containers_free(struct agent *a)
{
	list_for_each_safe (c, &a->containers, struct container, link) {
		(void)!container_kill(c, SIGKILL);
		container_free(c);
	}
}
