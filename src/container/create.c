/* create: see container.h. Steps in order; whatever fails, all that was made before it goes. */
#include "agent/agent.pb-c.h"
#include "base/fd.h"
#include "base/log.h"
#include "base/path.h"
#include "base/timeline.h"
#include "container/container.h"
#include "container/descriptors.h"
#include "container/hooks.h"
#include "container/process.h"
#include "container/sd_notify.h"
#include "container/seccomp_agent.h"
#include "container/shares.h"
#include "container/userns.h"
#include "oci/annotations.h"
#include "oci/check.h"
#include "oci/parse.h"
#include "oci/to_agent.h"
#include "pod/boot.h"
#include "pod/cgroup.h"
#include "pod/limits.h"
#include "pod/resctrl.h"
#include "pod/rootless.h"
#include "pod/vm_section.h"

#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <stdio.h>
#include <sys/wait.h>
#include <time.h>

#define CREATE_TIMEOUT_MS 120000
#define CONFIG_MAX_BYTES  (8 << 20)

/* A create at work: everything it has made so far. */
struct create {
	const struct runtime *rt;
	const struct create_options *options;
	struct rootless rootless;
	int root_dir, bundle_dir;
	char bundle[PATH_MAX];
	struct buf config; /* config.json as it was read */
	struct spec *spec;
	struct conf conf;
	struct share_options share_options; /* where no annotation says more */
	struct monitor_choice monitor;
	struct machine_shape shape;
	struct vm_section vm_section;
	struct state *state;
	int cgroup_fd;
	struct strv resctrl; /* the groups of linux.intelRdt that it is in */
	struct boot_spec boot;
	struct booted vm;
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
	if (r == 0)
		r = userns_resolve(c->spec, err);
	for (size_t i = 0; r == 0 && i < warnings.n; i++)
		log_debug("%s", warnings.v[i]);
	timeline("config.json");
	return r;
}

static uint32_t at_most(uint32_t value, uint64_t max)
{
	return value < max ? value : (uint32_t)max;
}

static const char *wanted_hypervisor(const struct create *c)
{
	return c->rt->hypervisor ? c->rt->hypervisor : c->conf.hypervisor;
}

static int read_settings(struct create *c, struct err *err)
{
	struct machine_shape defaults;
	int r = conf_read(c->rt->config_file, &c->conf, err);

	if (r == 0 && c->conf.strict)
		r = spec_check_strict(c->spec, err);
	if (r < 0)
		return r;
	defaults = (struct machine_shape){
		.vcpus = (uint32_t)c->conf.vcpus,
		.memory_mib = (uint32_t)c->conf.memory_mib,
	};
	r = machine_shape(c->spec, &defaults, &c->shape, err);
	c->shape.vcpus = at_most(c->shape.vcpus, c->conf.vcpus_max);
	c->shape.memory_mib = at_most(c->shape.memory_mib, c->conf.memory_max_mib);
	return r ? r
		 : vm_section_read(c->spec, c->shape.kernel_params, wanted_hypervisor(c), &c->conf,
			   &c->vm_section, err);
}

static int choose_monitor(struct create *c, struct err *err)
{
	const struct vm_section *s = &c->vm_section;
	const char *wanted = wanted_hypervisor(c);
	int r;

	if (s->hypervisor && streq(wanted, "auto"))
		wanted = s->hypervisor;
	r = monitor_choose(
		wanted, s->qemu ? s->qemu : c->conf.qemu, c->conf.cache_dir, &c->monitor, err);

	if (r == 0 && c->monitor.monitor == MONITOR_QEMU_TCG)
		log_warn("software emulation by QEMU: slow, and not a security boundary (%s)",
			c->monitor.reason);
	timeline("monitor chosen");
	return r;
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
	int r;

	c->root_dir = state_root_open(c->rt->root, true, err);
	if (c->root_dir < 0)
		return c->root_dir;
	r = state_create(c->root_dir, id, &c->state, err);
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
	return state_write(s, "config.json", c->config.data, c->config.len, err);
}

static int make_cgroup(struct create *c, const char *id, struct err *err)
{
	const char *asked = c->spec->linux.cgroups_path;
	AUTO_FREE char *path = NULL;
	int r = cgroup_path(asked, c->rt->systemd_cgroup, id, &path, err);

	if (r == 0)
		r = cgroup_make(path, asked && *asked == '/', &c->state->cgroups,
			&c->state->cgroup_parents, err);
	if (r == 0)
		r = state_save_cgroups(c->state, err);
	if (r == 0)
		c->cgroup_fd = cgroup_open_v2(&c->state->cgroups);
	return r;
}

static int limit(struct create *c, enum limits_when when, struct err *err)
{
	struct limits_target target = {
		.cgroups = &c->state->cgroups,
		.memory_mib = c->state->memory_mib,
		.overhead_mib = c->state->overhead_mib,
	};

	return limits_apply(
		&target, &c->spec->linux.resources, c->spec->file, "linux.resources", when, err);
}

