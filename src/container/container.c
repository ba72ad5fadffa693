/* start, kill, pause, delete, and waiting for an anchor: see container.h. */
#include "container/container.h"

#include "agent/calls.h"
#include "anchor/messages.h"
#include "base/fd.h"
#include "base/log.h"
#include "container/hooks.h"
#include "container/sd_notify.h"
#include "container/stdio.h"
#include "oci/check.h"
#include "oci/parse.h"
#include "oci/to_agent.h"
#include "pod/cgroup.h"
#include "pod/limits.h"
#include "pod/processors.h"
#include "rpc/vmclient.h"

#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/signalfd.h>
#include <sys/wait.h>
#include <time.h>

#define CALL_TIMEOUT_MS 120000
#define KILL_TIMEOUT_MS 30000

#define IN(status)	(1U << (status))

int container_open(const struct runtime *rt, const char *id, struct state **ret, struct err *err)
{
	return state_open(rt->root, id, false, ret, err);
}

int container_list(const struct runtime *rt, struct strv *ret, struct err *err)
{
	struct err missing = ERR_NONE;
	int root = rt->root_given ? state_root_open(rt->root, false, &missing) : -1;

	/* One that somebody has given and that is not there is a mistake, as with runc. */
	if (missing.code == ENOENT) {
		*err = missing;
		return -ENOENT;
	}
	close_fd(&root);
	return state_list(rt->root, ret, err);
}

/* Opens a container that must be in one of the statuses. */
static int open_for(const struct runtime *rt, const char *id, bool lock, unsigned allowed,
	const char *verb, struct state **ret, struct err *err)
{
	int r = state_open(rt->root, id, lock, ret, err);

	return r ? r : state_require(*ret, allowed, verb, err);
}

static int pause_or_resume(const struct state *s, bool pause, struct err *err)
{
	Vmrun__Agent__ContainerRequest in = VMRUN__AGENT__CONTAINER_REQUEST__INIT;
	AUTO(rpc_client_free) struct rpc_client *agent = NULL;
	int r = vmclient_agent(s->pod_dir, &agent, err);

	in.container = s->id;
	if (r < 0)
		return r;
	return pause ? agent_call_pause(agent, &in, CALL_TIMEOUT_MS, NULL, err)
		     : agent_call_resume(agent, &in, CALL_TIMEOUT_MS, NULL, err);
}

/* What a proxy that was killed may have left beside the container's cgroup. */
static void remove_bell(const struct state *s)
{
	char name[ID_MAX + sizeof(CGROUP_BELL_SUFFIX)];

	snprintf(name, sizeof(name), "%s" CGROUP_BELL_SUFFIX, s->id);
	cgroup_remove_beside(&s->cgroups, name);
}

/* In a guest that goes on there is nothing left of it before its id is free again. */
static int destroy_in_guest(const struct state *s, struct err *err)
{
	Vmrun__Agent__ContainerRequest in = VMRUN__AGENT__CONTAINER_REQUEST__INIT;
	AUTO(rpc_client_free) struct rpc_client *agent = NULL;
	AUTO(pod_free) struct pod *pod = NULL;
	struct err ignored = ERR_NONE;
	int r;

	if (pod_open(s->root, s->pod, &pod, &ignored) < 0 || pod_is_last(pod, s->id) ||
		!pidref_alive(&pod->monitor))
		return 0;
	in.container = s->id;
	r = vmclient_agent(s->pod_dir, &agent, err);
	if (r == 0)
		r = agent_call_delete_container(agent, &in, CALL_TIMEOUT_MS, NULL, err);
	/* It may have ended meanwhile, or the guest, or never have been there. */
	if (r == -ENOENT || r == -ESRCH || r == -EPIPE) {
		err_clear(err);
		return 0;
	}
	return r;
}

