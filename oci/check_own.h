/* What the check_*.c share with each other and with nobody else. */
#pragma once

#include "oci/check.h"

/* Where errors and warnings go, and what their paths begin with. */
struct checker {
	const char *file;
	const char *prefix; /* "process.", "linux.", or "" */
	struct strv *warnings;
	struct err *err;
};

/* Fills the error with "<file>: <prefix><message>". code: a positive errno value. Returns -code. */
int check_fail(const struct checker *c, int code, const char *fmt, ...) PRINTF_LIKE(3, 4);

/* Adds a warning "<file>: <prefix><message>". Returns 0 or -ENOMEM with the error filled. */
int check_warn(const struct checker *c, const char *fmt, ...) PRINTF_LIKE(2, 3);

/* Every item must be NAME=value. what: the path of the list. */
int check_env(const struct checker *c, const char *what, const struct spec_strings *env) CHECKED;

/* Every item must be an absolute path. */
int check_absolute(
	const struct checker *c, const char *what, const struct spec_strings *paths) CHECKED;

/* What the field table refuses of a file. section: as of fields_walk(). */
int check_fields(const struct json_doc *doc, const char *section, const struct checker *c) CHECKED;
/* Of a process object: scheduler, ioPriority, execCPUAffinity. */
int check_scheduling(const struct spec_process *p, const struct checker *c) CHECKED;
/* linux.memoryPolicy and linux.timeOffsets */
int check_memory_policy(const struct spec_memory_policy *p, const struct checker *c) CHECKED;
int check_time_offsets(const struct spec *spec, const struct checker *c) CHECKED;

/*
 * The rules that the kernel has for uid_map and gid_map. what: the path of the list
 * ("linux.uidMappings").
 */
int check_mapping_list(
	const struct checker *c, const char *what, const struct spec_id_mappings *maps) CHECKED;

int check_linux(const struct spec *spec, struct checker *c) CHECKED;
int check_seccomp(const struct spec_seccomp *seccomp, struct checker *c) CHECKED;

/* The namespace of a type ("uts"), or NULL when the configuration has none. */
const struct spec_namespace *check_namespace(const struct spec *spec, const char *type);