static int record_groups(void *arg, struct err *err)
{
	const struct create *c = arg;

	return state_save_cgroups(c->state, err);
}

static int make_limits(struct create *c, const char *id, struct err *err)
{
	const struct spec_intel_rdt *rdt = c->spec->linux.intel_rdt;
	const char *root;
	int r;

	c->state->memory_mib = c->shape.memory_mib;
	c->state->overhead_mib = limits_overhead_mib(c->monitor.monitor, c->shape.memory_mib);
	r = limit(c, LIMITS_BEFORE_BOOT, err);
	if (r == 0 && c->state->cgroups.n == 0 && limits_any(&c->spec->linux.resources))
		log_warn("this user has no cgroup on the host: limits are kept in the guest alone");
	if (r < 0 || !rdt)
		return r;
	r = resctrl_root(&root, err);
	return r ? r
		 : resctrl_make(
			   root, rdt, id, &c->resctrl, &c->state->resctrl, record_groups, c, err);
}

/* A process of the host's side goes where the container's limits are. */
static int enter(void *arg, pid_t pid, struct err *err)
{
	struct create *c = arg;
	int r = c->cgroup_fd < 0 ? cgroup_add(&c->state->cgroups, pid, err) : 0;

	return r ? r : resctrl_add(&c->resctrl, pid, err);
}

/* Emulated processors beyond the first only make the emulator slower. */
static uint32_t spare_vcpus(const struct create *c)
{
	return c->monitor.monitor == MONITOR_QEMU_TCG
		       ? 0
		       : at_most((uint32_t)c->conf.vcpus_spare, c->conf.vcpus_max - c->shape.vcpus);
}