/* Everything of the container goes, in the order that leaves nothing half-alive. */
static int destroy(struct state *s, struct err *err)
{
	AUTO(spec_free) struct spec *spec = NULL;
	struct err unread = ERR_NONE;
	int r;

	cgroup_thaw(&s->cgroups);
	r = pidref_kill(&s->anchor, KILL_TIMEOUT_MS);
	if (r < 0)
		return err_sys(err, -r, "cannot end the processes of \"%s\"", s->id);
	r = destroy_in_guest(s, err);
	if (r < 0)
		return r;
	remove_bell(s);
	/* Without a bundle there was no container, only a create that was killed. */
	if (s->bundle && state_read_spec(s, &spec, &unread) < 0)
		log_warn("no poststop hooks: %s", unread.msg);
	r = state_remove(s, err);
	if (r == 0 && spec)
		hooks_run_poststop(&spec->hooks, s);
	return r;
}

/* The specification's way out of a start whose hooks failed; err keeps what they said. */
static void destroy_failed(struct state *s)
{
	struct err ignored = ERR_NONE;

	if (destroy(s, &ignored) < 0)
		log_warn("%s", ignored.msg);
}

static int start_program(
	struct state *s, const struct spec *spec, struct rpc_client *agent, struct err *err)
{
	Vmrun__Agent__StartContainerRequest in = VMRUN__AGENT__START_CONTAINER_REQUEST__INIT;
	/* Hooks take the time that config.json gives them, a seccomp agent as long as it likes. */
	bool unlimited = hooks_any(&spec->hooks, HOOK_START_CONTAINER) ||
			 (spec->linux.seccomp && spec->linux.seccomp->listener_path);
	unsigned timeout = unlimited ? 0 : CALL_TIMEOUT_MS;
	/* Before the call: the program may end, and its anchor be asked for its status, at once. */
	int r = state_mark(s, "started", true, err);

	if (r < 0)
		return r;
	in.container = s->id;
	r = agent_call_start_container(agent, &in, timeout, NULL, err);
	if (r < 0) {
		struct err ignored = ERR_NONE;

		(void)!state_mark(s, "started", false, &ignored);
	}
	return r;
}

/* Without the lock: hooks may want something of the container themselves. */
static int poststart(struct state *s, const struct spec *spec, struct err *err)
{
	struct err ignored = ERR_NONE;
	int r;

	if (!hooks_any(&spec->hooks, HOOK_POSTSTART))
		return 0;
	state_unlock(s);
	r = hooks_run(&spec->hooks, HOOK_POSTSTART, s, s->anchor.pid, err);
	if (r < 0 && state_lock(s, &ignored) == 0)
		destroy_failed(s);
	return r;
}

/* A foreground process is the service's main one itself. */
static void tell_ready(
	const struct runtime *rt, const char *id, const char *notify_socket, struct attached *a)
{
	AUTO(state_free) struct state *s = NULL;
	struct err err = ERR_NONE;

	/* Without the lock: it may take its time. */
	if (!notify_socket || container_open(rt, id, &s, &err) < 0)
		return;
	if (a && a->foreground)
		a->ready = ready_begin(s, notify_socket, getpid());
	else
		sd_notify_wait_ready(s, notify_socket, s->anchor.pid);
}

static void fresh_done(struct fresh *f)
{
	rpc_client_free(f->agent);
	spec_free(f->spec);
	state_free(f->state);
	*f = (struct fresh){ NULL, NULL, NULL };
}

DEFINE_AUTO_VAL(fresh_done, struct fresh)

/* What was to be done is in the state directory: the bundle's file may say something else now. */
static int look_up(struct fresh *f, struct err *err)
{
	int r = state_read_spec(f->state, &f->spec, err);

	return r ? r : vmclient_agent(f->state->pod_dir, &f->agent, err);
}

static int start(
	const struct runtime *rt, const char *id, const struct fresh *created, struct err *err)
{
	AUTO(fresh_done) struct fresh f = *created;
	int r = f.state ? 0 : open_for(rt, id, true, IN(STATUS_CREATED), "start", &f.state, err);

	if (r < 0)
		return r;
	if (!f.spec)
		r = look_up(&f, err);
	if (r < 0)
		return err_prefix(err, "cannot start container \"%s\": ", id);
	r = start_program(f.state, f.spec, f.agent, err);
	/* The agent's word for a startContainer hook that failed. */
	if (r == -ECANCELED)
		destroy_failed(f.state);
	if (r == 0)
		r = poststart(f.state, f.spec, err);
	return r < 0 ? err_prefix(err, "cannot start container \"%s\": ", id) : 0;
}

