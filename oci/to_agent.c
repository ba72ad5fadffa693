/*
 * A configuration to the agent's CreateContainerRequest. The sections are a list of functions; here
 * is decided what a VM does differently from a container on the host.
 */
#include "base/str.h"
#include "oci/bit_list.h"
#include "oci/mounts.h"
#include "oci/namespaces.h"
#include "oci/one_line.h"
#include "oci/resources.h"
#include "oci/scheduling.h"
#include "oci/to_agent_own.h"

#include <sys/mount.h>
#include <sys/personality.h>
#include <time.h>

typedef Vmrun__Agent__CreateContainerRequest request;

static void make_share(struct maker *m, const struct agent_bind *from, Vmrun__Agent__ShareRef **to)
{
	Vmrun__Agent__ShareRef *share = make_message(m, &vmrun__agent__share_ref__descriptor);

	*to = share;
	if (!share)
		return;
	make_str(m, &share->share, from->share);
	make_str(m, &share->path, from->path);
	share->volume = from->is_volume;
	if (from->submounts)
		make_strings(m, &share->submounts, &share->n_submounts,
			&(struct spec_strings){
				(const char **)(void *)from->submounts->v, from->submounts->n });
}

static int make_root(
	struct maker *m, const struct spec *spec, const struct agent_placement *at, request *to)
{
	make_str(m, &to->container, at->container);
	make_share(m, &at->rootfs, &to->rootfs);
	to->rootfs_readonly = spec->root->readonly;
	if (spec->linux.rootfs_propagation)
		to->rootfs_propagation = mount_propagation(spec->linux.rootfs_propagation);
	make_str(m, &to->hostname, spec->hostname);
	make_str(m, &to->domainname, spec->domainname);
	return 0;
}

static void make_namespace(struct maker *m, int kind, const char *join, request *to)
{
	Vmrun__Agent__Namespace *ns = make_item(
		m, &to->namespaces, &to->n_namespaces, &vmrun__agent__namespace__descriptor);

	if (!ns)
		return;
	ns->kind = (Vmrun__Agent__Namespace__Kind)kind;
	make_str(m, &ns->join_container, join);
}

static int refuse_path(struct maker *m, size_t i, const char *path)
{
	err_set(m->err, ENOTSUP,
		"%s: linux.namespaces[%zu].path: a guest cannot join the host's %.80s", m->file, i,
		path);
	one_line(m->err->msg);
	return -ENOTSUP;
}

static bool has_user_namespace(const struct spec *spec)
{
	for (size_t i = 0; i < spec->linux.namespaces.n; i++)
		if (streq(spec->linux.namespaces.v[i].type, "user"))
			return true;
	return false;
}

/*
 * The guest's first network namespace is the pod's, so a container needs none of its own, unless it
 * has a user namespace: root of that is to own its network (ports, sysctls, raw sockets).
 */
static bool is_the_pods(const struct spec *spec, int kind, const char *join)
{
	return kind == VMRUN__AGENT__NAMESPACE__KIND__NETWORK && !join && !has_user_namespace(spec);
}

/* Whatever path a network has on the host, a guest's is its own. */
static bool is_by_path(const struct spec_namespace *ns, int kind)
{
	return ns->path && kind != VMRUN__AGENT__NAMESPACE__KIND__NETWORK;
}

/* A mount namespace it always has: its mounts must not become the agent's. */
static int make_namespaces(
	struct maker *m, const struct spec *spec, const struct agent_placement *at, request *to)
{
	bool has_mount = false;

	make_list(m, &to->namespaces, spec->linux.namespaces.n + 1);
	for (size_t i = 0; i < spec->linux.namespaces.n; i++) {
		const struct spec_namespace *ns = &spec->linux.namespaces.v[i];
		const char *join = at->joins ? at->joins[i] : NULL;
		int kind = namespace_number(ns->type);

		if (is_the_pods(spec, kind, join))
			continue;
		if (is_by_path(ns, kind) && !join)
			return refuse_path(m, i, ns->path);
		has_mount = has_mount || kind == VMRUN__AGENT__NAMESPACE__KIND__MOUNT;
		make_namespace(m, kind, join, to);
	}
	if (!has_mount)
		make_namespace(m, VMRUN__AGENT__NAMESPACE__KIND__MOUNT, NULL, to);
	return 0;
}

