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
 * program; *ret_flags gets SECCOMP_FILTER_FLAG_*. An empty program means that everything is
 * allowed and no filter is to be installed. Syscall names that libseccomp does not know are
 * skipped, as other runtimes do. file is what errors begin with. Errors: -EINVAL, -ENOMEM.
 */
int seccomp_compile(const struct spec_seccomp *seccomp, const char *file, struct buf *program,
	uint32_t *ret_flags, struct err *err) CHECKED;

/* Whether the name is known and can be honoured. */
enum seccomp_names {
	SECCOMP_ACTIONS,
	SECCOMP_OPERATORS,
	SECCOMP_ARCHS,
	SECCOMP_FLAGS,
};

bool seccomp_knows(enum seccomp_names which, const char *name);

/* The i-th name, or NULL at the end. */
const char *seccomp_name(enum seccomp_names which, size_t i);