int container_start(const struct runtime *rt, const char *id, const char *notify_socket,
	struct attached *a, struct err *err)
{
	struct fresh created = { NULL, NULL, NULL };
	int r;

	if (a) {
		created = a->fresh;
		a->fresh = (struct fresh){ NULL, NULL, NULL };
	}
	r = start(rt, id, &created, err);
	if (r == 0)
		tell_ready(rt, id, notify_socket, a);
	return r;
}

int container_kill(const struct runtime *rt, const char *id, int signal, bool all, struct err *err)
{
	AUTO(state_free) struct state *s = NULL;
	AUTO(rpc_client_free) struct rpc_client *agent = NULL;
	Vmrun__Agent__SignalRequest in = VMRUN__AGENT__SIGNAL_REQUEST__INIT;
	int r = container_open(rt, id, &s, err);

	/* As runc: of a container that has ended, all processes are gone already. */
	if (r == 0 && all && state_status(s) == STATUS_STOPPED)
		return 0;
	if (r == 0)
		r = state_require(s, IN(STATUS_CREATED) | IN(STATUS_RUNNING) | IN(STATUS_PAUSED),
			"kill", err);
	if (r < 0 || signal == 0)
		return r;
	r = vmclient_agent(s->pod_dir, &agent, err);
	if (r < 0)
		return r;
	in.container = s->id;
	in.process = (char[]){ "" };
	in.signal = (uint32_t)signal;
	in.all = all;
	r = agent_call_signal(agent, &in, CALL_TIMEOUT_MS, NULL, err);
	return r < 0 ? err_prefix(err, "cannot kill container \"%s\": ", id) : 0;
}

int container_pause(const struct runtime *rt, const char *id, bool pause, struct err *err)
{
	AUTO(state_free) struct state *s = NULL;
	int r = state_open(rt->root, id, true, &s, err);

	if (r == 0 && !pause && state_status(s) != STATUS_PAUSED)
		return err_set(err, EBUSY,
			"cannot resume container \"%s\": container not paused (it is %s)", id,
			status_name(state_status(s)));
	if (r == 0 && pause)
		r = state_require(s, IN(STATUS_CREATED) | IN(STATUS_RUNNING), "pause", err);
	if (r == 0)
		r = pause_or_resume(s, pause, err);
	return r ? r : state_mark(s, "paused", pause, err);
}

/* Unlike processors, the memory of a machine does not grow. */
static void warn_of_memory(const struct pod *pod, const struct spec_memory *memory)
{
	int64_t mib = memory->limit_bytes.value >> 20;

	if (mib > 0 && (uint64_t)mib > pod->memory_mib)
		log_warn("the memory limit is %lld MiB now, but the virtual machine was made with "
			 "%llu MiB",
			(long long)mib, (unsigned long long)pod->memory_mib);
}

/*
 * First on the host, which may say that it has no such CPU, then in the guest. All or nothing: what
 * the host has taken when somebody refuses is put back; the guest does so by itself. (Processors
 * that came online stay: it is the quota that limits.)
 */
static int update(const struct state *s, const struct pod *pod,
	const struct spec_resources *resources, const char *file,
	const Vmrun__Agent__UpdateRequest *in, struct err *err)
{
	AUTO(rpc_client_free) struct rpc_client *agent = NULL;
	AUTO(cgroup_undo_done) struct cgroup_undo undo = { 0 };
	struct limits_target target = state_limits_target(s, pod);
	int r = vmclient_agent(s->pod_dir, &agent, err), undone = 0;

	target.undo = &undo;
	if (r == 0)
		r = limits_apply(&target, resources, file, "", LIMITS_ALWAYS, err);
	if (r == 0)
		r = processors_grow(agent, &resources->cpu, err);
	if (r == 0)
		r = agent_call_update(agent, in, CALL_TIMEOUT_MS, NULL, err);
	if (r < 0)
		undone = cgroup_undo_all(&undo);
	if (undone < 0)
		log_warn("a limit on the host could not be put back: %s", strerror(-undone));
	return r;
}

