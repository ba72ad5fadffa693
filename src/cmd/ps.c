/* vmrun ps */
#include "cmd/cmd.h"
#include "cmd/print.h"

enum { PS_FORMAT };

static int put_table(const struct process_list *list, struct buf *b)
{
	int r = buf_printf(b, "%-8s %-8s %-8s %-10s %s\n", "UID", "PID", "PPID", "TIME", "CMD");

	for (size_t i = 0; r == 0 && i < list->n; i++) {
		const struct process_info *p = &list->v[i];
		unsigned long long s = p->cpu_ms / 1000;

		r = buf_printf(b, "%-8u %-8u %-8u %02llu:%02llu:%02llu   %s\n", p->uid, p->pid,
			p->ppid, s / 3600, s / 60 % 60, s % 60, p->command);
	}
	return r;
}

static int run(const struct runtime *rt, const union opt_value *v, const struct strv *args,
	struct err *err)
{
	const char *format = v[PS_FORMAT].text ? v[PS_FORMAT].text : "table";
	AUTO(process_list_done) struct process_list list = { 0 };
	AUTO(buf_done) struct buf b = { 0 };
	int r;

	if (!streq(format, "table") && !streq(format, "json"))
		return err_set(err, EINVAL, "--format: expected table or json, got \"%s\"", format);
	r = container_processes(rt, args->v[0], &list, err);
	if (r < 0)
		return r;
	/* JSON is for programs on the host, which know the container by its process there. */
	r = streq(format, "json") ? buf_printf(&b, "[%d]\n", list.anchor) : put_table(&list, &b);
	return r < 0 ? err_sys(err, -r, "ps") : print_buf(&b, err);
}

static const struct opt options[] = {
	[PS_FORMAT] = { "format", 'f', OPT_TEXT, "table|json",
		"the guest's processes, or the host's pid" },
	{ 0 },
};

const struct cmd cmd_ps = {
	.name = "ps",
	.arguments = "ID",
	.help = "list the processes of a container",
	.options = options,
	.args_min = 1,
	.args_max = 1,
	.run = run,
};
