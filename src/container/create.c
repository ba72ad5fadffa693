/* create: see container.h. Steps in order; whatever fails, all that was made before it goes. */
#include "agent/calls.h"
#include "base/fd.h"
#include "base/log.h"
#include "base/path.h"
#include "base/timeline.h"
#include "container/container.h"
#include "container/descriptors.h"
#include "container/hooks.h"
#include "container/joins.h"
#include "container/process.h"
#include "container/sd_notify.h"
#include "container/seccomp_agent.h"
#include "container/shares.h"
#include "container/userns.h"
#include "oci/annotations.h"
#include "oci/check.h"
#include "oci/parse.h"
#include "oci/to_agent.h"
#include "pod/cgroup.h"
#include "pod/find.h"
#include "pod/limits.h"
#include "pod/rootless.h"

#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <stdio.h>
#include <sys/wait.h>
#include <time.h>

#define CREATE_TIMEOUT_MS 120000
#define DELETE_TIMEOUT_MS 10000
#define CONFIG_MAX_BYTES  (8 << 20)

/* A create at work: everything it has made so far. */
struct create {
	const struct runtime *rt;
	const struct create_options *options;
	struct rootless rootless;
	int bundle_dir;
	char bundle[PATH_MAX];
	struct buf config; /* config.json as it was read */
	struct spec *spec;
	struct conf conf;
	struct share_options share_options; /* where no annotation says more */
	struct pod_wish wish;
	struct pod_found found;
	struct joins joins;
	struct state *state;
	int cgroup_fd;
	struct shares shares;
	struct notify notify;
	struct stdio *stdio;
	struct descriptors descriptors;
	struct sd_notify sd_notify;
	pid_t anchor;
	bool environment; /* the container's is there: its end is one for the poststop hooks */
};

static const char *config_of(const struct create *c)
{
	return c->options->config ? c->options->config : "config.json";
}