static void make_mapping_list(struct maker *m, const struct spec_id_mappings *from,
	Vmrun__Agent__IdMapping ***to, size_t *n)
{
	make_list(m, to, from->n);
	for (size_t i = 0; i < from->n; i++) {
		Vmrun__Agent__IdMapping *map =
			make_item(m, to, n, &vmrun__agent__id_mapping__descriptor);

		if (!map)
			return;
		map->container_id = from->v[i].container_id;
		map->host_id = from->v[i].host_id;
		map->size = from->v[i].size;
	}
}

static int make_mappings(
	struct maker *m, const struct spec *spec, const struct agent_placement *at, request *to)
{
	(void)at;
	make_mapping_list(m, &spec->linux.uid_mappings, &to->uid_mappings, &to->n_uid_mappings);
	make_mapping_list(m, &spec->linux.gid_mappings, &to->gid_mappings, &to->n_gid_mappings);
	return 0;
}

/*
 * The guest has cgroup v2 only: whatever version of cgroup file systems the caller believes in,
 * that is what gets mounted, without v1's options.
 */
static void make_file_system(struct maker *m, const struct spec_mount *from,
	struct mount_options *options, Vmrun__Agent__Mount *to)
{
	bool cgroup = from->type && streq(from->type, "cgroup");

	make_str(m, &to->type, cgroup ? "cgroup2" : from->type);
	make_str(m, &to->source, from->source);
	if (cgroup || options->data.len == 0)
		return;
	make_str(m, &to->data, buf_str(&options->data));
	m->out_of_memory = m->out_of_memory || !buf_str(&options->data);
}

/*
 * A bind has the options of the host's mount that its source is on, as under runc: all of them when
 * it names none itself. When it does, these take their place, but for how access times are kept,
 * and for what a user namespace cannot take away.
 */
static void inherit_flags(const struct spec *spec, uint64_t host, Vmrun__Agent__Mount *to)
{
	const uint64_t times = MS_NOATIME | MS_NODIRATIME | MS_RELATIME | MS_STRICTATIME;
	const uint64_t locked = MS_RDONLY | MS_NOSUID | MS_NODEV | MS_NOEXEC;

	if (!(to->flags & ~(uint64_t)(MS_BIND | MS_REC)) && !to->flags_cleared) {
		to->flags |= host;
		return;
	}
	if (!(to->flags & times)) {
		to->flags |= host & times;
		to->flags_cleared &= ~times;
	}
	if (has_user_namespace(spec))
		to->flags |= host & locked & ~to->flags_cleared;
}

static int make_bind(struct maker *m, const struct spec *spec, size_t i,
	const struct agent_placement *at, size_t *next, Vmrun__Agent__Mount *to)
{
	const struct agent_bind *bind;

	if (*next >= at->bind_count)
		return err_set(m->err, EINVAL, "%s: mounts[%zu]: there is no share for its source",
			m->file, i);
	bind = &at->binds[(*next)++];
	make_str(m, &to->type, "bind");
	make_share(m, bind, &to->share);
	to->source_is_file = bind->is_file;
	inherit_flags(spec, bind->host_flags, to);
	return 0;
}

static int make_mounts(
	struct maker *m, const struct spec *spec, const struct agent_placement *at, request *to)
{
	size_t next = 0;
	int r = 0;

	make_list(m, &to->mounts, spec->mounts.n);
	for (size_t i = 0; r == 0 && i < spec->mounts.n; i++) {
		const struct spec_mount *from = &spec->mounts.v[i];
		AUTO(mount_options_done) struct mount_options o = { 0 };
		Vmrun__Agent__Mount *mount =
			make_item(m, &to->mounts, &to->n_mounts, &vmrun__agent__mount__descriptor);

		if (!mount || mount_options_read(from, &o) < 0) {
			m->out_of_memory = true;
			return 0;
		}
		make_str(m, &mount->destination, from->destination);
		mount->flags = o.flags;
		mount->flags_cleared = o.flags_cleared;
		mount->propagation = o.propagation;
		mount->recursive_set = o.recursive_set;
		mount->recursive_clear = o.recursive_clear;
		mount->copy_up = o.copy_up;
		if (mount_is_shared(from))
			r = make_bind(m, spec, i, at, &next, mount);
		else
			make_file_system(m, from, &o, mount);
	}
	return r;
}

