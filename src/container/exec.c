/* exec: see container.h. */
#include "agent/calls.h"
#include "base/auto.h"
#include "base/fd.h"
#include "base/log.h"
#include "base/timeline.h"
#include "container/container.h"
#include "container/descriptors.h"
#include "container/process.h"
#include "container/seccomp_agent.h"
#include "oci/caps.h"
#include "oci/parse.h"
#include "oci/to_agent.h"
#include "pod/cgroup.h"
#include "pod/rootless.h"
#include "rpc/vmclient.h"

#include <fcntl.h>
#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <sys/random.h>
#include <sys/wait.h>

#define EXEC_TIMEOUT_MS 120000

struct exec {
	const struct exec_options *options;
	struct state *state;
	struct spec *spec;		/* of the container */
	struct spec_process_file *file; /* --process */
	struct spec_process process;	/* what is run; its strings are others' */
	struct spec_strings args, env;
	struct stdio *stdio;
	struct notify notify;
	struct descriptors descriptors;
	int ctl;
	struct rpc_client *agent;
	char id[32];
	pid_t anchor;
};

static int open_container(const struct runtime *rt, const char *id, struct exec *e, struct err *err)
{
	int r = container_open(rt, id, &e->state, err);

	unsigned allowed = 1U << STATUS_RUNNING | 1U << STATUS_CREATED;

	if (e->options->ignore_paused)
		allowed |= 1U << STATUS_PAUSED;
	if (r == 0 && state_status(e->state) == STATUS_PAUSED && !e->options->ignore_paused)
		return err_set(err, EBUSY,
			"cannot exec in a paused container: \"%s\" is (use --ignore-paused to "
			"override)",
			id);
	if (r == 0)
		r = state_require(e->state, allowed, "exec in", err);
	return r ? r : state_read_spec(e->state, &e->spec, err);
}

static int join(
	struct spec_strings *ret, const struct spec_strings *first, const struct strv *second)
{
	size_t more = second ? second->n : 0;

	ret->v = calloc(first->n + more + 1, sizeof(*ret->v));
	if (!ret->v)
		return -ENOMEM;
	for (size_t i = 0; i < first->n; i++)
		ret->v[ret->n++] = first->v[i];
	for (size_t i = 0; i < more; i++)
		ret->v[ret->n++] = second->v[i];
	return 0;
}

/* The container's own process with what the options change. */
static int from_options(struct exec *e, struct err *err)
{
	const struct exec_options *o = e->options;
	const struct spec_strings none = { 0 };

	e->process = *e->spec->process;
	if (join(&e->args, &none, o->args) < 0 || join(&e->env, &e->spec->process->env, o->env) < 0)
		return err_sys(err, ENOMEM, "exec");
	e->process.args = e->args;
	e->process.env = e->env;
	e->process.terminal = o->terminal;
	e->process.console_size = NULL;
	if (o->cwd)
		e->process.cwd = o->cwd;
	if (o->has_user) {
		e->process.user.uid = o->uid;
		e->process.user.gid = o->gid;
		e->process.user.additional_gids.n = 0;
	}
	if (o->additional_gid_count) {
		e->process.user.additional_gids.v = (uint32_t *)(uintptr_t)o->additional_gids;
		e->process.user.additional_gids.n = o->additional_gid_count;
	}
	if (o->no_new_privs)
		e->process.no_new_privileges = true;
	return 0;
}

static int read_process(struct exec *e, struct err *err)
{
	const char *path = e->options->process_file;
	int r;

	if (!path)
		return from_options(e, err);
	if (streq(path, "-"))
		r = oci_process_read(AT_FDCWD, "/dev/stdin", "process on stdin", &e->file, err);
	else
		r = oci_process_read(AT_FDCWD, path, path, &e->file, err);
	if (r < 0)
		return r;
	e->process = e->file->process;
	if (!e->process.exec_cpu_affinity)
		e->process.exec_cpu_affinity = e->spec->process->exec_cpu_affinity;
	if (e->options->terminal)
		e->process.terminal = true;
	return 0;
}

