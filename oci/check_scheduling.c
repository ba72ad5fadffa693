/* Checks of what says where, when and with which memory processes run; and of their clocks. */
#include "base/buf.h"
#include "base/str.h"
#include "oci/bit_list.h"
#include "oci/check_own.h"
#include "oci/scheduling.h"

#include <inttypes.h>

#define NICE_MIN	(-20)
#define NICE_MAX	19
#define IO_PRIORITY_MAX 7
#define NANOSECS_MAX	999999999u

/* bad: what to call one that is not in the table. */
static int check_names(const struct checker *c, enum scheduling_table table, const char *what,
	const char *bad, const struct spec_strings *names)
{
	for (size_t i = 0; i < names->n; i++)
		if (scheduling_number(table, names->v[i]) < 0)
			return check_fail(
				c, EINVAL, "%s[%zu]: %s \"%.60s\"", what, i, bad, names->v[i]);
	return 0;
}

/* As sched_setattr(2) has it: each policy has numbers of its own, and none of the others'. */
static int check_scheduler(const struct spec_scheduler *s, const struct checker *c)
{
	bool realtime, deadline;

	if (!s)
		return 0;
	if (scheduling_number(SCHED_POLICIES, s->policy) < 0)
		return check_fail(
			c, EINVAL, "scheduler.policy: unknown policy \"%.40s\"", s->policy);
	if (streq(s->policy, "SCHED_ISO"))
		return check_fail(c, ENOTSUP, "scheduler.policy: Linux has no SCHED_ISO");
	realtime = streq(s->policy, "SCHED_FIFO") || streq(s->policy, "SCHED_RR");
	deadline = streq(s->policy, "SCHED_DEADLINE");
	if (s->nice < NICE_MIN || s->nice > NICE_MAX)
		return check_fail(c, EINVAL, "scheduler.nice: must be from %d to %d, got %" PRId32,
			NICE_MIN, NICE_MAX, s->nice);
	if (realtime ? s->priority < 1 || s->priority > 99 : s->priority != 0)
		return check_fail(c, EINVAL, "scheduler.priority: must be %s with %s, got %" PRId32,
			realtime ? "from 1 to 99" : "0", s->policy, s->priority);
	if (!deadline && (s->runtime_ns || s->deadline_ns || s->period_ns))
		return check_fail(c, EINVAL,
			"scheduler.%s: only SCHED_DEADLINE has one, the policy is %s",
			s->runtime_ns	 ? "runtime"
			: s->deadline_ns ? "deadline"
					 : "period",
			s->policy);
	return check_names(c, SCHED_FLAGS, "scheduler.flags", "unknown flag", &s->flags);
}

static int check_io_priority(const struct spec_io_priority *p, const struct checker *c)
{
	if (!p)
		return 0;
	if (scheduling_number(IO_CLASSES, p->class) < 0)
		return check_fail(c, EINVAL, "ioPriority.class: unknown class \"%.40s\"", p->class);
	if (p->priority < 0 || p->priority > IO_PRIORITY_MAX)
		return check_fail(c, EINVAL,
			"ioPriority.priority: must be from 0 to %d, got %" PRId32, IO_PRIORITY_MAX,
			p->priority);
	return 0;
}

/* How many a list that has been checked names. */
static unsigned count_bits(const char *list, unsigned max)
{
	AUTO(buf_done) struct buf mask = { 0 };
	unsigned n = 0;

	if (!list || bit_list_read(list, max, &mask) < 0)
		return 0;
	for (size_t i = 0; i < mask.len; i++)
		n += (unsigned)__builtin_popcount(mask.data[i]);
	return n;
}

static int check_bits(const struct checker *c, const char *what, const char *list, unsigned max)
{
	AUTO(buf_done) struct buf mask = { 0 };
	int r = list ? bit_list_read(list, max, &mask) : 0;

	if (r == -ENOMEM)
		return err_set(c->err, ENOMEM, "%s: out of memory", c->file);
	if (r == -ERANGE)
		return check_fail(c, EINVAL, "%s: \"%.80s\" names one above %u", what, list, max);
	if (r < 0)
		return check_fail(
			c, EINVAL, "%s: \"%.80s\" is not a list such as \"0-3,7\"", what, list);
	return 0;
}

int check_scheduling(const struct spec_process *p, const struct checker *c)
{
	int r = check_scheduler(p->scheduler, c);

	if (r == 0)
		r = check_io_priority(p->io_priority, c);
	if (r == 0 && p->exec_cpu_affinity)
		r = check_bits(
			c, "execCPUAffinity.initial", p->exec_cpu_affinity->initial, CPU_MAX);
	if (r == 0 && p->exec_cpu_affinity)
		r = check_bits(c, "execCPUAffinity.final", p->exec_cpu_affinity->final, CPU_MAX);
	return r;
}

/* With runc's words, for those who look for them in the message. */
int check_memory_policy(const struct spec_memory_policy *p, const struct checker *c)
{
	bool without, with;
	int r;

	if (!p)
		return 0;
	if (!p->mode)
		return check_fail(c, EINVAL,
			"linux.memoryPolicy.mode: invalid memory policy mode, it is missing");
	if (scheduling_number(MEMORY_MODES, p->mode) < 0)
		return check_fail(c, EINVAL,
			"linux.memoryPolicy.mode: invalid memory policy mode \"%.40s\"", p->mode);
	r = check_bits(
		c, "linux.memoryPolicy.nodes: invalid memory policy nodes", p->nodes, NODE_MAX);
	if (r == 0)
		r = check_names(c, MEMORY_FLAGS, "linux.memoryPolicy.flags",
			"invalid memory policy flag", &p->flags);
	if (r < 0)
		return r;
	without = streq(p->mode, "MPOL_DEFAULT") || streq(p->mode, "MPOL_LOCAL");
	with = !without && !streq(p->mode, "MPOL_PREFERRED");
	if (p->nodes && without)
		return check_fail(c, EINVAL,
			"linux.memoryPolicy.nodes: %s mode requires 0 nodes but got %u", p->mode,
			count_bits(p->nodes, NODE_MAX));
	if (!p->nodes && with)
		return check_fail(
			c, EINVAL, "linux.memoryPolicy.nodes: %s needs at least one", p->mode);
	return 0;
}

int check_time_offsets(const struct spec *spec, const struct checker *c)
{
	const struct spec_namespace *ns = check_namespace(spec, "time");

	for (size_t i = 0; i < spec->linux.time_offsets.n; i++) {
		const struct spec_time_offset *o = &spec->linux.time_offsets.v[i];

		if (!streq(o->clock, "monotonic") && !streq(o->clock, "boottime"))
			return check_fail(c, EINVAL,
				"linux.timeOffsets: unknown clock \"%.40s\", there are "
				"\"monotonic\" "
				"and \"boottime\"",
				o->clock);
		if (o->nanosecs > NANOSECS_MAX)
			return check_fail(c, EINVAL,
				"linux.timeOffsets.%s.nanosecs: must be below a second, got "
				"%" PRIu32,
				o->clock, o->nanosecs);
		if (!ns || ns->path)
			return check_fail(c, EINVAL,
				"linux.timeOffsets: needs a new time namespace in "
				"linux.namespaces");
	}
	return 0;
}
