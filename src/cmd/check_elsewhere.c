/*
 * vmrun check, in vmrun: vmrun-prepare does it, which has what it takes to look into kernels. vmrun
 * itself starts faster without.
 */
#include "base/program.h"
#include "cmd/check_opts.h"
#include "cmd/cmd.h"

#include <unistd.h>

static int run(const struct runtime *rt, const union opt_value *v, const struct strv *args,
	struct err *err)
{
	char path[PATH_MAX];
	int r = program_path("vmrun-prepare", path, err);

	(void)rt;
	(void)v;
	(void)args;
	if (r < 0)
		return r;
	execv(path, cmd_argv);
	return err_sys(err, errno, "%s", path);
}

static const struct opt options[] = {
	CHECK_OPTIONS,
	{ 0 },
};

const struct cmd cmd_check = {
	.name = "check",
	.arguments = "",
	.help = CHECK_HELP,
	.options = options,
	.run = run,
};
