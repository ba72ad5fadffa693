/* vmrun pause and vmrun resume */
#include "cmd/cmd.h"

static int run_pause(const struct runtime *rt, const union opt_value *v, const struct strv *args,
	struct err *err)
{
	(void)v;
	return container_pause(rt, args->v[0], true, err);
}

static int run_resume(const struct runtime *rt, const union opt_value *v, const struct strv *args,
	struct err *err)
{
	(void)v;
	return container_pause(rt, args->v[0], false, err);
}

const struct cmd cmd_pause = {
	.name = "pause",
	.arguments = "ID",
	.help = "freeze the processes of a container",
	.args_min = 1,
	.args_max = 1,
	.run = run_pause,
};

const struct cmd cmd_resume = {
	.name = "resume",
	.arguments = "ID",
	.help = "thaw the processes of a container",
	.args_min = 1,
	.args_max = 1,
	.run = run_resume,
};
