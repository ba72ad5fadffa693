/* vmrun delete */
#include "cmd/cmd.h"

enum { DELETE_FORCE };

static int run(const struct runtime *rt, const union opt_value *v, const struct strv *args,
	struct err *err)
{
	return container_delete(rt, args->v[0], v[DELETE_FORCE].flag, err);
}

static const struct opt options[] = {
	[DELETE_FORCE] = { "force", 'f', OPT_FLAG, NULL, "kill it first; none is as good" },
	{ 0 },
};

const struct cmd cmd_delete = {
	.name = "delete",
	.arguments = "ID",
	.help = "forget a container that is stopped, or was never started",
	.options = options,
	.args_min = 1,
	.args_max = 1,
	.run = run,
};
