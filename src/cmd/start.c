/* vmrun start */
#include "cmd/cmd.h"

#include <stdlib.h>

static int run(const struct runtime *rt, const union opt_value *v, const struct strv *args,
	struct err *err)
{
	(void)v;
	return container_start(rt, args->v[0], getenv("NOTIFY_SOCKET"), NULL, err);
}

const struct cmd cmd_start = {
	.name = "start",
	.arguments = "ID",
	.help = "start the program of a created container",
	.args_min = 1,
	.args_max = 1,
	.run = run,
};