static int make_rules(
	struct maker *m, const struct spec *spec, const struct agent_placement *at, request *to)
{
	(void)at;
	make_device_rules(m, &spec->linux.resources, &to->device_rules, &to->n_device_rules);
	return 0;
}

static int make_paths(
	struct maker *m, const struct spec *spec, const struct agent_placement *at, request *to)
{
	(void)at;
	make_strings(m, &to->masked_paths, &to->n_masked_paths, &spec->linux.masked_paths);
	make_strings(m, &to->readonly_paths, &to->n_readonly_paths, &spec->linux.readonly_paths);
	return 0;
}

static int make_sysctls(
	struct maker *m, const struct spec *spec, const struct agent_placement *at, request *to)
{
	(void)at;
	make_list(m, &to->sysctls, spec->linux.sysctl.n);
	for (size_t i = 0; i < spec->linux.sysctl.n; i++) {
		Vmrun__Agent__Sysctl *sysctl = make_item(
			m, &to->sysctls, &to->n_sysctls, &vmrun__agent__sysctl__descriptor);

		if (!sysctl)
			return 0;
		make_str(m, &sysctl->key, spec->linux.sysctl.v[i].key);
		make_str(m, &sysctl->value, spec->linux.sysctl.v[i].value);
	}
	return 0;
}

static int make_settings(struct maker *m, const struct spec_resources *resources,
	const char *prefix, Vmrun__Agent__CgroupSetting ***to, size_t *n)
{
	AUTO(cgroup_settings_done) struct cgroup_settings settings = { 0 };
	int r = resources_to_cgroup(resources, CGROUP_GUEST, m->file, prefix, &settings, m->err);

	if (r < 0)
		return r;
	make_list(m, to, settings.n);
	for (size_t i = 0; i < settings.n; i++) {
		Vmrun__Agent__CgroupSetting *setting =
			make_item(m, to, n, &vmrun__agent__cgroup_setting__descriptor);

		if (!setting)
			return 0;
		make_str(m, &setting->file, settings.v[i].file);
		make_str(m, &setting->value, settings.v[i].value);
		setting->optional = settings.v[i].optional;
	}
	return 0;
}

static int make_cgroup(
	struct maker *m, const struct spec *spec, const struct agent_placement *at, request *to)
{
	(void)at;
	return make_settings(
		m, &spec->linux.resources, "linux.resources.", &to->cgroup, &to->n_cgroup);
}

static int make_personality(
	struct maker *m, const struct spec *spec, const struct agent_placement *at, request *to)
{
	const struct spec_personality *p = spec->linux.personality;

	(void)m;
	(void)at;
	to->has_personality = p != NULL;
	if (p)
		to->personality = streq(p->domain, "LINUX32") ? PER_LINUX32 : PER_LINUX;
	return 0;
}

static int make_memory_policy(
	struct maker *m, const struct spec *spec, const struct agent_placement *at, request *to)
{
	const struct spec_memory_policy *from = spec->linux.memory_policy;
	Vmrun__Agent__MemoryPolicy *policy;

	(void)at;
	if (!from)
		return 0;
	policy = to->memory_policy = make_message(m, &vmrun__agent__memory_policy__descriptor);
	if (!policy)
		return 0;
	policy->mode = (uint32_t)scheduling_number(MEMORY_MODES, from->mode) |
		       (uint32_t)scheduling_flags(MEMORY_FLAGS, &from->flags);
	make_bits(m, from->nodes, NODE_MAX, &policy->nodes);
	return 0;
}

static int make_time_offsets(
	struct maker *m, const struct spec *spec, const struct agent_placement *at, request *to)
{
	(void)at;
	make_list(m, &to->time_offsets, spec->linux.time_offsets.n);
	for (size_t i = 0; i < spec->linux.time_offsets.n; i++) {
		const struct spec_time_offset *from = &spec->linux.time_offsets.v[i];
		Vmrun__Agent__TimeOffset *offset = make_item(m, &to->time_offsets,
			&to->n_time_offsets, &vmrun__agent__time_offset__descriptor);

		if (!offset)
			return 0;
		offset->clock = streq(from->clock, "monotonic") ? CLOCK_MONOTONIC : CLOCK_BOOTTIME;
		offset->secs = from->secs;
		offset->nanosecs = from->nanosecs;
	}
	return 0;
}

