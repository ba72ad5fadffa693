/* vmrun events */
#include "container/events.h"

#include "cmd/cmd.h"
#include "cmd/duration.h"
#include "cmd/print.h"

enum { EVENTS_INTERVAL, EVENTS_STATS };

static int print_stats(const struct runtime *rt, const char *id, struct err *err)
{
	AUTO(buf_done) struct buf line = { 0 };
	int r = container_stats(rt, id, &line, err);

	return r ? r : print_buf(&line, err);
}

static int run(const struct runtime *rt, const union opt_value *v, const struct strv *args,
	struct err *err)
{
	const char *interval = v[EVENTS_INTERVAL].text ? v[EVENTS_INTERVAL].text : "5s";
	uint64_t ms;

	if (duration_ms(interval, &ms) < 0 || ms == 0)
		return err_set(err, EINVAL,
			"--interval: expected a duration above 0 (\"5s\", \"250ms\"), got \"%s\"",
			interval);
	if (v[EVENTS_STATS].flag)
		return print_stats(rt, args->v[0], err);
	return container_events(rt, args->v[0], ms, STDOUT_FILENO, err);
}

static const struct opt options[] = {
	[EVENTS_INTERVAL] = { "interval", 0, OPT_TEXT, "DURATION", "time between statistics (5s)" },
	[EVENTS_STATS] = { "stats", 0, OPT_FLAG, NULL, "print statistics once" },
	{ 0 },
};

const struct cmd cmd_events = {
	.name = "events",
	.arguments = "ID",
	.help = "print statistics and OOM kills of a container while it runs",
	.options = options,
	.args_min = 1,
	.args_max = 1,
	.run = run,
};
