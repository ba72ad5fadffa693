/* vmrun and vmrun-prepare: global options, running a command, and the one line of error. */
#include "base/auto.h"
#include "base/fd.h"
#include "base/log.h"
#include "base/places.h"
#include "base/timeline.h"
#include "cmd/cmd.h"
#include "cmd/passed_fds.h"
#include "oci/parse.h"

#include <limits.h>
#include <stdio.h>
#include <stdlib.h>

enum {
	G_ROOT,
	G_CONFIG,
	G_HYPERVISOR,
	G_LOG,
	G_LOG_FORMAT,
	G_LOG_LEVEL,
	G_DEBUG,
	G_SYSTEMD_CGROUP,
	G_CGROUP_MANAGER,
	G_ROOTLESS,
	G_VERSION,
	G_HELP,
};

static const struct opt global_options[] = {
	[G_ROOT] = { "root", 0, OPT_TEXT, "DIR",
		"where state is kept (/run/vmrun, or $XDG_RUNTIME_DIR/vmrun)" },
	[G_CONFIG] = { "config", 0, OPT_TEXT, "FILE",
		"settings, instead of " VMRUN_SYSCONFDIR "/vmrun.conf" },
	[G_HYPERVISOR] = { "hypervisor", 0, OPT_TEXT, "auto|kvm|qemu",
		"what runs guests, instead of the setting" },
	[G_LOG] = { "log", 0, OPT_TEXT, "FILE", "append errors to a file" },
	[G_LOG_FORMAT] = { "log-format", 0, OPT_TEXT, "text|json", "how they look there" },
	[G_LOG_LEVEL] = { "log-level", 0, OPT_TEXT, "LEVEL", "error, warn, info or debug" },
	[G_DEBUG] = { "debug", 0, OPT_FLAG, NULL, "the same as --log-level debug" },
	[G_SYSTEMD_CGROUP] = { "systemd-cgroup", 0, OPT_FLAG, NULL,
		"cgroupsPath is slice:prefix:name" },
	[G_CGROUP_MANAGER] = { "cgroup-manager", 0, OPT_TEXT, "NAME",
		"cgroupfs, systemd or disabled" },
	[G_ROOTLESS] = { "rootless", 0, OPT_TEXT, "WHEN", "accepted for runc's sake" },
	[G_VERSION] = { "version", 'v', OPT_FLAG, NULL, "print the version" },
	[G_HELP] = { "help", 'h', OPT_FLAG, NULL, "print this" },
	{ 0 },
};

static void print_version(void)
{
	printf("vmrun version %s\nspec: %s\n", PACKAGE_VERSION, OCI_VERSION_MAX);
}

static void print_help(void)
{
	printf("usage: vmrun [OPTIONS] COMMAND [ARGUMENTS]\n\nRuns OCI containers, each pod in a "
	       "virtual machine of its own.\n\ncommands:\n");
	for (size_t i = 0; commands[i]; i++)
		printf("  %-10s %s\n", commands[i]->name, commands[i]->help);
	printf("\noptions:\n");
	opt_print_help(global_options);
}

static const struct cmd *find_command(const char *name)
{
	for (size_t i = 0; commands[i]; i++)
		if (streq(commands[i]->name, name))
			return commands[i];
	return NULL;
}

static enum log_level level_of(const char *name)
{
	static const struct {
		const char *name;
		enum log_level level;
	} levels[] = {
		{ "error", LOG_LEVEL_ERROR },
		{ "warn", LOG_LEVEL_WARN },
		{ "warning", LOG_LEVEL_WARN },
		{ "info", LOG_LEVEL_INFO },
		{ "debug", LOG_LEVEL_DEBUG },
	};

	for (size_t i = 0; name && i < ARRAY_LEN(levels); i++)
		if (streq(levels[i].name, name))
			return levels[i].level;
	return LOG_LEVEL_WARN;
}

static int set_up_log(const union opt_value *g, struct err *err)
{
	const char *level = g[G_DEBUG].flag ? "debug" : g[G_LOG_LEVEL].text;
	const char *format = g[G_LOG_FORMAT].text ? g[G_LOG_FORMAT].text : "text";
	bool json = streq(format, "json");

	log_init("vmrun", level_of(level ? level : getenv("VMRUN_LOG")));
	if (!json && !streq(format, "text"))
		return err_set(
			err, EINVAL, "--log-format: expected text or json, got \"%s\"", format);
	if (!g[G_LOG].text) {
		log_set_json(json);
		return 0;
	}
	return log_open(g[G_LOG].text, json, err);
}

