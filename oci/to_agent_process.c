/* Process objects to the agent's Process; and the making of messages in general. */
#include "base/buf.h"
#include "base/str.h"
#include "oci/bit_list.h"
#include "oci/caps.h"
#include "oci/rlimits.h"
#include "oci/scheduling.h"
#include "oci/seccomp.h"
#include "oci/to_agent_own.h"

#include <linux/ioprio.h>

void *make_message(struct maker *m, const ProtobufCMessageDescriptor *type)
{
	void *message = calloc(1, type->sizeof_message);

	if (message)
		protobuf_c_message_init(type, message);
	else
		m->out_of_memory = true;
	return message;
}

void make_str(struct maker *m, char **to, const char *s)
{
	char *copy;

	if (!s || !*s)
		return;
	copy = strdup(s);
	if (copy)
		*to = copy;
	else
		m->out_of_memory = true;
}

void make_list(struct maker *m, void *to, size_t room)
{
	void **items;

	if (room == 0)
		return;
	items = calloc(room, sizeof(*items));
	if (items)
		*(void ***)to = items;
	else
		m->out_of_memory = true;
}

void *make_item(struct maker *m, void *to, size_t *n, const ProtobufCMessageDescriptor *type)
{
	void **items = *(void ***)to;
	void *item = items ? make_message(m, type) : NULL;

	if (item)
		items[(*n)++] = item;
	return item;
}

void make_strings(struct maker *m, char ***to, size_t *n, const struct spec_strings *list)
{
	make_list(m, to, list->n);
	for (size_t i = 0; *to && i < list->n; i++) {
		char *copy = strdup(list->v[i]);

		if (copy)
			(*to)[(*n)++] = copy;
		else
			m->out_of_memory = true;
	}
}

int make_result(const struct maker *m)
{
	return m->out_of_memory ? err_set(m->err, ENOMEM, "%s: out of memory", m->file) : 0;
}

/* By name; of the same name by place. a, b: elements of the sorted array, which are places. */
static int by_name(const void *a, const void *b)
{
	const char **first = *(const char ***)(uintptr_t)a,
		   **second = *(const char ***)(uintptr_t)b;
	size_t i = 0;

	while ((*first)[i] == (*second)[i] && (*first)[i] && (*first)[i] != '=')
		i++;
	if ((*first)[i] == (*second)[i])
		return first < second ? -1 : first > second;
	if ((*first)[i] == '=' || (*second)[i] == '=')
		return (*first)[i] == '=' ? -1 : 1;
	return (unsigned char)(*first)[i] - (unsigned char)(*second)[i];
}

static bool same_name(const char *a, const char *b)
{
	size_t n = strcspn(a, "=");

	return n == strcspn(b, "=") && strncmp(a, b, n) == 0;
}

/* Of a name that is given twice the last holds, as in a shell and with other runtimes. */
static void make_env(struct maker *m, const struct spec_strings *env, Vmrun__Agent__Process *to)
{
	AUTO_FREE const char ***order = calloc(env->n + 1, sizeof(*order));
	AUTO_FREE bool *overridden = calloc(env->n + 1, sizeof(*overridden));
	struct spec_strings kept = { .v = calloc(env->n + 1, sizeof(*kept.v)) };

	m->out_of_memory = m->out_of_memory || !order || !overridden || !kept.v;
	if (!m->out_of_memory) {
		for (size_t i = 0; i < env->n; i++)
			order[i] = &env->v[i];
		qsort(order, env->n, sizeof(*order), by_name);
		for (size_t i = 1; i < env->n; i++)
			overridden[order[i - 1] - env->v] = same_name(*order[i - 1], *order[i]);
		for (size_t i = 0; i < env->n; i++)
			if (!overridden[i])
				kept.v[kept.n++] = env->v[i];
		make_strings(m, &to->env, &to->n_env, &kept);
	}
	free(kept.v);
}

static void make_user(struct maker *m, const struct spec_user *user, Vmrun__Agent__Process *to)
{
	to->uid = user->uid;
	to->gid = user->gid;
	to->has_umask = user->umask.is_set;
	to->umask = (uint32_t)user->umask.value;
	if (user->additional_gids.n == 0)
		return;
	to->additional_gids = calloc(user->additional_gids.n, sizeof(*to->additional_gids));
	if (!to->additional_gids) {
		m->out_of_memory = true;
		return;
	}
	to->n_additional_gids = user->additional_gids.n;
	memcpy(to->additional_gids, user->additional_gids.v,
		to->n_additional_gids * sizeof(*to->additional_gids));
}

/*
 * The kernel raises an ambient capability only if it is permitted and inheritable. Callers list
 * ambient ones that are not; other runtimes pass over them, so they are left out here
 * (check_ambient() warns of it).
 */
static void make_capabilities(
	struct maker *m, const struct spec_capabilities *caps, Vmrun__Agent__Process *to)
{
	Vmrun__Agent__Capabilities *c;

	if (!caps)
		return;
	c = to->capabilities = make_message(m, &vmrun__agent__capabilities__descriptor);
	if (!c)
		return;
	c->bounding = caps_mask(&caps->bounding);
	c->effective = caps_mask(&caps->effective);
	c->inheritable = caps_mask(&caps->inheritable);
	c->permitted = caps_mask(&caps->permitted);
	c->ambient = caps_mask(&caps->ambient) & c->permitted & c->inheritable;
}

