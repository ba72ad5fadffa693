/*
 * What a host offers to vmrun, one row for each thing that guests or pods need. Rows only look. A
 * row fails exactly when vmrun cannot run here because of it.
 */
#pragma once

#include "host/fact.h"

struct fact_row {
	const char *name;
	void (*look)(const struct facts_env *env, struct fact *f);
};

#define FACT_ROWS 15

extern const struct fact_row fact_rows[FACT_ROWS];

/* All rows. Returns whether none failed. */
bool facts_look(const struct facts_env *env, struct fact facts[static FACT_ROWS]);