static int add_capabilities(Vmrun__Agent__Process *p)
{
	p->capabilities = malloc(sizeof(*p->capabilities));
	if (!p->capabilities)
		return -ENOMEM;
	vmrun__agent__capabilities__init(p->capabilities);
	return 0;
}

static int add_caps(const struct exec *e, Vmrun__Agent__Process *p, struct err *err)
{
	const struct strv *names = e->options->caps;

	for (size_t i = 0; names && i < names->n; i++) {
		int number = cap_number(names->v[i]);
		uint64_t bit;

		if (number < 0) {
			log_warn("--cap: unknown capability \"%s\" ignored", names->v[i]);
			continue;
		}
		if (!p->capabilities && add_capabilities(p) < 0)
			return err_sys(err, ENOMEM, "exec");
		bit = 1ULL << number;
		p->capabilities->bounding |= bit;
		p->capabilities->effective |= bit;
		p->capabilities->permitted |= bit;
		/* Without inheritable ones there are no ambient ones. */
		if (p->capabilities->inheritable)
			p->capabilities->ambient |= bit & p->capabilities->inheritable;
	}
	return 0;
}

static int share_descriptors(struct exec *e, Vmrun__Agent__Process *process, struct err *err)
{
	char prefix[sizeof(e->id) + 1];
	int r;

	snprintf(prefix, sizeof(prefix), "%s-", e->id);
	r = descriptors_share(&e->descriptors, e->ctl, prefix, err);
	return r ? r : descriptors_describe(&e->descriptors, process, err);
}

static int run_in_guest(struct exec *e, struct err *err)
{
	AUTO(agent_process_free) Vmrun__Agent__Process *process = NULL;
	Vmrun__Agent__ExecRequest in = VMRUN__AGENT__EXEC_REQUEST__INIT;
	const char *file = e->options->process_file ? e->options->process_file : "exec";
	uint64_t random;
	int r = oci_process_to_agent(&e->process, file, "", e->spec->linux.seccomp, &process, err);

	if (r == 0)
		r = add_caps(e, process, err);
	if (r == 0)
		r = process_inherit_limits(process, err);
	if (r < 0)
		return r;
	if (getrandom(&random, sizeof(random), 0) != (ssize_t)sizeof(random))
		return err_sys(err, errno, "getrandom");
	snprintf(e->id, sizeof(e->id), "exec-%016" PRIx64, random);
	stdio_describe(e->stdio, process->stdio);
	r = share_descriptors(e, process, err);
	if (r < 0)
		return r;
	in.container = e->state->id;
	in.process = e->id;
	in.spec = process;
	in.ignore_paused = e->options->ignore_paused;
	if (e->options->cgroup)
		in.cgroup = (char *)(uintptr_t)e->options->cgroup;
	r = stdio_connect(e->stdio, e->ctl, err);
	if (r == 0)
		r = agent_call_exec(
			e->agent, &in, in.ignore_paused ? 0 : EXEC_TIMEOUT_MS, NULL, err);
	return r ? r : stdio_connected(e->stdio, e->ctl, err);
}

