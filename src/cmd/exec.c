/* vmrun exec */
#include "cmd/cmd.h"
#include "cmd/passed_fds.h"

enum {
	EXEC_PROCESS,
	EXEC_TTY,
	EXEC_USER,
	EXEC_CWD,
	EXEC_ENV,
	EXEC_DETACH,
	EXEC_PID_FILE,
	EXEC_CONSOLE_SOCKET,
	EXEC_CAP,
	EXEC_NO_NEW_PRIVS,
	EXEC_APPARMOR,
	EXEC_PROCESS_LABEL,
	EXEC_PRESERVE_FDS,
	EXEC_ADDITIONAL_GIDS,
	EXEC_CGROUP,
	EXEC_IGNORE_PAUSED,
	EXEC_PIDFD_SOCKET,
};

#define GIDS_MAX 1024 /* far above what --additional-gids is used for */

/* "uid" or "uid:gid" */
static int parse_user(const char *text, struct exec_options *o, struct err *err)
{
	AUTO_FREE char *copy = strdup(text);
	char *colon = copy ? strchr(copy, ':') : NULL;
	uint64_t uid, gid = 0;

	if (!copy)
		return err_sys(err, ENOMEM, "--user");
	if (colon)
		*colon = '\0';
	if (str_to_u64(copy, &uid) < 0 || uid > UINT32_MAX ||
		(colon && (str_to_u64(colon + 1, &gid) < 0 || gid > UINT32_MAX)))
		return err_set(err, EINVAL,
			"--user: expected uid or uid:gid in numbers, got \"%s\"", text);
	o->has_user = true;
	o->uid = (uint32_t)uid;
	o->gid = (uint32_t)gid;
	return 0;
}

/* "-g 5 -g 6" and "-g 5,6" are the same, as with runc. */
static int parse_gids(
	const struct strv *lists, uint32_t gids[GIDS_MAX], size_t *count, struct err *err)
{
	*count = 0;
	for (size_t i = 0; i < lists->n; i++) {
		AUTO_FREE char *copy = strdup(lists->v[i]);
		char *save = NULL;

		if (!copy)
			return err_sys(err, ENOMEM, "--additional-gids");
		for (char *word = strtok_r(copy, ",", &save); word;
			word = strtok_r(NULL, ",", &save)) {
			uint64_t gid;

			if (str_to_u64(word, &gid) < 0 || gid > UINT32_MAX || *count == GIDS_MAX)
				return err_set(err, EINVAL,
					"--additional-gids: expected numbers, got \"%s\"",
					lists->v[i]);
			gids[(*count)++] = (uint32_t)gid;
		}
	}
	return 0;
}

/* The way up is not taken, not even to come back down. */
static bool has_way_up(const char *path)
{
	for (size_t n; *path; path += n + (path[n] == '/')) {
		n = strcspn(path, "/");
		if (n == 2 && path[0] == '.' && path[1] == '.')
			return true;
	}
	return false;
}

/*
 * As runc's [CONTROLLERS:]PATH, which may stand there once for each hierarchy: the guest has one,
 * of cgroup v2.
 */
static int parse_cgroup(const struct strv *list, const char **ret, struct err *err)
{
	*ret = NULL;
	if (list->n == 0)
		return 0;
	if (list->n > 1 || strchr(list->v[0], ':') || !list->v[0][0])
		return err_set(err, EINVAL,
			"--cgroup: expected one path below the container's cgroup, and no "
			"controllers (the guest has cgroup v2)");
	if (has_way_up(list->v[0]))
		return err_set(err, EINVAL, "--cgroup: bad sub cgroup path: %s", list->v[0]);
	*ret = list->v[0];
	return 0;
}

static int check(const union opt_value *v, const struct strv *args, struct err *err)
{
	if (!v[EXEC_PROCESS].text && args->n < 2)
		return err_set(err, EINVAL, "usage: vmrun exec [OPTIONS] ID COMMAND [ARGUMENTS]");
	return 0;
}

