/* vmrun run: create, start, wait, delete. */
#include "base/timeline.h"
#include "cmd/cmd.h"
#include "cmd/create_opts.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/random.h>
#include <sys/stat.h>

enum { RUN_DETACH = CREATE_OPTION_COUNT, RUN_KEEP, RUN_NO_SUBREAPER };

/* "bundle/" or any directory with a config.json is a bundle; other words are ids. */
static bool is_bundle(const char *word)
{
	AUTO_FREE char *config = NULL;
	struct stat st;

	if (strchr(word, '/'))
		return true;
	return asprintf(&config, "%s/config.json", word) > 0 && stat(config, &st) == 0;
}

static int make_id(char **ret)
{
	uint64_t random;

	if (getrandom(&random, sizeof(random), 0) != (ssize_t)sizeof(random))
		return -errno;
	return asprintf(ret, "vmrun-%012" PRIx64, (uint64_t)(random & 0xffffffffffff)) < 0 ? -ENOMEM
											   : 0;
}

/* Which of the words is the bundle and which the id. */
static int names(const union opt_value *v, const struct strv *args, const char **bundle, char **id,
	struct err *err)
{
	const char *given = v[CREATE_BUNDLE].text, *name = NULL;
	int r;

	if (args->n == 2) {
		if (given)
			return err_set(err, EINVAL, "the bundle is given twice: %s and %s", given,
				args->v[0]);
		*bundle = args->v[0];
		name = args->v[1];
	} else if (args->n == 1 && !given && is_bundle(args->v[0])) {
		*bundle = args->v[0];
	} else {
		*bundle = given ? given : ".";
		name = args->n ? args->v[0] : NULL;
	}
	if (name) {
		*id = strdup(name);
		r = *id ? 0 : -ENOMEM;
	} else {
		r = make_id(id);
	}
	return r < 0 ? err_sys(err, -r, "id") : 0;
}

static int undo(const struct runtime *rt, const char *id, int r)
{
	struct err ignored = ERR_NONE;

	(void)!container_delete(rt, id, true, &ignored);
	return r;
}

static int run(const struct runtime *rt, const union opt_value *v, const struct strv *args,
	struct err *err)
{
	bool detach = v[RUN_DETACH].flag;
	struct passed_fds passed;
	struct create_options options = {
		.config = v[CREATE_CONFIG].text,
		.pid_file = v[CREATE_PID_FILE].text,
		.console_socket = v[CREATE_CONSOLE_SOCKET].text,
		.pidfd_socket = v[CREATE_PIDFD_SOCKET].text,
		.foreground = !detach,
		.notify_socket = getenv("NOTIFY_SOCKET"),
		.passed = &passed,
	};
	AUTO_FREE char *id = NULL;
	struct attached a;
	int r = create_opts_check(v, &passed, err), status;

	if (r == 0)
		r = names(v, args, &options.bundle, &id, err);
	if (r == 0)
		r = container_create(rt, id, &options, &a, err);
	if (r < 0)
		return r;
	r = container_start(rt, id, options.notify_socket, &a, err);
	timeline("started");
	if (r < 0 || detach) {
		attached_done(&a);
		if (r == 0 && args->n < 2 && !v[CREATE_BUNDLE].text)
			fprintf(stderr, "%s\n", id);
		return r < 0 ? undo(rt, id, r) : 0;
	}
	status = attached_wait(&a);
	timeline("ended");
	attached_done(&a);
	if (!v[RUN_KEEP].flag)
		(void)undo(rt, id, 0);
	timeline("deleted");
	return status;
}

static const struct opt options[] = {
	CREATE_OPTIONS,
	[RUN_DETACH] = { "detach", 'd', OPT_FLAG, NULL, "return when the program runs" },
	[RUN_KEEP] = { "keep", 0, OPT_FLAG, NULL, "do not delete the container when it has ended" },
	[RUN_NO_SUBREAPER] = { "no-subreaper", 0, OPT_FLAG, NULL, "accepted for runc's sake" },
	{ 0 },
};

const struct cmd cmd_run = {
	.name = "run",
	.arguments = "[BUNDLE] [ID]",
	.help = "create a container, start it, wait for it, delete it",
	.options = options,
	.args_max = 2,
	.run = run,
};
