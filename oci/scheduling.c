/* The tables of scheduling: see scheduling.h. Read by the checks, the translation and features. */
#include "oci/scheduling.h"

#include "base/str.h"

#include <linux/ioprio.h>
#include <linux/mempolicy.h>
#include <linux/sched.h>

/* Newer than some headers; the values are the kernel's ABI. */
#define MEMORY_WEIGHTED_INTERLEAVE 6
#define SCHED_RESERVED_ISO	   4

struct name {
	const char *name;
	int number;
};

static const struct name policies[] = {
	{ "SCHED_OTHER", SCHED_NORMAL },
	{ "SCHED_FIFO", SCHED_FIFO },
	{ "SCHED_RR", SCHED_RR },
	{ "SCHED_BATCH", SCHED_BATCH },
	{ "SCHED_ISO", SCHED_RESERVED_ISO },
	{ "SCHED_IDLE", SCHED_IDLE },
	{ "SCHED_DEADLINE", SCHED_DEADLINE },
	{ NULL, 0 },
};

static const struct name flags[] = {
	{ "SCHED_FLAG_RESET_ON_FORK", SCHED_FLAG_RESET_ON_FORK },
	{ "SCHED_FLAG_RECLAIM", SCHED_FLAG_RECLAIM },
	{ "SCHED_FLAG_DL_OVERRUN", SCHED_FLAG_DL_OVERRUN },
	{ "SCHED_FLAG_KEEP_POLICY", SCHED_FLAG_KEEP_POLICY },
	{ "SCHED_FLAG_KEEP_PARAMS", SCHED_FLAG_KEEP_PARAMS },
	{ "SCHED_FLAG_UTIL_CLAMP_MIN", SCHED_FLAG_UTIL_CLAMP_MIN },
	{ "SCHED_FLAG_UTIL_CLAMP_MAX", SCHED_FLAG_UTIL_CLAMP_MAX },
	{ NULL, 0 },
};

static const struct name io_classes[] = {
	{ "IOPRIO_CLASS_RT", IOPRIO_CLASS_RT },
	{ "IOPRIO_CLASS_BE", IOPRIO_CLASS_BE },
	{ "IOPRIO_CLASS_IDLE", IOPRIO_CLASS_IDLE },
	{ NULL, 0 },
};

static const struct name memory_modes[] = {
	{ "MPOL_DEFAULT", MPOL_DEFAULT },
	{ "MPOL_BIND", MPOL_BIND },
	{ "MPOL_INTERLEAVE", MPOL_INTERLEAVE },
	{ "MPOL_WEIGHTED_INTERLEAVE", MEMORY_WEIGHTED_INTERLEAVE },
	{ "MPOL_PREFERRED", MPOL_PREFERRED },
	{ "MPOL_PREFERRED_MANY", MPOL_PREFERRED_MANY },
	{ "MPOL_LOCAL", MPOL_LOCAL },
	{ NULL, 0 },
};

static const struct name memory_flags[] = {
	{ "MPOL_F_NUMA_BALANCING", MPOL_F_NUMA_BALANCING },
	{ "MPOL_F_RELATIVE_NODES", MPOL_F_RELATIVE_NODES },
	{ "MPOL_F_STATIC_NODES", MPOL_F_STATIC_NODES },
	{ NULL, 0 },
};

static const struct name *const tables[] = {
	[SCHED_POLICIES] = policies,
	[SCHED_FLAGS] = flags,
	[IO_CLASSES] = io_classes,
	[MEMORY_MODES] = memory_modes,
	[MEMORY_FLAGS] = memory_flags,
};

int scheduling_number(enum scheduling_table table, const char *name)
{
	for (const struct name *n = tables[table]; n->name; n++)
		if (streq(n->name, name))
			return n->number;
	return -1;
}

const char *scheduling_name(enum scheduling_table table, size_t i)
{
	return tables[table][i].name;
}

uint64_t scheduling_flags(enum scheduling_table table, const struct spec_strings *list)
{
	uint64_t mask = 0;

	for (size_t i = 0; i < list->n; i++) {
		int number = scheduling_number(table, list->v[i]);

		if (number > 0)
			mask |= (uint64_t)number;
	}
	return mask;
}
