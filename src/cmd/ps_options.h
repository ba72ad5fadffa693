/* The options of ps(1) that "vmrun ps ID" passes on: what is shown of whom, in which order. */
#pragma once

#include "base/buf.h"
#include "base/err.h"
#include "base/str.h"
#include "cmd/ps_columns.h"

/* Lists of which a process must be in one, if any was given. */
enum ps_select {
	PS_SELECT_PID,
	PS_SELECT_PPID,
	PS_SELECT_SID,
	PS_SELECT_EUID,
	PS_SELECT_RUID,
	PS_SELECT_NAME,
	PS_SELECTS
};

enum ps_tree {
	PS_TREE_NONE,
	PS_TREE_INDENTED, /* -H */
	PS_TREE_DRAWN,	  /* f */
};

struct ps_request {
	struct ps_fields fields;
	struct strv select[PS_SELECTS];
	bool all, deselect, running;
	bool no_titles;
	enum ps_tree tree;
	struct ps_fields sort; /* keys, the first one first */
	bool descending[PS_COLUMNS_MAX];
};

/*
 * Reads procps's options, of all three kinds, as procps does: when those with one dash make no
 * sense as UNIX options, all are taken for BSD options. None at all are "-ef", as with runc. What
 * chooses processes by terminal or user of the caller chooses all, since they are the container's.
 * An option that is not known, or that contradicts another, is an error. The request points into
 * the words; released with ps_request_done().
 */
int ps_options_parse(
	const char *const *words, size_t count, struct ps_request *ret, struct err *err) CHECKED;
void ps_request_done(struct ps_request *r);

DEFINE_AUTO_VAL(ps_request_done, struct ps_request)

/* Prints list as the request has it. 0 or -ENOMEM. */
int ps_print(const struct ps_request *r, const struct ps_host *host,
	const struct process_list *list, struct buf *out) CHECKED;