static int read_bundle(struct create *c, struct err *err)
{
	AUTO(strv_done) struct strv warnings = { 0 };
	int r;

	if (!realpath(c->options->bundle, c->bundle))
		return err_sys(err, errno, "bundle %s", c->options->bundle);
	c->bundle_dir = open(c->bundle, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (c->bundle_dir < 0)
		return err_sys(err, errno, "bundle %s", c->bundle);
	r = file_read(c->bundle_dir, config_of(c), CONFIG_MAX_BYTES, &c->config, err);
	if (r < 0)
		return *config_of(c) == '/' ? r : err_prefix(err, "%s/", c->bundle);
	r = spec_parse(config_of(c), c->config.data, c->config.len, &c->spec, err);
	if (r == 0)
		r = spec_check(c->spec, &warnings, err);
	if (r == 0)
		r = rootless_translate(&c->rootless, c->spec, err);
	for (size_t i = 0; r == 0 && i < warnings.n; i++)
		log_debug("%s", warnings.v[i]);
	timeline("config.json");
	return r;
}

static int read_settings(struct create *c, const char *id, struct err *err)
{
	struct share_options root;
	int r = conf_read(c->rt->config_file, &c->conf, err);

	if (r == 0 && c->conf.strict)
		r = spec_check_strict(c->spec, err);
	if (r == 0)
		r = share_options_from(c->conf.share_cache, c->conf.share_locks, &c->share_options);
	if (r == 0)
		r = share_options_of(c->spec, "/", &c->share_options, &root, err);
	if (r < 0)
		return r;
	c->wish = (struct pod_wish){
		.rt = c->rt,
		.spec = c->spec,
		.conf = &c->conf,
		.rootless = &c->rootless,
		.container = id,
		.root_locks = root.locks == SHARE_LOCKS_HOST,
		.volumes = mount_any_shared(c->spec),
	};
	r = pod_name_read(c->spec, &c->wish.named, err);
	return r ? r : pod_wish_read(&c->wish, &c->found, err);
}

static int now_text(char **ret)
{
	struct timespec ts;
	struct tm tm;
	char text[40];

	clock_gettime(CLOCK_REALTIME, &ts);
	gmtime_r(&ts.tv_sec, &tm);
	strftime(text, sizeof(text), "%Y-%m-%dT%H:%M:%S", &tm);
	return asprintf(ret, "%s.%09ldZ", text, ts.tv_nsec) < 0 ? -ENOMEM : 0;
}

static int make_state(struct create *c, const char *id, struct err *err)
{
	struct state *s;
	int r = state_create(c->rt->root, id, &c->state, err);

	if (r < 0)
		return r;
	s = c->state;
	s->owner_uid = c->rootless.uid;
	r = now_text(&s->created);
	for (size_t i = 0; r == 0 && i < c->spec->annotations.n; i++) {
		r = strv_add(&s->annotations, c->spec->annotations.v[i].key);
		if (r == 0)
			r = strv_add(&s->annotations, c->spec->annotations.v[i].value);
	}
	s->oci_version = strdup(c->spec->oci_version);
	s->bundle = strdup(c->bundle);
	if (r < 0 || !s->oci_version || !s->bundle)
		return err_sys(err, ENOMEM, "state");
	r = state_set_pod(s, pod_wished_name(&c->wish), err);
	return r ? r : state_write(s, "config.json", c->config.data, c->config.len, err);
}

/* The pod's directory is there for the container's other commands, too. */
static int enter_pod(struct create *c, struct err *err)
{
	int r = pod_find_or_boot(&c->found, err);

	if (r < 0)
		return r;
	c->state->pod_dir = fcntl(c->found.pod->dir, F_DUPFD_CLOEXEC, 3);
	return c->state->pod_dir < 0 ? err_sys(err, errno, "pod") : 0;
}

static int copy_list(const struct strv *from, struct strv *to)
{
	int r = 0;

	for (size_t i = 0; r == 0 && i < from->n; i++)
		r = strv_add(to, from->v[i]);
	return r;
}

/* That of a container alone is where its machine is. */
static int make_cgroup(struct create *c, const char *id, struct err *err)
{
	const struct pod *pod = c->found.pod;
	const char *asked = c->spec->linux.cgroups_path;
	struct state *s = c->state;
	AUTO_FREE char *path = NULL;
	int r;

	s->cgroups_of_pod = !pod->shared && c->found.booted;
	if (s->cgroups_of_pod) {
		r = copy_list(&pod->cgroups, &s->cgroups);
		if (r < 0)
			return err_sys(err, ENOMEM, "cgroups");
	} else {
		r = cgroup_path(asked, c->rt->systemd_cgroup, id, &path, err);
		if (r == 0)
			r = cgroup_make(
				path, asked && *asked == '/', &s->cgroups, &s->cgroup_parents, err);
		if (r == 0)
			r = state_save_cgroups(s, err);
	}
	if (r == 0)
		c->cgroup_fd = cgroup_open_v2(&s->cgroups);
	return r;
}

static int limit(struct create *c, enum limits_when when, struct err *err)
{
	struct limits_target target = state_limits_target(c->state, c->found.pod);

	return limits_apply(
		&target, &c->spec->linux.resources, c->spec->file, "linux.resources", when, err);
}

/* Those of a machine of its own are there before it boots. */
static int make_limits(struct create *c, struct err *err)
{
	if (c->state->cgroups.n == 0 && limits_any(&c->spec->linux.resources))
		log_warn("this user has no cgroup on the host: limits are kept in the guest alone");
	return c->state->cgroups_of_pod ? 0 : limit(c, LIMITS_BEFORE_BOOT, err);
}

/* The guest boots meanwhile. */
static int open_shares(struct create *c, struct err *err)
{
	int r = shares_open(&c->shares, c->spec, c->bundle_dir, c->bundle, &c->share_options, err);

	timeline("shares open");
	if (r < 0)
		return r;
	sd_notify_open(&c->sd_notify, c->options->notify_socket, c->spec, &c->shares);
	c->state->rootfs = strdup(c->shares.rootfs_path);
	return c->state->rootfs ? 0 : err_sys(err, ENOMEM, "state");
}

/* The request with the state in it that startContainer hooks read. */
static int make_request(struct create *c, struct agent_placement *placement,
	Vmrun__Agent__CreateContainerRequest **ret, struct err *err)
{
	AUTO(buf_done) struct buf text = { 0 };
	enum status status = hooks_status(HOOK_START_CONTAINER);
	int r = state_print_as(c->state, status, 0, &text, &placement->hook_state_pid_at);

	if (r < 0)
		return err_sys(err, -r, "state for hooks");
	placement->hook_state = &text;
	r = spec_to_agent(c->spec, placement, ret, err);
	placement->hook_state = NULL;
	return r;
}

/* What is not of config.json. */
static int add_given(
	struct create *c, Vmrun__Agent__CreateContainerRequest *request, struct err *err)
{
	int r = process_inherit_limits(request->process, err);

	if (r == 0)
		r = descriptors_describe(&c->descriptors, request->process, err);
	stdio_describe(c->stdio, request->process->stdio);
	if (r < 0 || c->sd_notify.fd < 0)
		return r;
	request->sd_notify_path = strdup(c->sd_notify.path);
	if (!request->sd_notify_path)
		return err_sys(err, ENOMEM, "NOTIFY_SOCKET");
	if (!c->sd_notify.own)
		return 0;
	r = process_set_env(request->process, "NOTIFY_SOCKET", c->sd_notify.path, err);
	return r ? r : state_mark(c->state, SD_NOTIFY_MARKER, true, err);
}

static int share_all(struct create *c, struct err *err)
{
	bool watch = streq(c->conf.share_events, "on");
	char prefix[16];
	int r = shares_add(&c->shares, c->found.number, watch, c->found.ctl, err);

	snprintf(prefix, sizeof(prefix), "%u.", c->found.number);
	if (r == 0)
		r = descriptors_share(&c->descriptors, c->found.ctl, prefix, err);
	timeline("shared");
	return r < 0 ? pod_explain(&c->found, r, err) : 0;
}

static int make_in_guest(struct create *c, const char *id, struct err *err)
{
	AUTO(agent_create_request_free) Vmrun__Agent__CreateContainerRequest *request = NULL;
	struct agent_placement placement = {
		.container = id,
		.rootfs = { .share = c->shares.rootfs_name,
			.path = "",
			.submounts = &c->shares.rootfs_submounts },
		.binds = c->shares.agent_binds,
		.bind_count = c->shares.count,
		.joins = c->joins.container,
	};
	int r = make_request(c, &placement, &request, err);

	if (r == 0)
		r = add_given(c, request, err);
	if (r < 0)
		return r;
	timeline("request ready");
	r = pod_ready(&c->found, err);
	if (r < 0)
		return r;
	r = stdio_connect(c->stdio, c->found.ctl, err);
	if (r == 0)
		r = agent_call_create_container(
			c->found.agent, request, CREATE_TIMEOUT_MS, NULL, err);
	r = pod_configured(&c->found, r, err);
	timeline("container made");
	return r ? r : stdio_connected(c->stdio, c->found.ctl, err);
}

static int hooks_outside(void *arg, pid_t anchor, struct err *err)
{
	const struct create *c = arg;
	int r = hooks_run(&c->spec->hooks, HOOK_PRESTART, c->state, anchor, err);

	if (r == 0)
		r = hooks_run(&c->spec->hooks, HOOK_CREATE_RUNTIME, c->state, anchor, err);
	timeline("hooks on the host");
	return r;
}

static int hooks_inside(void *arg, struct err *err)
{
	const struct create *c = arg;

	return hooks_run(&c->spec->hooks, HOOK_CREATE_CONTAINER, c->state, getpid(), err);
}

static bool has_create_hooks(const struct create *c)
{
	const struct spec_hooks *hooks = &c->spec->hooks;

	return hooks_any(hooks, HOOK_PRESTART) || hooks_any(hooks, HOOK_CREATE_RUNTIME) ||
	       hooks_any(hooks, HOOK_CREATE_CONTAINER);
}

/* The anchor's relays have sessions of their own. */
static int add_sockets(const struct create *c, struct anchor_socket *sockets,
	struct anchor_spec *spec, struct err *err)
{
	int pod = c->state->pod_dir;
	unsigned bound;
	int r = 0;

	spec->sockets = sockets;
	for (size_t i = 0; i < c->shares.count; i++)
		if (c->shares.bind[i].is_socket)
			sockets[spec->socket_count++] =
				(struct anchor_socket){ .fd = c->shares.bind[i].fd,
					.share = c->shares.bind[i].name };
	bound = spec->socket_count;
	descriptors_add_sockets(&c->descriptors, sockets, &spec->socket_count);
	if (bound)
		r = process_relay_session(pod, &spec->relay_ctl_fd, &spec->relay_agent_fd, err);
	if (r == 0 && spec->socket_count > bound)
		r = process_relay_session(pod, &spec->listen_ctl_fd, &spec->listen_agent_fd, err);
	return r;
}

/* As with runc: whoever stays in the foreground is the service's main process. */
static pid_t main_pid(const struct create *c)
{
	if (!c->sd_notify.own)
		return 0;
	return c->options->foreground ? getpid() : ANCHOR_MAIN_SELF;
}

/* As far as it was not born there. */
static int place_anchor(const struct create *c, struct err *err)
{
	if (c->state->cgroups_of_pod)
		return pod_add_process(&c->found, c->anchor, err);
	return c->cgroup_fd < 0 ? cgroup_add(&c->state->cgroups, c->anchor, err) : 0;
}

static int start_anchor(struct create *c, const char *id, struct err *err)
{
	/*
	 * Hooks of create run while the guest waits at its gate and the anchor's "/" is not yet
	 * the container's. What they write below the rootfs is in the guest at once, through the
	 * share; what they mount is not.
	 */
	struct anchor_pause pause = {
		.rootfs = c->shares.rootfs_path,
		.outside = hooks_outside,
		.inside = hooks_inside,
		.arg = c,
	};
	AUTO_FREE struct anchor_mount *mounts = calloc(c->shares.count + 1, sizeof(*mounts));
	AUTO_FREE struct anchor_socket *sockets =
		calloc(c->shares.count + DESCRIPTORS_MAX, sizeof(*sockets));
	AUTO_CLOSE int log = openat(c->state->pod_dir, "console.log", O_RDONLY | O_CLOEXEC);
	AUTO_CLOSE int memory = cgroup_open_memory(&c->state->cgroups);
	struct anchor_spec spec = ANCHOR_SPEC_INIT;
	int r;

	spec.container = id;
	spec.process = "";
	spec.ctl_fd = c->found.ctl;
	spec.record_dir_fd = c->state->dir;
	spec.log_fd = log;
	spec.memory_fd = memory;
	spec.cgroup_fd = c->cgroup_fd;
	spec.created_namespaces = joins_created(&c->joins, c->spec);
	spec.joined = c->joins.joined;
	spec.joined_count = c->joins.joined_count;
	spec.rootfs_fd = c->shares.rootfs_fd;
	spec.mounts = mounts;
	spec.mount_count = (unsigned)c->shares.count;
	spec.pause = has_create_hooks(c) ? &pause : NULL;
	spec.sd_notify_fd = c->sd_notify.fd;
	spec.main_pid = main_pid(c);
	if (!mounts || !sockets)
		return err_sys(err, ENOMEM, "anchor");
	/* However the machine ends, the anchor hears of it. */
	r = vmclient_ask(c->found.ctl, VMCTL_WATCH, err);
	if (r < 0)
		return r;
	for (size_t i = 0; i < c->shares.count; i++)
		mounts[i] = (struct anchor_mount){
			.fd = c->shares.bind[i].fd,
			.destination = c->shares.binds[i].destination,
			.read_only = c->shares.binds[i].read_only,
		};
	r = add_sockets(c, sockets, &spec, err);
	if (r == 0)
		r = notify_describe(&c->notify, c->state, 0, &spec, err);
	if (r == 0)
		r = process_anchor(&spec, c->stdio, c->found.ctl, &c->anchor, err);
	close_fd(&spec.relay_agent_fd);
	close_fd(&spec.relay_ctl_fd);
	close_fd(&spec.listen_agent_fd);
	close_fd(&spec.listen_ctl_fd);
	if (r == 0)
		r = place_anchor(c, err);
	return r ? r : notify_send(&c->notify, c->state, STATUS_CREATING, c->anchor, err);
}

/* The point of no return: the pod outlives us, and the state says that it is there. */
static int commit(struct create *c, struct err *err)
{
	struct state *s = c->state;
	int r;

	if (pidref_get(c->anchor, &s->anchor) < 0)
		return err_set(err, ESRCH, "the container ended while it was created");
	r = state_save(s, err);
	if (r == 0)
		r = process_pid_file(c->options->pid_file, c->anchor, err);
	if (r == 0)
		r = process_pidfd_socket(c->options->pidfd_socket, c->anchor, err);
	timeline("created");
	return r;
}

/* Of a guest that goes on without it. */
static void undo_in_guest(struct create *c)
{
	Vmrun__Agent__ContainerRequest in = VMRUN__AGENT__CONTAINER_REQUEST__INIT;
	struct err ignored = ERR_NONE;

	if (!c->found.agent || pod_is_last(c->found.pod, c->state->id))
		return;
	in.container = c->state->id;
	(void)!agent_call_delete_container(c->found.agent, &in, DELETE_TIMEOUT_MS, NULL, &ignored);
}

static void undo(struct create *c)
{
	struct err ignored = ERR_NONE;

	if (c->anchor > 0) {
		kill(c->anchor, SIGKILL);
		waitpid(c->anchor, NULL, 0);
	}
	if (!c->state)
		return;
	if (c->found.pod)
		undo_in_guest(c);
	/* With the lock on the pod, which is left next. */
	pod_found_done(&c->found);
	(void)!state_remove(c->state, &ignored);
	if (c->environment)
		hooks_run_poststop(&c->spec->hooks, c->state);
}

static int run_steps(struct create *c, const char *id, struct err *err)
{
	int r = id_check(id, err);

	/* Before anything is opened: descriptors stay in the mount namespace that they are of. */
	if (r == 0)
		r = rootless_enter(&c->rootless, err);
	if (r == 0)
		r = read_bundle(c, err);
	if (r == 0)
		r = read_settings(c, id, err);
	if (r == 0)
		r = notify_open(c->spec->linux.seccomp, c->spec->file, &c->notify, err);
	if (r == 0)
		r = descriptors_open(&c->descriptors, c->options->passed, err);
	if (r == 0)
		r = make_state(c, id, err);
	if (r == 0)
		r = process_stdio(c->stdio, c->spec->process->terminal, c->options->console_socket,
			c->options->foreground, err);
	if (r == 0)
		r = descriptors_add_streams(&c->descriptors, c->stdio, err);
	if (r == 0)
		r = enter_pod(c, err);
	if (r == 0)
		r = make_cgroup(c, id, err);
	if (r == 0)
		r = make_limits(c, err);
	if (r == 0)
		r = joins_find(&c->joins, c->spec, c->found.pod, c->wish.named.sandbox, err);
	if (r == 0)
		r = userns_resolve(c->spec, err);
	if (r == 0)
		r = open_shares(c, err);
	if (r == 0)
		r = share_all(c, err);
	if (r == 0)
		r = make_in_guest(c, id, err);
	c->environment = r == 0;
	if (r == 0)
		r = start_anchor(c, id, err);
	if (r == 0)
		r = limit(c, LIMITS_AFTER_BOOT, err);
	if (r == 0)
		r = commit(c, err);
	return r;
}

static void hand_over(struct create *c, struct attached *ret)
{
	*ret = (struct attached){
		.anchor = c->anchor,
		.foreground = c->options->foreground,
		.stdio = c->stdio,
		.fresh = {
			.state = steal_ptr(&c->state),
			.spec = steal_ptr(&c->spec),
			.agent = steal_ptr(&c->found.agent),
		},
	};
}

int container_create(const struct runtime *rt, const char *id, const struct create_options *options,
	struct attached *ret, struct err *err)
{
	struct stdio *stdio = malloc(sizeof(*stdio));
	struct create c = {
		.rt = rt,
		.options = options,
		.rootless = ROOTLESS_INIT,
		.bundle_dir = -1,
		.cgroup_fd = -1,
		.found = POD_FOUND_INIT,
		.shares = SHARES_INIT,
		.notify = NOTIFY_INIT,
		.sd_notify = SD_NOTIFY_INIT,
		.stdio = stdio,
	};
	int r;

	if (!stdio)
		return err_sys(err, ENOMEM, "create");
	*stdio = (struct stdio)STDIO_INIT;
	r = run_steps(&c, id, err);
	if (r < 0)
		undo(&c);
	else if (ret)
		hand_over(&c, ret);
	pod_found_done(&c.found);
	joins_done(&c.joins);
	descriptors_release(options->passed);
	sd_notify_done(&c.sd_notify);
	shares_done(&c.shares);
	notify_done(&c.notify);
	conf_done(&c.conf);
	spec_free(c.spec);
	buf_done(&c.config);
	state_free(c.state);
	rootless_done(&c.rootless);
	close_fd(&c.cgroup_fd);
	close_fd(&c.bundle_dir);
	if (r == 0 && ret)
		return 0;
	stdio_done(stdio);
	free(stdio);
	return r;
}