static int start_guest(struct create *c, struct err *err)
{
	struct share_options root;
	int r = share_options_from(c->conf.share_cache, c->conf.share_locks, &c->share_options);

	if (r == 0)
		r = share_options_of(c->spec, "/", &c->share_options, &root, err);
	if (r < 0)
		return r;
	c->boot = (struct boot_spec){
		.dir = c->state->dir,
		.conf = &c->conf,
		.monitor = &c->monitor,
		.vcpus = c->shape.vcpus,
		.vcpus_spare = spare_vcpus(c),
		.memory_mib = c->shape.memory_mib,
		.volumes = mount_any_shared(c->spec),
		.root_locks = root.locks == SHARE_LOCKS_HOST,
		.kernel = c->vm_section.kernel,
		.initrd = c->vm_section.initrd,
		.kernel_params = c->vm_section.parameters,
		.cgroup_fd = c->cgroup_fd,
		.mounts_fd = c->rootless.mounts,
		.enter = enter,
		.enter_arg = c,
	};
	return boot_start(&c->boot, &c->vm, err);
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

static int make_in_guest(struct create *c, const char *id, struct err *err)
{
	AUTO(agent_create_request_free) Vmrun__Agent__CreateContainerRequest *request = NULL;
	struct agent_placement placement = {
		.container = id,
		.rootfs = { .share = "0", .path = "", .submounts = &c->shares.rootfs_submounts },
		.binds = c->shares.agent_binds,
		.bind_count = c->shares.count,
	};
	int r = shares_add(&c->shares, streq(c->conf.share_events, "on"), c->vm.ctl, err);

	if (r == 0)
		r = descriptors_share(&c->descriptors, c->vm.ctl, "", false, err);
	if (r < 0)
		r = boot_explain(&c->boot, &c->vm, r, err);
	if (r == 0)
		r = make_request(c, &placement, &request, err);
	if (r == 0)
		r = add_given(c, request, err);
	if (r < 0)
		return r;
	timeline("request ready");
	r = boot_wait(&c->boot, &c->vm, err);
	if (r < 0)
		return r;
	r = stdio_connect(c->stdio, c->vm.ctl, err);
	if (r == 0)
		r = rpc_call(c->vm.agent, &vmrun__agent__agent__descriptor, "CreateContainer",
			&request->base, CREATE_TIMEOUT_MS, NULL, err);
	r = boot_configured(&c->vm, r, err);
	timeline("container made");
	return r ? r : stdio_connected(c->stdio, c->vm.ctl, err);
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
		r = process_session(c->state->dir, &spec->relay_ctl_fd, &spec->relay_agent_fd, err);
	if (r == 0 && spec->socket_count > bound)
		r = process_session(
			c->state->dir, &spec->listen_ctl_fd, &spec->listen_agent_fd, err);
	return r;
}

/* As with runc: whoever stays in the foreground is the service's main process. */
static pid_t main_pid(const struct create *c)
{
	if (!c->sd_notify.own)
		return 0;
	return c->options->foreground ? getpid() : ANCHOR_MAIN_SELF;
}

/*
 * Whoever connects a container sets up the network namespace of its process on the host: hooks, and
 * Podman where there is a user namespace. That must not be the host's own.
 */
static bool has_own_network(const struct spec *spec)
{
	for (size_t i = 0; i < spec->linux.namespaces.n; i++)
		if (streq(spec->linux.namespaces.v[i].type, "network"))
			return !spec->linux.namespaces.v[i].path;
	return false;
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
	AUTO_CLOSE int ctl = vmclient_connect(c->state->dir, err);
	AUTO_CLOSE int log = openat(c->state->dir, "console.log", O_RDONLY | O_CLOEXEC);
	AUTO_CLOSE int memory = cgroup_open_memory(&c->state->cgroups);
	struct anchor_spec spec = {
		.container = id,
		.process = "",
		.ctl_fd = ctl,
		.stop_pod = true,
		.record_dir_fd = c->state->dir,
		.log_fd = log,
		.memory_fd = memory,
		.cgroup_fd = c->cgroup_fd,
		.netns_fd = -1,
		.own_network = has_own_network(c->spec),
		.rootfs_fd = c->shares.rootfs_fd,
		.mounts = mounts,
		.mount_count = (unsigned)c->shares.count,
		.pause = has_create_hooks(c) ? &pause : NULL,
		.relay_agent_fd = -1,
		.relay_ctl_fd = -1,
		.listen_agent_fd = -1,
		.listen_ctl_fd = -1,
		.lease_fd = -1,
		.sd_notify_fd = c->sd_notify.fd,
		.main_pid = main_pid(c),
	};
	int r;

	if (ctl < 0)
		return ctl;
	if (!mounts || !sockets)
		return err_sys(err, ENOMEM, "anchor");
	/* However the anchor ends, the pod ends with it. */
	r = vmclient_own(ctl, err);
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
		r = process_anchor(&spec, c->stdio, c->vm.ctl, &c->anchor, err);
	close_fd(&spec.relay_agent_fd);
	close_fd(&spec.relay_ctl_fd);
	close_fd(&spec.listen_agent_fd);
	close_fd(&spec.listen_ctl_fd);
	if (r == 0)
		r = enter(c, c->anchor, err);
	return r ? r : notify_send(&c->notify, c->state, STATUS_CREATING, c->anchor, err);
}

/* The point of no return: the pod outlives us, and the state says that it is there. */
static int commit(struct create *c, struct err *err)
{
	struct state *s = c->state;
	int r;

	if (pidref_get(c->anchor, &s->anchor) < 0 || pidref_get(c->vm.pid, &s->monitor) < 0)
		return err_set(err, ESRCH, "the container ended while it was created");
	r = boot_commit(&c->vm, err);
	if (r == 0)
		r = state_save(s, err);
	if (r == 0)
		r = process_pid_file(c->options->pid_file, c->anchor, err);
	timeline("created");
	return r;
}

static void undo(struct create *c)
{
	struct err ignored = ERR_NONE;

	if (c->anchor > 0) {
		kill(c->anchor, SIGKILL);
		waitpid(c->anchor, NULL, 0);
	}
	boot_abort(&c->vm);
	if (c->state) {
		cgroup_remove(&c->state->cgroups, &c->state->cgroup_parents);
		resctrl_remove(&c->state->resctrl);
		(void)!state_remove(c->root_dir, c->state, &ignored);
		if (c->environment)
			hooks_run_poststop(&c->spec->hooks, c->state);
	}
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
		r = read_settings(c, err);
	if (r == 0)
		r = notify_open(c->spec->linux.seccomp, c->spec->file, &c->notify, err);
	if (r == 0)
		r = choose_monitor(c, err);
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
		r = make_cgroup(c, id, err);
	if (r == 0)
		r = make_limits(c, id, err);
	if (r == 0)
		r = start_guest(c, err);
	if (r == 0)
		r = open_shares(c, err);
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
			.agent = steal_ptr(&c->vm.agent),
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
		.root_dir = -1,
		.bundle_dir = -1,
		.cgroup_fd = -1,
		.vm = BOOTED_INIT,
		.monitor = MONITOR_CHOICE_INIT,
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
	boot_done(&c.vm);
	descriptors_release(options->passed);
	sd_notify_done(&c.sd_notify);
	shares_done(&c.shares);
	notify_done(&c.notify);
	monitor_choice_done(&c.monitor);
	vm_section_done(&c.vm_section);
	conf_done(&c.conf);
	spec_free(c.spec);
	buf_done(&c.config);
	state_free(c.state);
	strv_done(&c.resctrl);
	rootless_done(&c.rootless);
	close_fd(&c.cgroup_fd);
	close_fd(&c.bundle_dir);
	close_fd(&c.root_dir);
	if (r == 0 && ret)
		return 0;
	stdio_done(stdio);
	free(stdio);
	return r;
}
