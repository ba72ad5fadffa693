/* vmrun explain: what becomes of each field of a bundle. Needs neither root nor KVM. */
#include "oci/explain.h"

#include "cmd/cmd.h"
#include "cmd/print.h"
#include "oci/annotations.h"
#include "oci/check.h"
#include "oci/parse.h"
#include "pod/conf.h"

#include <fcntl.h>

enum { EXPLAIN_BUNDLE, EXPLAIN_FORMAT, EXPLAIN_TABLE };

static int read_format(const char *format, bool *json, struct err *err)
{
	*json = format && streq(format, "json");
	if (format && !*json && !streq(format, "text"))
		return err_set(err, EINVAL, "--format: expected text or json, got \"%s\"", format);
	return 0;
}

static int print_table(bool json, struct err *err)
{
	AUTO(buf_done) struct buf out = { 0 };

	if (explain_table(json, &out) < 0)
		return err_sys(err, ENOMEM, "explain");
	return print_buf(&out, err);
}

static int open_bundle(const char *bundle, struct spec **ret, struct err *err)
{
	AUTO_CLOSE int dir = open(bundle, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	int r;

	if (dir < 0)
		return err_sys(err, errno, "bundle %s", bundle);
	r = spec_read(dir, "config.json", "config.json", ret, err);
	if (r == -ENOENT) {
		err_clear(err);
		r = err_sys(err, ENOENT, "%s/config.json", bundle);
	}
	return r;
}

/* All that create says no to before it makes anything. Memory that is out is no refusal. */
static int judge(const struct spec *spec, bool strict, struct err *refusal)
{
	struct machine_shape defaults = { 0 }, shape;
	int r = spec_check(spec, NULL, refusal);

	if (r == 0 && strict)
		r = spec_check_strict(spec, refusal);
	return r == 0 ? machine_shape(spec, &defaults, &shape, refusal) : r;
}

static int run(const struct runtime *rt, const union opt_value *v, const struct strv *args,
	struct err *err)
{
	const char *given = v[EXPLAIN_BUNDLE].text;
	AUTO(buf_done) struct buf out = { 0 };
	AUTO(spec_free) struct spec *spec = NULL;
	struct err refusal = ERR_NONE, unread = ERR_NONE;
	struct explanation how = { .refusal = &refusal };
	struct conf conf = { 0 };
	int r = read_format(v[EXPLAIN_FORMAT].text, &how.json, err);

	if (r == 0 && v[EXPLAIN_TABLE].flag)
		return print_table(how.json, err);
	if (r == 0 && given && args->n)
		r = err_set(err, EINVAL, "the bundle is given twice: %s and %s", given, args->v[0]);
	if (r == 0)
		r = conf_read(rt->config_file, &conf, err);
	how.strict = conf.strict;
	conf_done(&conf);
	if (r == 0)
		r = open_bundle(given ? given : args->n ? args->v[0] : ".", &spec, err);
	if (r < 0)
		return r;
	(void)!judge(spec, how.strict, &refusal);
	r = explain_print(spec, &how, &out, err);
	return print_buf(&out, r < 0 ? &unread : err) < 0 && r == 0 ? -err->code : r;
}

static const struct opt options[] = {
	[EXPLAIN_BUNDLE] = { "bundle", 'b', OPT_TEXT, "DIR", "the bundle (the working directory)" },
	[EXPLAIN_FORMAT] = { "format", 'f', OPT_TEXT, "text|json", "how to print it (text)" },
	[EXPLAIN_TABLE] = { "table", 0, OPT_FLAG, NULL,
		"every property of the specification, instead of a bundle's" },
	{ 0 },
};

const struct cmd cmd_explain = {
	.name = "explain",
	.arguments = "[BUNDLE]",
	.help = "say what becomes of each field of a bundle's config.json",
	.options = options,
	.args_max = 1,
	.run = run,
};
