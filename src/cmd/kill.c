/* vmrun kill */
#include "cmd/cmd.h"
#include "cmd/signals.h"

enum { KILL_ALL };

static int run(const struct runtime *rt, const union opt_value *v, const struct strv *args,
	struct err *err)
{
	const char *name = args->n > 1 ? args->v[1] : "TERM";
	int number = signal_number(name);

	if (number < 0)
		return err_set(err, EINVAL, "unknown signal \"%s\"", name);
	return container_kill(rt, args->v[0], number, v[KILL_ALL].flag, err);
}

static const struct opt options[] = {
	[KILL_ALL] = { "all", 'a', OPT_FLAG, NULL, "every process of the container" },
	{ 0 },
};

const struct cmd cmd_kill = {
	.name = "kill",
	.arguments = "ID [SIGNAL]",
	.help = "send a signal (TERM) to a container",
	.options = options,
	.args_min = 1,
	.args_max = 2,
	.run = run,
};
