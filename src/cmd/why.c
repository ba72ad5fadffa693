/* vmrun why */
#include "container/why.h"

#include "cmd/cmd.h"
#include "cmd/print.h"

enum { WHY_FORMAT };

static int run(const struct runtime *rt, const union opt_value *v, const struct strv *args,
	struct err *err)
{
	const char *format = v[WHY_FORMAT].text ? v[WHY_FORMAT].text : "text";
	AUTO(state_free) struct state *s = NULL;
	AUTO(buf_done) struct buf out = { 0 };
	int r;

	if (!streq(format, "text") && !streq(format, "json"))
		return err_set(err, EINVAL, "--format: expected text or json, got \"%s\"", format);
	r = container_open(rt, args->v[0], &s, err);
	if (r == 0)
		r = why_print(s, streq(format, "json"), &out, err);
	return r ? r : print_buf(&out, err);
}

static const struct opt options[] = {
	[WHY_FORMAT] = { "format", 'f', OPT_TEXT, "text|json", "how to print" },
	{ 0 },
};

const struct cmd cmd_why = {
	.name = "why",
	.arguments = "ID",
	.help = "tell how a container ended, and why",
	.options = options,
	.args_min = 1,
	.args_max = 1,
	.run = run,
};
