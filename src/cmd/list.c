/* vmrun list */
#include "base/json_out.h"
#include "cmd/cmd.h"
#include "cmd/print.h"

#include <string.h>

enum { LIST_QUIET, LIST_FORMAT };

#define COLUMNS 6

static const char *const titles[COLUMNS] = { "ID", "PID", "STATUS", "BUNDLE", "CREATED", "OWNER" };

/* As runc's table: a column is as wide as its longest cell and three blanks, but no less than 12.
 */
#define WIDTH_MIN 12
#define PADDING	  3

static const char *owner_of(const struct state *s)
{
	return s->owner_uid == 0 ? "root" : "";
}

static pid_t pid_of(const struct state *s)
{
	return state_status(s) == STATUS_STOPPED ? 0 : s->anchor.pid;
}

static void put_annotations(struct json_out *out, const struct state *s)
{
	if (s->annotations.n == 0)
		return;
	json_key(out, "annotations");
	json_object(out);
	for (size_t i = 0; i + 1 < s->annotations.n; i += 2)
		json_key_str(out, s->annotations.v[i], s->annotations.v[i + 1]);
	json_end(out);
}

static void put_json(struct json_out *out, const struct state *s)
{
	json_object(out);
	json_key_str(out, "ociVersion", s->oci_version);
	json_key_str(out, "id", s->id);
	json_key(out, "pid");
	json_u64(out, (uint64_t)pid_of(s));
	json_key_str(out, "status", status_name(state_status(s)));
	json_key_str(out, "bundle", s->bundle);
	json_key_str(out, "rootfs", s->rootfs);
	json_key_str(out, "created", s->created);
	put_annotations(out, s);
	json_key_str(out, "owner", owner_of(s));
	json_end(out);
}

/* A row of cells. */
static int add_row(struct strv *cells, const struct state *s)
{
	int r = strv_add(cells, s->id);

	if (r == 0)
		r = strv_addf(cells, "%d", pid_of(s));
	if (r == 0)
		r = strv_add(cells, status_name(state_status(s)));
	if (r == 0)
		r = strv_add(cells, s->bundle);
	if (r == 0)
		r = strv_add(cells, s->created);
	return r ? r : strv_add(cells, owner_of(s));
}

static int put_table(const struct strv *cells, struct buf *b)
{
	int width[COLUMNS] = { 0 }, r = 0;

	for (size_t i = 0; i < cells->n; i++) {
		int len = (int)strlen(cells->v[i]) + PADDING;

		if (len > width[i % COLUMNS])
			width[i % COLUMNS] = len;
	}
	for (size_t i = 0; r == 0 && i < cells->n; i++) {
		size_t column = i % COLUMNS;

		if (column == COLUMNS - 1)
			r = buf_printf(b, "%s\n", cells->v[i]);
		else
			r = buf_printf(b, "%-*s",
				width[column] > WIDTH_MIN ? width[column] : WIDTH_MIN, cells->v[i]);
	}
	return r;
}

/* What a list is made of: a container that goes meanwhile is left out. */
static int each(const struct runtime *rt, const struct strv *ids,
	int (*fn)(void *arg, const struct state *s), void *arg)
{
	int r = 0;

	for (size_t i = 0; r == 0 && i < ids->n; i++) {
		AUTO(state_free) struct state *s = NULL;
		struct err ignored = ERR_NONE;

		if (container_open(rt, ids->v[i], &s, &ignored) == 0 && s->bundle)
			r = fn(arg, s);
	}
	return r;
}

static int one_id(void *arg, const struct state *s)
{
	return buf_printf(arg, "%s\n", s->id);
}

static int one_row(void *arg, const struct state *s)
{
	return add_row(arg, s);
}

static int one_object(void *arg, const struct state *s)
{
	put_json(arg, s);
	return 0;
}

static int list_table(const struct runtime *rt, const struct strv *ids, struct buf *b)
{
	AUTO(strv_done) struct strv cells = { 0 };
	int r = 0;

	for (size_t i = 0; r == 0 && i < COLUMNS; i++)
		r = strv_add(&cells, titles[i]);
	if (r == 0)
		r = each(rt, ids, one_row, &cells);
	return r ? r : put_table(&cells, b);
}

static int list_json(const struct runtime *rt, const struct strv *ids, struct buf *b)
{
	struct json_out out;
	int r, e;

	json_init(&out, b, false);
	json_array(&out);
	r = each(rt, ids, one_object, &out);
	json_end(&out);
	e = json_finish(&out);
	if (r == 0)
		r = e;
	return r ? r : buf_append_str(b, "\n");
}

static int run(const struct runtime *rt, const union opt_value *v, const struct strv *args,
	struct err *err)
{
	const char *format = v[LIST_FORMAT].text ? v[LIST_FORMAT].text : "table";
	AUTO(strv_done) struct strv ids = { 0 };
	AUTO(buf_done) struct buf b = { 0 };
	int r = container_list(rt, &ids, err);

	(void)args;
	if (r < 0)
		return r;
	if (!streq(format, "json") && !streq(format, "table"))
		return err_set(err, EINVAL, "--format: expected table or json, got \"%s\"", format);
	if (v[LIST_QUIET].flag)
		r = each(rt, &ids, one_id, &b);
	else
		r = streq(format, "json") ? list_json(rt, &ids, &b) : list_table(rt, &ids, &b);
	return r < 0 ? err_sys(err, -r, "list") : print_buf(&b, err);
}

static const struct opt options[] = {
	[LIST_QUIET] = { "quiet", 'q', OPT_FLAG, NULL, "ids only" },
	[LIST_FORMAT] = { "format", 'f', OPT_TEXT, "table|json", "how to print" },
	{ 0 },
};

const struct cmd cmd_list = {
	.name = "list",
	.arguments = "",
	.help = "list the containers",
	.options = options,
	.run = run,
};
