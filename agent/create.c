/* The creation of a container: see create.h. The loop's thread only. */
#include "agent/create.h"

#include "agent/child.h"
#include "agent/container.h"
#include "agent/devices.h"
#include "agent/launch.h"
#include "agent/life.h"
#include "agent/sd_notify.h"
#include "agent/sockets.h"
#include "base/path.h"

#include <sched.h>
#include <stdlib.h>
#include <string.h>

static int check_create(
	const struct agent *a, const Vmrun__Agent__CreateContainerRequest *request, struct err *err)
{
	int r = id_check(request->container, err);

	if (r < 0)
		return r;
	if (container_find(a, request->container))
		return err_set(err, EEXIST, "container %s exists already", request->container);
	return child_check(request->process, err);
}

/* For namespaces_plan(): what a container that runs has to join. */
static int find_owner(void *arg, const char *id, struct namespaces_owner *ret, struct err *err)
{
	const struct agent *a = arg;
	const struct container *c = container_find(a, id);

	if (!c || !container_alive(c))
		return err_set(err, EINVAL, "container %s, whose namespace is to be joined, %s", id,
			c ? "is not running" : "does not exist");
	*ret = (struct namespaces_owner){
		.pidfd = container_first(c)->pidfd,
		.entered = c->namespaces,
		.owns_network = c->owns_network,
		.maps = &c->maps,
	};
	return 0;
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

/* from: of the user namespace that it joins, or NULL. */
static int keep_maps(struct container *c, const struct id_maps *from,
	const Vmrun__Agent__CreateContainerRequest *request, struct err *err)
{
	struct id_maps *to = &c->maps;
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

/* What stays with the container whatever becomes of its process. */
static int prepare(struct container *c, const struct namespaces *ns,
	const Vmrun__Agent__CreateContainerRequest *request, struct err *err)
{
	int r = device_filter_compile(
		(const Vmrun__Agent__DeviceRule *const *)request->device_rules,
		request->n_device_rules, &c->device_filter, err);

	if (r == 0)
		r = keep_maps(c, ns->user_asked ? ns->user_of.maps : NULL, request, err);
	if (r == 0)
		r = execution_read(request, &c->execution, err);
	if (r == 0 && c->agent->cgroups)
		r = cgroup_create(c->agent->cgroups, c->id,
			(const Vmrun__Agent__CgroupSetting *const *)request->cgroup,
			request->n_cgroup, container_cgroup_changed, c, &c->cgroup, err);
	return r;
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
	int r = container_open_descriptors(p, request->process, &child->descriptors, err);

	if (r == 0)
		r = child_give_pipes(child, &c->maps, err);
	if (r == 0)
		r = mount_sources_open(c->agent, request, &child->sources, err);
	if (r == 0)
		r = sockets_open(c->agent, request, &child->sources, &c->sockets, err);
	if (r == 0)
		r = sd_notify_open(c->agent, request, &child->sources, &c->sd_notify, err);
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
	int e = container_add_process(
		c, "", request->process, rpc_request_conn(r), child.stdio, &p, err);

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
		e = namespaces_plan(request, find_owner, a, &ns, err);
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
