/* A row of facts*.c: what it gets, what it fills, and what rows share to read the host's files. */
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

/* "ok", "warn" or "fail". */
const char *fact_status_name(enum fact_status s);

/* Appends to what was found. */
void fact_found(struct fact *f, const char *fmt, ...) PRINTF_LIKE(2, 3);
/* The row is not ok; this mends it. */
void fact_mend(struct fact *f, enum fact_status status, const char *fmt, ...) PRINTF_LIKE(3, 4);

/*
 * Reads a file of the host; path without the leading slash. NULL when it cannot be read, else the
 * text, which belongs to b.
 */
const char *fact_read(const struct facts_env *env, const char *path, struct buf *b);
bool fact_exists(const struct facts_env *env, const char *path);

/* Is word among those of the first line of a cpuinfo that begins with "flags"? */
bool cpuinfo_has_flag(const char *cpuinfo, const char *word);
/* The value of the first line for key, without its newline: *len bytes; NULL when there is none. */
const char *cpuinfo_value(const char *cpuinfo, const char *key, size_t *len);

/* The kernel module behind /dev/kvm ("kvm_amd"), or NULL. */
const char *kvm_back_end(const struct facts_env *env);

enum cgroup_kind {
	CGROUP_NONE,
	CGROUP_V1,
	CGROUP_HYBRID,
	CGROUP_V2,
};

/*
 * Of /proc/self/mountinfo. controllers: those of v1 hierarchies, separated by spaces, are appended.
 */
enum cgroup_kind cgroup_kind_of(const char *mountinfo, struct buf *controllers);

/* 'y', 'm' or 'n' as a kernel's configuration says, 0 when it does not. */
char kernel_config_value(const char *config, const char *option);
/* Is the module (with underscores) in a modules.dep or modules.builtin? */
bool modules_list_has(const char *list, const char *module);

/* The rows. */
void fact_cpu(const struct facts_env *env, struct fact *f);
void fact_kvm(const struct facts_env *env, struct fact *f);
void fact_nested(const struct facts_env *env, struct fact *f);
void fact_kernel(const struct facts_env *env, struct fact *f);
void fact_drivers(const struct facts_env *env, struct fact *f);
void fact_qemu(const struct facts_env *env, struct fact *f);
void fact_tun(const struct facts_env *env, struct fact *f);
void fact_tc(const struct facts_env *env, struct fact *f);
void fact_cgroup(const struct facts_env *env, struct fact *f);
void fact_memory(const struct facts_env *env, struct fact *f);
void fact_rights(const struct facts_env *env, struct fact *f);
void fact_state(const struct facts_env *env, struct fact *f);
void fact_cache(const struct facts_env *env, struct fact *f);
void fact_lsm(const struct facts_env *env, struct fact *f);
void fact_programs(const struct facts_env *env, struct fact *f);