static int make_first_process(
	struct maker *m, const struct spec *spec, const struct agent_placement *at, request *to)
{
	(void)at;
	return make_process(m, spec->process, spec->linux.seccomp, &to->process);
}

static void make_bytes(struct maker *m, ProtobufCBinaryData *to, const uint8_t *data, size_t len)
{
	to->data = malloc(len ? len : 1);
	if (!to->data) {
		m->out_of_memory = true;
		return;
	}
	memcpy(to->data, data, len);
	to->len = len;
}

static void make_hook_state(struct maker *m, const struct agent_placement *at, request *to)
{
	const struct buf *text = at->hook_state;
	size_t pid = at->hook_state_pid_at;

	to->hook_state = make_message(m, &vmrun__agent__hook_state__descriptor);
	if (!to->hook_state || !text)
		return;
	make_bytes(m, &to->hook_state->before_pid, text->data, pid);
	make_bytes(m, &to->hook_state->after_pid, text->data + pid + 1, text->len - pid - 1);
}

/* The other kinds are the host's. */
static int make_hooks(
	struct maker *m, const struct spec *spec, const struct agent_placement *at, request *to)
{
	const struct spec_hook_list *list = &spec->hooks.start_container;

	if (list->n == 0)
		return 0;
	make_list(m, &to->start_hooks, list->n);
	for (size_t i = 0; i < list->n; i++) {
		const struct spec_hook *from = &list->v[i];
		Vmrun__Agent__Hook *hook = make_item(
			m, &to->start_hooks, &to->n_start_hooks, &vmrun__agent__hook__descriptor);

		if (!hook)
			return 0;
		make_str(m, &hook->path, from->path);
		make_strings(m, &hook->args, &hook->n_args, &from->args);
		hook->own_env = from->env.v != NULL;
		make_strings(m, &hook->env, &hook->n_env, &from->env);
		hook->timeout_s = from->timeout_s.is_set ? (uint64_t)from->timeout_s.value : 0;
	}
	make_hook_state(m, at, to);
	return 0;
}

static int (*const sections[])(
	struct maker *m, const struct spec *spec, const struct agent_placement *at, request *to) = {
	make_root,
	make_namespaces,
	make_mappings,
	make_mounts,
	make_devices,
	make_rules,
	make_paths,
	make_sysctls,
	make_cgroup,
	make_personality,
	make_memory_policy,
	make_time_offsets,
	make_first_process,
	make_hooks,
};

int spec_to_agent(
	const struct spec *spec, const struct agent_placement *at, request **ret, struct err *err)
{
	struct maker m = { .file = spec->file, .prefix = "", .err = err };
	AUTO(agent_create_request_free)
	request *to = make_message(&m, &vmrun__agent__create_container_request__descriptor);
	int r = make_result(&m);

	for (size_t i = 0; r == 0 && i < ARRAY_LEN(sections); i++) {
		r = sections[i](&m, spec, at, to);
		if (r == 0)
			r = make_result(&m);
	}
	if (r == 0)
		*ret = steal_ptr(&to);
	return r;
}

static uint64_t checked_limit(const struct opt_i64 *limit)
{
	return limit->is_set && limit->value > 0 ? (uint64_t)limit->value : 0;
}

int resources_to_agent(const struct spec_resources *resources, const char *file,
	const char *container, Vmrun__Agent__UpdateRequest **ret, struct err *err)
{
	struct maker m = { .file = file, .prefix = "", .err = err };
	AUTO(agent_update_request_free)
	Vmrun__Agent__UpdateRequest *to =
		make_message(&m, &vmrun__agent__update_request__descriptor);
	int r = make_result(&m);

	if (r == 0) {
		make_str(&m, &to->container, container);
		/* None: those that it has stay. */
		if (resources->devices.n)
			make_device_rules(&m, resources, &to->device_rules, &to->n_device_rules);
		r = make_settings(&m, resources, "", &to->cgroup, &to->n_cgroup);
	}
	if (r == 0)
		r = make_result(&m);
	if (r == 0 && resources->memory.check_before_update.value) {
		to->memory_above_use = checked_limit(&resources->memory.limit_bytes);
		to->memory_and_swap_above_use = checked_limit(&resources->memory.swap_bytes);
	}
	if (r == 0)
		*ret = steal_ptr(&to);
	return r;
}
