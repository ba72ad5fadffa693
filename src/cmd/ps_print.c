/* Printing of a list of processes as ps's options ask for it: see ps_options.h. */
#include "base/auto.h"
#include "cmd/ps_options.h"

#include <stdio.h>
#include <stdlib.h>

/* A deeper tree is drawn as one of this depth. */
#define DEPTH_MAX 32

static bool has_number(const struct strv *list, uint32_t number)
{
	uint64_t value;

	for (size_t i = 0; i < list->n; i++)
		if (str_to_u64(list->v[i], &value) == 0 && value == number)
			return true;
	return false;
}

static bool has_name(const struct strv *list, const char *name)
{
	for (size_t i = 0; i < list->n; i++)
		if (streq(list->v[i], name))
			return true;
	return false;
}

/* One list that it is in is enough, as with ps. */
static bool is_chosen(const struct ps_request *r, const struct process_info *p)
{
	const struct strv *s = r->select;
	bool any = r->all;

	for (int i = 0; i < PS_SELECTS; i++)
		any = any || s[i].n;
	if (!any || r->all)
		return !r->deselect || !any;
	return r->deselect !=
	       (has_number(&s[PS_SELECT_PID], p->pid) || has_number(&s[PS_SELECT_PPID], p->ppid) ||
		       has_number(&s[PS_SELECT_SID], p->sid) ||
		       has_number(&s[PS_SELECT_EUID], p->euid) ||
		       has_number(&s[PS_SELECT_RUID], p->uid) ||
		       has_name(&s[PS_SELECT_NAME], p->name));
}

/* A process with what it is sorted by, one text for each key. */
struct row {
	const struct process_info *p;
	struct buf key[PS_COLUMNS_MAX];
	bool printed;
};

struct table {
	const struct ps_request *r;
	const struct ps_host *host;
	const struct process_list *list;
	struct row *row;
	size_t n;
	struct buf *out;
};

static int compare_texts(const char *a, const char *b)
{
	char *a_end, *b_end;
	double x = strtod(a, &a_end), y = strtod(b, &b_end);

	if (a_end != a && b_end != b && x != y)
		return x < y ? -1 : 1;
	return strcmp(a, b);
}

static int compare_rows(const void *left, const void *right, void *arg)
{
	const struct row *a = left, *b = right;
	const struct ps_request *r = arg;

	for (size_t i = 0; i < r->sort.n; i++) {
		int c = compare_texts((const char *)a->key[i].data, (const char *)b->key[i].data);

		if (c)
			return r->descending[i] ? -c : c;
	}
	return a->p->pid < b->p->pid ? -1 : a->p->pid > b->p->pid;
}

static int fill(struct table *t)
{
	int r = 0;

	for (size_t i = 0; r == 0 && i < t->list->n; i++) {
		const struct process_info *p = &t->list->v[i];
		struct row *row = &t->row[t->n];

		if (!is_chosen(t->r, p) || (t->r->running && p->state != 'R' && p->state != 'D'))
			continue;
		t->n++;
		row->p = p;
		for (size_t k = 0; r == 0 && k < t->r->sort.n; k++)
			r = ps_field_value(&t->r->sort.v[k], t->host, t->list, p, &row->key[k]);
	}
	if (r == 0 && t->n)
		qsort_r(t->row, t->n, sizeof(*t->row), compare_rows, (void *)(uintptr_t)t->r);
	return r;
}

static int print_row(struct table *t, struct row *row, const char *branch)
{
	row->printed = true;
	return ps_fields_print(&t->r->fields, t->host, t->list, row->p, branch, t->out);
}

static struct row *next_child(struct table *t, const struct row *parent, size_t *at)
{
	for (; *at < t->n; (*at)++)
		if (!t->row[*at].printed && t->row[*at].p->ppid == parent->p->pid)
			return &t->row[(*at)++];
	return NULL;
}

/* bars: bit i is set when an ancestor at depth i + 1 has another sibling below. */
static int print_tree(struct table *t, struct row *row, unsigned depth, uint32_t bars)
{
	char branch[DEPTH_MAX * 4 + 8] = "";
	size_t at = 0, len = 0;
	struct row *child, *next;
	int r;

	for (unsigned i = 0; i < depth; i++) {
		const char *part = i + 1 == depth ? " \\_ " : (bars >> i) & 1 ? " |  " : "    ";

		if (t->r->tree == PS_TREE_INDENTED)
			part = "  ";
		len += (size_t)snprintf(branch + len, sizeof(branch) - len, "%s", part);
	}
	r = print_row(t, row, branch);
	child = next_child(t, row, &at);
	for (; r == 0 && child; child = next) {
		bool deep = depth + 1 < DEPTH_MAX;

		next = next_child(t, row, &at);
		/* Two of a hostile guest's may have one number. */
		if (child->printed)
			continue;
		r = print_tree(t, child, deep ? depth + 1 : depth,
			deep && next ? bars | 1U << depth : bars & ~(1U << depth));
	}
	return r;
}

static bool has_parent(const struct table *t, const struct row *row)
{
	for (size_t i = 0; i < t->n; i++)
		if (t->row[i].p->pid == row->p->ppid && &t->row[i] != row)
			return true;
	return false;
}

static int print_rows(struct table *t)
{
	bool tree = t->r->tree != PS_TREE_NONE;
	int r = 0;

	for (size_t i = 0; r == 0 && i < t->n; i++)
		if (!tree)
			r = print_row(t, &t->row[i], "");
		else if (!has_parent(t, &t->row[i]))
			r = print_tree(t, &t->row[i], 0, 0);
	/* A guest may tell of processes that are each other's parents. */
	for (size_t i = 0; r == 0 && i < t->n; i++)
		if (!t->row[i].printed)
			r = print_row(t, &t->row[i], "");
	return r;
}

int ps_print(const struct ps_request *r, const struct ps_host *host,
	const struct process_list *list, struct buf *out)
{
	struct table t = { .r = r, .host = host, .list = list, .out = out };
	int e = 0;

	t.row = calloc(list->n + 1, sizeof(*t.row));
	if (!t.row)
		return -ENOMEM;
	if (!r->no_titles)
		e = ps_fields_print_titles(&r->fields, host, out);
	if (e == 0)
		e = fill(&t);
	if (e == 0)
		e = print_rows(&t);
	for (size_t i = 0; i < t.n; i++)
		for (size_t k = 0; k < r->sort.n; k++)
			buf_done(&t.row[i].key[k]);
	free(t.row);
	return e;
}