static int set_up_runtime(const union opt_value *g, struct runtime *rt, struct err *err)
{
	static char standard[PATH_MAX];
	struct places places;
	const char *manager = g[G_CGROUP_MANAGER].text;

	rt->root = g[G_ROOT].text;
	rt->root_given = rt->root;
	rt->config_file = g[G_CONFIG].text ? g[G_CONFIG].text : getenv("VMRUN_CONFIG");
	rt->hypervisor = g[G_HYPERVISOR].text;
	rt->systemd_cgroup = g[G_SYSTEMD_CGROUP].flag || (manager && streq(manager, "systemd"));
	if (rt->root)
		return *rt->root ? 0 : err_set(err, EINVAL, "--root must not be empty");
	places = places_look();
	rt->root = standard;
	return places_state(&places, standard, err);
}

static void command_help(const struct cmd *c)
{
	printf("usage: vmrun %s%s %s\n\n%s\n", c->name, c->options ? " [OPTIONS]" : "",
		c->arguments, c->help);
	if (c->options) {
		printf("\noptions:\n");
		opt_print_help(c->options);
	}
}

static bool asks_for_help(const struct cmd *c, int argc, char **argv)
{
	for (int i = 0; i < argc; i++) {
		if (streq(argv[i], "--help") || streq(argv[i], "-h"))
			return true;
		/* An id may be "-h". */
		if (streq(argv[i], "--"))
			return false;
		if (c->passes_arguments && argv[i][0] != '-')
			return false;
	}
	return false;
}

char **cmd_argv;

/* Of the command that runs, once it is known. */
static int failure_status = 1;

static int run_command(
	const struct runtime *rt, const struct cmd *c, int argc, char **argv, struct err *err)
{
	union opt_value values[OPT_MAX] = { 0 };
	AUTO(strv_done) struct strv args = { 0 };
	int r;

	failure_status = c->failure_status ? c->failure_status : 1;
	r = opt_parse(c->options, argc, argv, c->passes_arguments ? 1 : 0, values, &args, err);
	if (r == 0 && (args.n < c->args_min || args.n > c->args_max))
		r = err_set(err, EINVAL, "usage: vmrun %s%s %s", c->name,
			c->options ? " [OPTIONS]" : "", c->arguments);
	if (r == 0)
		r = c->run(rt, values, &args, err);
	opt_done(c->options, values);
	return r;
}

/* The position of the command among the words: behind the global options and their values. */
static int global_count(int argc, char **argv)
{
	int i = 0;

	while (i < argc && argv[i][0] == '-' && argv[i][1]) {
		bool takes_value = false;

		for (int k = 0; global_options[k].name; k++)
			if (global_options[k].type != OPT_FLAG && argv[i][1] == '-' &&
				streq(argv[i] + 2, global_options[k].name))
				takes_value = true;
		i += takes_value ? 2 : 1;
	}
	return i < argc ? i : argc;
}

static int run_all(int argc, char **argv, struct err *err)
{
	union opt_value g[OPT_MAX] = { 0 };
	AUTO(strv_done) struct strv none = { 0 };
	struct runtime rt;
	int globals = global_count(argc, argv);
	const struct cmd *c;
	int r = opt_parse(global_options, globals, argv, 0, g, &none, err);

	if (r == 0)
		r = set_up_log(g, err);
	if (r < 0)
		return r;
	log_hold();
	if (g[G_VERSION].flag || (globals < argc && streq(argv[globals], "version"))) {
		print_version();
		return 0;
	}
	if (g[G_HELP].flag || (globals < argc && streq(argv[globals], "help"))) {
		print_help();
		return 0;
	}
	if (globals == argc)
		return err_set(err, EINVAL, "no command given (vmrun --help lists them)");
	c = find_command(argv[globals]);
	if (!c)
		return err_set(err, EINVAL,
			"No help topic for '%s': unknown command (vmrun --help lists them)",
			argv[globals]);
	if (asks_for_help(c, argc - globals - 1, argv + globals + 1)) {
		command_help(c);
		return 0;
	}
	r = set_up_runtime(g, &rt, err);
	return r ? r : run_command(&rt, c, argc - globals - 1, argv + globals + 1, err);
}

/*
 * With --log the line is in the file, alone with what was written before it; the person or conmon
 * at the other end wants it too, as the last one.
 */
static void fail(const struct err *err)
{
	if (log_is_file()) {
		log_error("%s", err->msg);
		log_set_fd(2);
		log_set_json(false);
	}
	log_release();
	log_error("%s", err->msg);
}

int main(int argc, char **argv)
{
	struct err err = ERR_NONE;
	int r;

	timeline_begin();
	cmd_argv = argv;
	/* A caller that closed a stream must not find the guest's there, or our state directory. */
	r = fds_open_stdio();
	/* Callers leak descriptors into us; none of them may reach the processes that stay. */
	passed_fds_keep(argc, argv);
	log_init("vmrun", LOG_LEVEL_WARN);
	r = r < 0 ? err_sys(&err, -r, "/dev/null") : run_all(argc - 1, argv + 1, &err);
	if (r >= 0) {
		log_release();
		return r;
	}
	fail(&err);
	return failure_status;
}
