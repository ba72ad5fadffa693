/* The names of scheduling and memory policy, and the kernel's numbers for them. */
#pragma once

#include "oci/spec.h"

enum scheduling_table {
	SCHED_POLICIES,
	SCHED_FLAGS,
	IO_CLASSES,
	MEMORY_MODES,
	MEMORY_FLAGS,
};

/* The number, or -1. */
int scheduling_number(enum scheduling_table table, const char *name);

/* A name of the table, NULL beyond its end; for features. */
const char *scheduling_name(enum scheduling_table table, size_t i);

/* The flags of a list, or'ed; unknown ones are left out. */
uint64_t scheduling_flags(enum scheduling_table table, const struct spec_strings *list);
