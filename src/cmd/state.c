/* vmrun state */
#include "cmd/cmd.h"
#include "cmd/print.h"

static int run(const struct runtime *rt, const union opt_value *v, const struct strv *args,
	struct err *err)
{
	AUTO(state_free) struct state *s = NULL;
	AUTO(buf_done) struct buf out = { 0 };
	int r = container_open(rt, args->v[0], &s, err);

	(void)v;
	if (r == 0 && state_print(s, &out) < 0)
		r = err_sys(err, ENOMEM, "state");
	return r ? r : print_buf(&out, err);
}

const struct cmd cmd_state = {
	.name = "state",
	.arguments = "ID",
	.help = "print the state of a container",
	.args_min = 1,
	.args_max = 1,
	.run = run,
};
