/* vmrun list */
#include "base/json_out.h"
#include "cmd/cmd.h"
#include "cmd/print.h"

enum { LIST_QUIET, LIST_FORMAT };

static void put_json(struct json_out *out, const struct state *s, enum status status)
{
	json_object(out);
	json_key_str(out, "ociVersion", s->oci_version);
	json_key_str(out, "id", s->id);
	json_key(out, "pid");
	json_u64(out, status == STATUS_STOPPED ? 0 : (uint64_t)s->anchor.pid);
	json_key_str(out, "status", status_name(status));
	json_key_str(out, "bundle", s->bundle);
	json_key_str(out, "rootfs", s->rootfs);
	json_key_str(out, "created", s->created);
	json_key_str(out, "owner", s->owner_uid == 0 ? "root" : "");
	json_end(out);
}

static int put_row(struct buf *b, const struct state *s, enum status status)
{
	return buf_printf(b, "%-35s %-9d %-9s %-35s %-30s %s\n", s->id,
		status == STATUS_STOPPED ? 0 : (int)s->anchor.pid, status_name(status), s->bundle,
		s->created, s->owner_uid == 0 ? "root" : "");
}

/* What a list is made of: a container that goes meanwhile is left out. */
static int put_all(const struct runtime *rt, const struct strv *ids, bool quiet,
	struct json_out *json, struct buf *b)
{
	int r = 0;

	for (size_t i = 0; r == 0 && i < ids->n; i++) {
		AUTO(state_free) struct state *s = NULL;
		struct err ignored = ERR_NONE;

		if (container_open(rt, ids->v[i], &s, &ignored) < 0 || !s->bundle)
			continue;
		if (json)
			put_json(json, s, state_status(s));
		else if (quiet)
			r = buf_printf(b, "%s\n", s->id);
		else
			r = put_row(b, s, state_status(s));
	}
	return r;
}

static int run(const struct runtime *rt, const union opt_value *v, const struct strv *args,
	struct err *err)
{
	const char *format = v[LIST_FORMAT].text ? v[LIST_FORMAT].text : "table";
	bool json = streq(format, "json"), quiet = v[LIST_QUIET].flag;
	AUTO(strv_done) struct strv ids = { 0 };
	AUTO(buf_done) struct buf b = { 0 };
	struct json_out out;
	int r = container_list(rt, &ids, err);

	(void)args;
	if (r < 0)
		return r;
	if (!json && !streq(format, "table"))
		return err_set(err, EINVAL, "--format: expected table or json, got \"%s\"", format);
	json = json && !quiet;
	if (json) {
		json_init(&out, &b, false);
		json_array(&out);
	} else if (!quiet) {
		r = buf_printf(&b, "%-35s %-9s %-9s %-35s %-30s %s\n", "ID", "PID", "STATUS",
			"BUNDLE", "CREATED", "OWNER");
	}
	if (r == 0)
		r = put_all(rt, &ids, quiet, json ? &out : NULL, &b);
	if (json) {
		json_end(&out);
		if (r == 0)
			r = json_finish(&out);
		if (r == 0)
			r = buf_append(&b, "\n", 1);
	}
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
