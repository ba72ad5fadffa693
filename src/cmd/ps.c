/* vmrun ps */
#include "cmd/cmd.h"
#include "cmd/print.h"
#include "cmd/ps_columns.h"

#include <time.h>

enum { PS_FORMAT };

static int put_table(
	const struct process_list *list, const struct ps_columns *columns, struct buf *b)
{
	struct timespec now;

	clock_gettime(CLOCK_REALTIME, &now);
	return ps_columns_print(columns, list, (int64_t)now.tv_sec * 1000000000 + now.tv_nsec, b);
}

static int run(const struct runtime *rt, const union opt_value *v, const struct strv *args,
	struct err *err)
{
	const char *format = v[PS_FORMAT].text ? v[PS_FORMAT].text : "table";
	AUTO(process_list_done) struct process_list list = { 0 };
	AUTO(buf_done) struct buf b = { 0 };
	struct ps_columns columns;
	int r;

	if (!streq(format, "table") && !streq(format, "json"))
		return err_set(err, EINVAL, "--format: expected table or json, got \"%s\"", format);
	r = ps_columns_choose((const char *const *)args->v + 1, args->n - 1, &columns, err);
	if (r == 0)
		r = container_processes(rt, args->v[0], &list, err);
	if (r < 0)
		return r;
	/* JSON is for programs on the host, which know the container by its process there. */
	r = streq(format, "json") ? buf_printf(&b, "[%d]\n", list.anchor)
				  : put_table(&list, &columns, &b);
	return r < 0 ? err_sys(err, -r, "ps") : print_buf(&b, err);
}

static const struct opt options[] = {
	[PS_FORMAT] = { "format", 'f', OPT_TEXT, "table|json",
		"the guest's processes, or the host's pid" },
	{ 0 },
};

const struct cmd cmd_ps = {
	.name = "ps",
	.arguments = "ID [OPTIONS OF PS]",
	.help = "list the processes of a container",
	.options = options,
	.args_min = 1,
	.args_max = 16,
	.passes_arguments = true,
	.run = run,
};