/* As with runc, what the container was created with holds where an update does not say. */
static int check_before(const struct state *s, struct spec_memory *memory, struct err *err)
{
	AUTO(spec_free) struct spec *spec = NULL;
	int r;

	if (memory->check_before_update.is_set)
		return 0;
	r = state_read_spec(s, &spec, err);
	if (r == 0)
		memory->check_before_update = spec->linux.resources.memory.check_before_update;
	return r;
}

int container_update(const struct runtime *rt, const char *id, const char *file,
	const struct buf *text, struct err *err)
{
	AUTO(state_free) struct state *s = NULL;
	AUTO(spec_resources_file_free) struct spec_resources_file *rf = NULL;
	AUTO(agent_update_request_free) Vmrun__Agent__UpdateRequest *in = NULL;
	AUTO(pod_free) struct pod *pod = NULL;
	int r = open_for(rt, id, true, IN(STATUS_CREATED) | IN(STATUS_RUNNING) | IN(STATUS_PAUSED),
		"update", &s, err);

	if (r < 0)
		return r;
	r = oci_resources_parse(file, text->data, text->len, &rf, err);
	if (r == 0)
		r = spec_check_device_rules(&rf->resources, file, "", err);
	if (r == 0)
		r = check_before(s, &rf->resources.memory, err);
	if (r == 0)
		r = resources_to_agent(&rf->resources, file, id, &in, err);
	if (r == 0)
		r = pod_open(s->root, s->pod, &pod, err);
	if (r == 0)
		r = update(s, pod, &rf->resources, file, in, err);
	if (r == 0)
		warn_of_memory(pod, &rf->resources.memory);
	return r < 0 ? err_prefix(err, "cannot update container \"%s\": ", id) : 0;
}

int container_delete(const struct runtime *rt, const char *id, bool force, struct err *err)
{
	AUTO(state_free) struct state *s = NULL;
	int r = state_open(rt->root, id, true, &s, err);

	if (r == -ENOENT && force) {
		err_clear(err);
		return 0;
	}
	/* One that was never started has nothing to lose: runc and crun delete it, and containerd's
	 * shim for them relies on it. */
	if (r == 0 && !force && !((IN(STATUS_STOPPED) | IN(STATUS_CREATED)) & IN(state_status(s))))
		r = err_set(err, EBUSY,
			"cannot delete container \"%s\": it is %s (stop it, or use --force)", id,
			status_name(state_status(s)));
	return r ? r : destroy(s, err);
}

void attached_done(struct attached *a)
{
	fresh_done(&a->fresh);
	ready_free(steal_ptr(&a->ready));
	if (!a->stdio)
		return;
	stdio_done(a->stdio);
	free(a->stdio);
	a->stdio = NULL;
}

static bool passed_on(uint32_t signo)
{
	return signo != SIGCHLD && signo != SIGPIPE && signo != SIGTTIN && signo != SIGTTOU &&
	       signo != SIGTSTP && signo != SIGCONT;
}

/* For a signal, or for word of the container being ready. */
static void wait_for_any(struct attached *a, int signal_fd)
{
	struct pollfd p[2] = {
		{ .fd = signal_fd, .events = POLLIN },
		{ .fd = -1 },
	};

	while (a->ready) {
		p[1].fd = ready_fd(a->ready);
		p[1].events = ready_events(a->ready);
		if (poll(p, ARRAY_LEN(p), -1) < 0)
			continue;
		if (p[0].revents)
			return;
		if (p[1].revents && !ready_process(a->ready))
			ready_free(steal_ptr(&a->ready));
	}
}

int attached_wait(struct attached *a)
{
	struct signalfd_siginfo si;
	sigset_t all;
	int fd, status;

	/* What there was to fail has not: what is held back is not to wait for the program's end.
	 */
	log_release();
	sigfillset(&all);
	sigprocmask(SIG_BLOCK, &all, NULL);
	fd = signalfd(-1, &all, SFD_CLOEXEC);
	/* SIGCHLD may have come before the mask: look first, then read. */
	while (waitpid(a->anchor, &status, WNOHANG) == 0) {
		wait_for_any(a, fd);
		if (read(fd, &si, sizeof(si)) == (ssize_t)sizeof(si) && passed_on(si.ssi_signo))
			kill(a->anchor, (int)si.ssi_signo);
	}
	close(fd);
	return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}
