/* vmrun ps */
#include "cmd/cmd.h"
#include "cmd/print.h"
#include "cmd/ps_options.h"

#include <fcntl.h>
#include <stdio.h>
#include <time.h>

enum { PS_FORMAT };

/* As many digits as the host's numbers have, as ps has it. */
static int pid_width(void)
{
	AUTO(buf_done) struct buf max = { 0 };
	struct err ignored = ERR_NONE;
	uint64_t value;
	char *text;

	if (file_read(AT_FDCWD, "/proc/sys/kernel/pid_max", 32, &max, &ignored) < 0 ||
		!buf_str(&max))
		return 5;
	text = (char *)max.data;
	text[strcspn(text, "\n")] = '\0';
	if (str_to_u64(text, &value) < 0 || value < 2)
		return 5;
	return snprintf(NULL, 0, "%llu", (unsigned long long)value - 1);
}

static int put_table(
	const struct process_list *list, const struct ps_request *request, struct buf *b)
{
	struct ps_host host = { .pid_width = pid_width() };
	struct timespec now;

	clock_gettime(CLOCK_REALTIME, &now);
	host.now_ns = (int64_t)now.tv_sec * 1000000000 + now.tv_nsec;
	return ps_print(request, &host, list, b);
}

/* For programs on the host, which know the container by its process there. */
static int put_json(const struct process_list *list, struct buf *b)
{
	return list->anchor ? buf_printf(b, "[%d]\n", list->anchor) : buf_append_str(b, "null\n");
}

static int run(const struct runtime *rt, const union opt_value *v, const struct strv *args,
	struct err *err)
{
	const char *format = v[PS_FORMAT].text ? v[PS_FORMAT].text : "table";
	AUTO(process_list_done) struct process_list list = { 0 };
	AUTO(ps_request_done) struct ps_request request = { 0 };
	AUTO(buf_done) struct buf b = { 0 };
	int r;

	if (!streq(format, "table") && !streq(format, "json"))
		return err_set(err, EINVAL, "--format: expected table or json, got \"%s\"", format);
	r = ps_options_parse((const char *const *)args->v + 1, args->n - 1, &request, err);
	if (r == 0)
		r = container_processes(rt, args->v[0], &list, err);
	if (r < 0)
		return r;
	r = streq(format, "json") ? put_json(&list, &b) : put_table(&list, &request, &b);
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