static void make_rlimits(struct maker *m, const struct spec_process *p, Vmrun__Agent__Process *to)
{
	make_list(m, &to->rlimits, p->rlimits.n);
	for (size_t i = 0; i < p->rlimits.n; i++) {
		const struct spec_rlimit *from = &p->rlimits.v[i];
		Vmrun__Agent__Rlimit *limit = make_item(
			m, &to->rlimits, &to->n_rlimits, &vmrun__agent__rlimit__descriptor);

		if (!limit)
			return;
		limit->resource = (uint32_t)rlimit_number(from->type);
		limit->soft = from->soft;
		limit->hard = from->hard;
	}
}

/* A list that the checks have passed. */
void make_bits(struct maker *m, const char *list, unsigned max, ProtobufCBinaryData *to)
{
	AUTO(buf_done) struct buf mask = { 0 };

	if (!list)
		return;
	if (bit_list_read(list, max, &mask) < 0) {
		m->out_of_memory = true;
		return;
	}
	to->data = mask.data;
	to->len = mask.len;
	mask = (struct buf){ 0 };
}

static void make_scheduling(
	struct maker *m, const struct spec_process *p, Vmrun__Agent__Process *to)
{
	const struct spec_scheduler *from = p->scheduler;
	Vmrun__Agent__Scheduler *s;

	if (p->io_priority)
		to->io_priority = (uint32_t)IOPRIO_PRIO_VALUE(
			scheduling_number(IO_CLASSES, p->io_priority->class),
			p->io_priority->priority);
	if (!from)
		return;
	s = to->scheduler = make_message(m, &vmrun__agent__scheduler__descriptor);
	if (!s)
		return;
	s->policy = (uint32_t)scheduling_number(SCHED_POLICIES, from->policy);
	s->flags = scheduling_flags(SCHED_FLAGS, &from->flags);
	s->nice = from->nice;
	s->priority = (uint32_t)from->priority;
	s->runtime_ns = from->runtime_ns;
	s->deadline_ns = from->deadline_ns;
	s->period_ns = from->period_ns;
}

static void make_stdio(struct maker *m, const struct spec_process *p, Vmrun__Agent__Process *to)
{
	to->stdio = make_message(m, &vmrun__agent__stdio__descriptor);
	if (!to->stdio)
		return;
	to->stdio->terminal = p->terminal;
	if (!p->terminal || !p->console_size)
		return;
	to->stdio->rows = p->console_size->height;
	to->stdio->columns = p->console_size->width;
}

static int make_seccomp(
	struct maker *m, const struct spec_seccomp *seccomp, Vmrun__Agent__Process *to)
{
	AUTO(buf_done) struct buf program = { 0 };
	Vmrun__Agent__Seccomp *s;
	uint32_t flags;
	int r;

	if (!seccomp)
		return 0;
	r = seccomp_compile(seccomp, m->file, &program, &flags, m->err);
	if (r < 0)
		return r;
	s = to->seccomp = make_message(m, &vmrun__agent__seccomp__descriptor);
	if (!s)
		return 0;
	s->flags = flags;
	s->filter.data = program.data;
	s->filter.len = program.len;
	program = (struct buf){ 0 };
	return 0;
}

int make_process(struct maker *m, const struct spec_process *p, const struct spec_seccomp *seccomp,
	Vmrun__Agent__Process **ret)
{
	Vmrun__Agent__Process *to = make_message(m, &vmrun__agent__process__descriptor);

	*ret = to;
	if (!to)
		return make_result(m);
	make_strings(m, &to->args, &to->n_args, &p->args);
	make_env(m, &p->env, to);
	make_str(m, &to->cwd, p->cwd);
	make_user(m, &p->user, to);
	make_capabilities(m, p->capabilities, to);
	make_rlimits(m, p, to);
	to->no_new_privileges = p->no_new_privileges;
	to->has_oom_score_adj = p->oom_score_adj.is_set;
	to->oom_score_adj = (int32_t)p->oom_score_adj.value;
	make_scheduling(m, p, to);
	make_stdio(m, p, to);
	return make_seccomp(m, seccomp, to);
}

int oci_process_to_agent(const struct spec_process *process, const char *file, const char *prefix,
	const struct spec_seccomp *seccomp, Vmrun__Agent__Process **ret, struct err *err)
{
	AUTO(agent_process_free) Vmrun__Agent__Process *to = NULL;
	struct maker m = { .file = file, .prefix = prefix, .err = err };
	int r = make_process(&m, process, seccomp, &to);

	/* Not of a container's first process (config.md, "Linux Process"). */
	if (r == 0 && process->exec_cpu_affinity) {
		make_bits(&m, process->exec_cpu_affinity->initial, CPU_MAX, &to->cpus_initial);
		make_bits(&m, process->exec_cpu_affinity->final, CPU_MAX, &to->cpus_final);
	}
	if (r == 0)
		r = make_result(&m);
	if (r == 0)
		*ret = steal_ptr(&to);
	return r;
}
