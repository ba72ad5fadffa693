/* The columns of "vmrun ps": the names, titles, widths and values of procps's ps(1). */
#pragma once

#include "base/buf.h"
#include "base/err.h"
#include "container/container.h"

#define PS_COLUMNS_MAX 64

struct ps_column;

/* A column as it was asked for. */
struct ps_field {
	const struct ps_column *column;
	int width;	   /* as procps's; a process number's is 0 until it is printed */
	const char *title; /* title_len bytes, printed in capitals unless it is the caller's own */
	size_t title_len;
	bool own_title;
};

struct ps_fields {
	struct ps_field v[PS_COLUMNS_MAX];
	size_t n;
	bool true_names; /* of programs, where their arguments would be (BSD's "c") */
};

/* What values depend on beside the process. */
struct ps_host {
	int64_t now_ns; /* CLOCK_REALTIME, for ages */
	int pid_width;	/* of columns of process numbers: as many digits as the host's have */
};

/* Appends the column with that name (len bytes); -ENOENT: there is none, -E2BIG: too many. */
int ps_fields_add(struct ps_fields *to, const char *name, size_t len) CHECKED;

/* The line of titles; nothing when all of them are empty ("-o pid="). 0 or -ENOMEM. */
int ps_fields_print_titles(
	const struct ps_fields *fields, const struct ps_host *host, struct buf *out) CHECKED;

/*
 * A line of values. branch: what stands before the program, of a tree ("" without). 0 or -ENOMEM.
 */
int ps_fields_print(const struct ps_fields *fields, const struct ps_host *host,
	const struct process_list *list, const struct process_info *p, const char *branch,
	struct buf *out) CHECKED;

/* The value alone of a column, to sort by. */
int ps_field_value(const struct ps_field *field, const struct ps_host *host,
	const struct process_list *list, const struct process_info *p, struct buf *out) CHECKED;
