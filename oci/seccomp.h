/*
 * linux.seccomp to a BPF program, by libseccomp, on the host: the guest needs no library. Names and
 * values are in tables that the checks and "features" read too.
 */
#pragma once

#include "base/buf.h"
#include "base/err.h"
#include "oci/spec.h"

/*
 * Compiles a checked section. The program (struct sock_filter[], for seccomp(2)) is appended to
 * program; *ret_flags gets SECCOMP_FILTER_FLAG_*, NEW_LISTENER among them when it notifies. Syscall
 * names that libseccomp does not know are skipped, as other runtimes do. file is what errors begin
 * with. Errors: -EINVAL, -ENOMEM.
 */
int seccomp_compile(const struct spec_seccomp *seccomp, const char *file, struct buf *program,
	uint32_t *ret_flags, struct err *err) CHECKED;

enum seccomp_table {
	SECCOMP_ACTIONS,
	SECCOMP_OPERATORS,
	SECCOMP_ARCHS,
	SECCOMP_FLAGS,
	SECCOMP_TABLES,
};

struct seccomp_name {
	const char *name;
	uint32_t value; /* libseccomp's or the kernel's constant */
	bool has_errno; /* an action that takes errnoRet */
	bool foreign;	/* an architecture that our guests cannot run: nothing to filter */
	bool notifying; /* an action of, a flag for filters with a listener */
};

/* The row of a name, or NULL when it is unknown. */
const struct seccomp_name *seccomp_find(enum seccomp_table table, const char *name);

/* The i-th row, or NULL at the end. */
const struct seccomp_name *seccomp_row(enum seccomp_table table, size_t i);

/* Whether it has rules whose action is SCMP_ACT_NOTIFY, so that the process has a listener. */
bool seccomp_notifies(const struct spec_seccomp *seccomp);

/* Whether a filter can have rules for a system call; those of other calls are left out of it. */
bool seccomp_knows_syscall(const char *name);

/* The greatest errnoRet: of SCMP_ACT_ERRNO what libseccomp takes, of others what fits. */
#define SECCOMP_ERRNO_MAX 4094u
#define SECCOMP_DATA_MAX  UINT16_MAX