static int run(const struct runtime *rt, const union opt_value *v, const struct strv *args,
	struct err *err)
{
	struct strv command = { .v = args->v + 1, .n = args->n - 1 };
	struct passed_fds passed;
	struct exec_options o = {
		.process_file = v[EXEC_PROCESS].text,
		.args = &command,
		.env = &v[EXEC_ENV].list,
		.cwd = v[EXEC_CWD].text,
		.terminal = v[EXEC_TTY].flag,
		.no_new_privs = v[EXEC_NO_NEW_PRIVS].flag,
		.caps = &v[EXEC_CAP].list,
		.ignore_paused = v[EXEC_IGNORE_PAUSED].flag,
		.detach = v[EXEC_DETACH].flag,
		.pid_file = v[EXEC_PID_FILE].text,
		.console_socket = v[EXEC_CONSOLE_SOCKET].text,
		.pidfd_socket = v[EXEC_PIDFD_SOCKET].text,
		.passed = &passed,
	};
	uint32_t gids[GIDS_MAX];
	struct attached a;
	int r = check(v, args, err), status = 0;

	o.additional_gids = gids;
	if (r == 0)
		r = parse_gids(&v[EXEC_ADDITIONAL_GIDS].list, gids, &o.additional_gid_count, err);

	/* As with runc, LISTEN_FDS is for containers only. */
	if (r == 0)
		r = passed_fds(v[EXEC_PRESERVE_FDS].number, false, &passed, err);
	if (r == 0)
		r = parse_cgroup(&v[EXEC_CGROUP].list, &o.cgroup, err);
	if (r == 0 && v[EXEC_USER].text)
		r = parse_user(v[EXEC_USER].text, &o, err);
	if (r == 0)
		r = container_exec(rt, args->v[0], &o, &a, err);
	if (r < 0)
		return r;
	if (!o.detach)
		status = attached_wait(&a);
	attached_done(&a);
	return status;
}

static const struct opt options[] = {
	[EXEC_PROCESS] = { "process", 'p', OPT_TEXT, "FILE", "the process as JSON (- for stdin)" },
	[EXEC_TTY] = { "tty", 't', OPT_FLAG, NULL, "with a terminal" },
	[EXEC_USER] = { "user", 'u', OPT_TEXT, "UID[:GID]", "as another user" },
	[EXEC_CWD] = { "cwd", 0, OPT_TEXT, "DIR", "in another directory" },
	[EXEC_ENV] = { "env", 'e', OPT_LIST, "NAME=VALUE", "added to the environment" },
	[EXEC_DETACH] = { "detach", 'd', OPT_FLAG, NULL, "return when it runs" },
	[EXEC_PID_FILE] = { "pid-file", 0, OPT_TEXT, "FILE",
		"write the pid of its process on the host" },
	[EXEC_CONSOLE_SOCKET] = { "console-socket", 0, OPT_TEXT, "SOCKET",
		"where to send the terminal's master" },
	[EXEC_CAP] = { "cap", 'c', OPT_LIST, "CAP", "another capability" },
	[EXEC_NO_NEW_PRIVS] = { "no-new-privs", 0, OPT_FLAG, NULL, "it can gain no privileges" },
	[EXEC_APPARMOR] = { "apparmor", 0, OPT_TEXT, "PROFILE",
		"accepted; the guest has no AppArmor" },
	[EXEC_PROCESS_LABEL] = { "process-label", 0, OPT_TEXT, "LABEL",
		"accepted; the guest has no SELinux" },
	[EXEC_PRESERVE_FDS] = { "preserve-fds", 0, OPT_NUMBER, "N",
		"pass descriptors 3 to 2 + N on (pipes, sockets, files)" },
	[EXEC_ADDITIONAL_GIDS] = { "additional-gids", 'g', OPT_LIST, "GID", "another group" },
	[EXEC_CGROUP] = { "cgroup", 0, OPT_LIST, "PATH", "in a cgroup below the container's" },
	[EXEC_IGNORE_PAUSED] = { "ignore-paused", 0, OPT_FLAG, NULL,
		"also in a paused container; waits until it is resumed" },
	[EXEC_PIDFD_SOCKET] = { "pidfd-socket", 0, OPT_TEXT, "SOCKET",
		"where to send a pidfd of its process on the host" },
	{ 0 },
};

const struct cmd cmd_exec = {
	.name = "exec",
	.arguments = "ID COMMAND [ARGUMENTS]",
	.help = "run another process in a container",
	.options = options,
	.args_min = 1,
	.args_max = 100000,
	.passes_arguments = true,
	.failure_status = 255, /* as runc: others are the program's own */
	.run = run,
};