static int start_anchor(struct exec *e, struct err *err)
{
	AUTO_CLOSE int cgroup = cgroup_open_v2(&e->state->cgroups);
	struct anchor_socket sockets[DESCRIPTORS_MAX];
	struct anchor_spec spec = ANCHOR_SPEC_INIT;
	int r = notify_describe(&e->notify, e->state, e->state->anchor.pid, &spec, err);

	spec.container = e->state->id;
	spec.process = e->id;
	/* What is shared for the process's descriptors lasts as long as it. */
	spec.ctl_fd = e->options->passed->count ? e->ctl : -1;
	spec.cgroup_fd = cgroup;
	spec.sockets = sockets;
	descriptors_add_sockets(&e->descriptors, sockets, &spec.socket_count);
	if (r == 0 && spec.socket_count)
		r = process_relay_session(
			e->state->pod_dir, &spec.listen_ctl_fd, &spec.listen_agent_fd, err);
	if (r == 0)
		r = process_anchor(&spec, e->stdio, e->ctl, &e->anchor, err);
	close_fd(&spec.listen_ctl_fd);
	close_fd(&spec.listen_agent_fd);
	if (r == 0 && cgroup < 0)
		r = cgroup_add(&e->state->cgroups, e->anchor, err);
	if (r == 0)
		r = process_pid_file(e->options->pid_file, e->anchor, err);
	return r ? r : process_pidfd_socket(e->options->pidfd_socket, e->anchor, err);
}

/* It has waited for somebody to listen, see Exec in agent.proto. */
static int start_notified(struct exec *e, struct err *err)
{
	Vmrun__Agent__StartContainerRequest in = VMRUN__AGENT__START_CONTAINER_REQUEST__INIT;
	int r = notify_send(&e->notify, e->state, state_status(e->state), e->anchor, err);

	if (r < 0)
		return r;
	in.container = e->state->id;
	in.process = e->id;
	/* As long as the seccomp agent takes. */
	return agent_call_start_container(e->agent, &in, 0, NULL, err);
}

static int run_steps(struct exec *e, const struct runtime *rt, const char *id, struct err *err)
{
	int fd, r = open_container(rt, id, e, err);

	if (r == 0)
		r = rootless_join(e->state->anchor.pid, err);
	if (r == 0)
		r = descriptors_open(&e->descriptors, e->options->passed, err);
	if (r == 0)
		r = read_process(e, err);
	if (r == 0)
		r = notify_open(e->spec->linux.seccomp, e->spec->file, &e->notify, err);
	if (r == 0)
		r = process_stdio(e->stdio, e->process.terminal, e->options->console_socket,
			!e->options->detach, err);
	if (r == 0)
		r = descriptors_add_streams(&e->descriptors, e->stdio, err);
	if (r == 0) {
		e->ctl = vmclient_connect(e->state->pod_dir, err);
		r = e->ctl < 0 ? e->ctl : vmclient_dial_agent(e->ctl, &fd, err);
	}
	if (r < 0)
		return r;
	timeline("agent");
	r = rpc_client_new(fd, &e->agent);
	if (r < 0)
		return err_sys(err, -r, "agent");
	r = run_in_guest(e, err);
	timeline("process runs");
	if (r == 0)
		r = start_anchor(e, err);
	return r == 0 && notify_wanted(&e->notify) ? start_notified(e, err) : r;
}

int container_exec(const struct runtime *rt, const char *id, const struct exec_options *options,
	struct attached *ret, struct err *err)
{
	struct stdio *stdio = malloc(sizeof(*stdio));
	struct exec e = { .options = options, .stdio = stdio, .notify = NOTIFY_INIT, .ctl = -1 };
	int r;

	if (!stdio)
		return err_sys(err, ENOMEM, "exec");
	*stdio = (struct stdio)STDIO_INIT;
	r = run_steps(&e, rt, id, err);
	if (r < 0 && e.anchor > 0) {
		kill(e.anchor, SIGKILL);
		waitpid(e.anchor, NULL, 0);
	}
	descriptors_release(options->passed);
	rpc_client_free(e.agent);
	close_fd(&e.ctl);
	notify_done(&e.notify);
	free(e.args.v);
	free(e.env.v);
	spec_process_file_free(e.file);
	spec_free(e.spec);
	state_free(e.state);
	if (r == 0) {
		*ret = (struct attached){ .anchor = e.anchor, .stdio = stdio };
		return 0;
	}
	stdio_done(stdio);
	free(stdio);
	return r;
}
