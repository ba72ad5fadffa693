/* /etc/vmrun/vmrun.conf and its drop-ins: JSON with comments, one table of keys. */
#pragma once

#include "base/err.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct conf {
	char *kernel;		/* "auto" or a path */
	char *modules;		/* "" or a path */
	char *kernel_params;	/* appended to the command line */
	char *cache_dir;	/* a path, see base/places.h */
	char *hypervisor;	/* "auto", "kvm" or "qemu" */
	char *qemu;		/* "auto" or a path */
	char *vm_paths;		/* folders with colons between them */
	char *vm_kernel_params; /* names with blanks between them */
	uint64_t memory_mib, vcpus;
	uint64_t memory_max_mib, vcpus_max, vcpus_spare;
	uint64_t boot_timeout_s;
	uint64_t console_log_max_kib;
	char *share_cache;  /* "auto", "none" or "always": oci/share_options.h */
	char *share_locks;  /* "auto", "host" or "guest": likewise */
	char *share_events; /* "on" or "off" */
	bool strict;	    /* a protection that would be ignored is refused */
};

/* A row of the table, for the documentation test. */
struct conf_key {
	const char *name;
	size_t offset;
	const char *text_default; /* a string's default; NULL: a number or a flag */
	const char *const *words; /* of a string that must be one of these, to NULL; or NULL */
	uint64_t number_default, min, max;
	bool is_flag; /* off by default */
	const char *help;
};

extern const struct conf_key conf_keys[];
extern const size_t conf_key_count;

/*
 * Reads path (NULL: the default place; a missing default is no error) and the files *.conf in
 * conf.d beside it in the order of their names; later values win. Unknown keys and wrong types are
 * errors that name file and key. VMRUN_KERNEL and VMRUN_HYPERVISOR in the environment win over
 * "kernel" and "hypervisor".
 */
int conf_read(const char *path, struct conf *ret, struct err *err) CHECKED;
void conf_done(struct conf *c);
