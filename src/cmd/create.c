/* vmrun create */
#include "cmd/cmd.h"
#include "cmd/create_opts.h"

#include <stdlib.h>

static int run(const struct runtime *rt, const union opt_value *v, const struct strv *args,
	struct err *err)
{
	struct passed_fds passed;
	struct create_options options = {
		.bundle = v[CREATE_BUNDLE].text ? v[CREATE_BUNDLE].text : ".",
		.config = v[CREATE_CONFIG].text,
		.pid_file = v[CREATE_PID_FILE].text,
		.console_socket = v[CREATE_CONSOLE_SOCKET].text,
		.pidfd_socket = v[CREATE_PIDFD_SOCKET].text,
		.notify_socket = getenv("NOTIFY_SOCKET"),
		.passed = &passed,
	};
	int r = create_opts_check(v, &passed, err);

	return r ? r : container_create(rt, args->v[0], &options, NULL, err);
}

static const struct opt options[] = { CREATE_OPTIONS, { 0 } };

const struct cmd cmd_create = {
	.name = "create",
	.arguments = "ID",
	.help = "make a container, up to the start of its program",
	.options = options,
	.args_min = 1,
	.args_max = 1,
	.run = run,
};
