/* The processes of a container, as the agent tells of them: see container.h. */
#include "agent/calls.h"
#include "container/container.h"
#include "rpc/vmclient.h"

#include <stdlib.h>

#define CALL_TIMEOUT_MS 120000
/* The agent tells of no more. */
#define PROCESSES_MAX 4096

void process_list_done(struct process_list *list)
{
	for (size_t i = 0; i < list->n; i++) {
		free(list->v[i].command);
		free(list->v[i].terminal);
		free(list->v[i].name);
		free(list->v[i].wait_channel);
	}
	free(list->v);
	*list = (struct process_list){ 0 };
}

/* A program names itself as it likes, and this goes to a terminal. */
static char *copy_text(const char *text)
{
	char *copy = strdup(text);

	if (copy)
		str_blank_controls(copy);
	return copy;
}

static int copy_process(const Vmrun__Agent__ProcessInfo *from, struct process_info *to)
{
	*to = (struct process_info){
		.pid = from->pid,
		.ppid = from->ppid,
		.pgid = from->pgid,
		.sid = from->sid,
		.tpgid = from->tpgid,
		.uid = from->uid,
		.euid = from->euid,
		.gid = from->gid,
		.egid = from->egid,
		.cpu_ms = from->cpu_ms,
		.started_at_ns = from->started_at_ns,
		.threads = from->threads,
		.state = *from->state > ' ' && *from->state < 0x7f ? *from->state : '?',
		.priority = from->priority,
		.nice = from->nice,
		.rt_priority = from->rt_priority,
		.policy = from->policy,
		.processor = from->processor,
		.flags = from->flags,
		.minor_faults = from->minor_faults,
		.major_faults = from->major_faults,
		.virtual_bytes = from->virtual_bytes,
		.resident_bytes = from->resident_bytes,
		.text_bytes = from->text_bytes,
		.locked = from->locked,
		.pending_signals = from->pending_signals,
		.blocked_signals = from->blocked_signals,
		.ignored_signals = from->ignored_signals,
		.caught_signals = from->caught_signals,
		.command = copy_text(from->command),
		.terminal = copy_text(from->terminal),
		.name = copy_text(from->name),
		.wait_channel = copy_text(from->wait_channel),
	};
	return to->command && to->terminal && to->name && to->wait_channel ? 0 : -ENOMEM;
}

static int copy_list(
	const Vmrun__Agent__ListProcessesResponse *from, struct process_list *to, struct err *err)
{
	if (from->n_processes > PROCESSES_MAX)
		return err_set(
			err, EPROTO, "the guest tells of more than %d processes", PROCESSES_MAX);
	to->memory_bytes = from->memory_bytes;
	to->v = calloc(from->n_processes + 1, sizeof(*to->v));
	if (!to->v)
		return err_sys(err, ENOMEM, "process list");
	for (size_t i = 0; i < from->n_processes; i++) {
		to->n++;
		if (copy_process(from->processes[i], &to->v[i]) < 0)
			return err_sys(err, ENOMEM, "process list");
	}
	return 0;
}

int container_processes(
	const struct runtime *rt, const char *id, struct process_list *ret, struct err *err)
{
	AUTO(state_free) struct state *s = NULL;
	AUTO(rpc_client_free) struct rpc_client *agent = NULL;
	Vmrun__Agent__ContainerRequest in = VMRUN__AGENT__CONTAINER_REQUEST__INIT;
	Vmrun__Agent__ListProcessesResponse *reply;
	int r = container_open(rt, id, &s, err);

	if (r == 0)
		r = state_require(s,
			1U << STATUS_CREATED | 1U << STATUS_RUNNING | 1U << STATUS_PAUSED |
				1U << STATUS_STOPPED,
			"list processes of", err);
	if (r < 0 || state_status(s) == STATUS_STOPPED)
		return r;
	r = vmclient_agent(s->pod_dir, &agent, err);
	if (r < 0)
		return r;
	in.container = s->id;
	r = agent_call_list_processes(agent, &in, CALL_TIMEOUT_MS, &reply, err);
	if (r < 0)
		return r;
	ret->anchor = s->anchor.pid;
	r = copy_list(reply, ret, err);
	vmrun__agent__list_processes_response__free_unpacked(reply, NULL);
	return r;
}
