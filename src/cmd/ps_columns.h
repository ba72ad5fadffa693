/* The columns of "vmrun ps", chosen as ps(1) lets one choose them. */
#pragma once

#include "base/buf.h"
#include "base/err.h"
#include "pod/container.h"

#define PS_COLUMNS_MAX 32

struct ps_columns {
	const struct ps_column *v[PS_COLUMNS_MAX];
	size_t n;
	bool header; /* not when every column is given an empty one ("-o pid=") */
};

/*
 * What ps's own options ask for: -e, -A, -a, -x and the like choose processes, which are the
 * container's anyway; -f, -F, -l and "u" choose columns, "-o pid,args" lists them. None at all are
 * "-ef". An option that is not known is an error.
 */
int ps_columns_choose(
	const char *const *options, size_t count, struct ps_columns *ret, struct err *err) CHECKED;

/* now_ns: CLOCK_REALTIME, for ages. Returns 0 or -ENOMEM. */
int ps_columns_print(const struct ps_columns *columns, const struct process_list *list,
	int64_t now_ns, struct buf *out) CHECKED;
