/*
 * What a host offers to vmrun, one row for each thing that guests or pods need. Rows only look. A
 * row fails exactly when vmrun cannot run here because of it.
 */
#pragma once

#include "base/buf.h"
#include "host/monitor.h"

enum fact_status {
	FACT_OK,
	FACT_WARN, /* works, but slower, or without something */
	FACT_FAIL,
};

struct fact {
	const char *name;
	enum fact_status status;
	char found[320];
	char fix[320]; /* what mends it, a command where there is one; "" when ok */
};

/* What rows need to know. Nothing in it is theirs. */
struct facts_env {
	int host;	       /* fd of the root directory; tests bring their own */
	const char *root;      /* the state directory */
	const char *cache_dir; /* and other settings */
	const char *kernel, *modules;
	uint64_t memory_mib;
	const struct monitor_facts *monitors;
	const struct monitor_choice *choice; /* NULL: no monitor works here */
};

struct fact_row {
	const char *name;
	void (*look)(const struct facts_env *env, struct fact *f);
};

#define FACT_ROWS 15

extern const struct fact_row fact_rows[FACT_ROWS];

/* "ok", "warn" or "fail". */
const char *fact_status_name(enum fact_status s);

/* All rows. Returns whether none failed. */
bool facts_look(const struct facts_env *env, struct fact facts[static FACT_ROWS]);
