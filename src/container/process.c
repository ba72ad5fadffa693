/* Streams, anchors, pid files, environments, limits: see process.h. */
#include "container/process.h"

#include "base/auto.h"
#include "base/fd.h"
#include "base/str.h"
#include "base/timeline.h"
#include "rpc/vmclient.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

int process_stdio(struct stdio *s, bool terminal, const char *console_socket, bool foreground,
	struct err *err)
{
	if (!terminal && console_socket)
		return err_set(
			err, EINVAL, "--console-socket is given, but process.terminal is false");
	if (!terminal)
		return stdio_from_caller(s, err);
	if (console_socket)
		return stdio_from_console(s, console_socket, err);
	if (!foreground)
		return err_set(err, EINVAL,
			"process.terminal is true: a detached container needs --console-socket");
	return stdio_from_terminal(s, err);
}

int process_anchor(
	struct anchor_spec *spec, const struct stdio *s, int ctl, pid_t *ret, struct err *err)
{
	AUTO_CLOSE int agent = -1;
	int r = vmclient_dial_agent(ctl, &agent, err);

	if (r == 0)
		r = vmclient_become(ctl, VMCTL_ROLE_ANCHOR, err);
	if (r < 0)
		return r;
	timeline("anchor's session");
	spec->agent_fd = agent;
	spec->tty_fd = s->tty_fd;
	spec->tty_own = s->tty_own;
	/* Input need not be drained for the process to have ended. */
	for (unsigned i = 0; i < s->count; i++)
		if (s->stream[i].done_in >= 0 && (s->stream[i].flags & VMCTL_FROM_GUEST))
			spec->done_fds[spec->done_count++] = s->stream[i].done_in;
	if (s->more_done_in >= 0)
		spec->done_fds[spec->done_count++] = s->more_done_in;
	r = anchor_spawn(spec, ret, err);
	timeline("anchor");
	return r;
}

int process_relay_session(int dir, int *ret_ctl, int *ret_agent, struct err *err)
{
	int r = *ret_ctl = vmclient_connect(dir, err);

	if (r >= 0)
		r = vmclient_dial_agent(*ret_ctl, ret_agent, err);
	return r < 0 ? r : vmclient_become(*ret_ctl, VMCTL_ROLE_RELAY, err);
}

int process_pidfd_socket(const char *path, pid_t pid, struct err *err)
{
	AUTO_CLOSE int fd = path ? (int)syscall(SYS_pidfd_open, pid, 0) : -1;

	if (!path)
		return 0;
	if (fd < 0)
		return err_sys(err, errno, "--pidfd-socket: process %d", pid);
	return stdio_hand_out("--pidfd-socket", path, "pidfd", fd, err);
}

int process_pid_file(const char *path, pid_t pid, struct err *err)
{
	char text[16];
	int n, r;

	if (!path)
		return 0;
	n = snprintf(text, sizeof(text), "%d", pid);
	r = file_replace(AT_FDCWD, path, text, (size_t)n, 0644, err);
	return r < 0 ? err_prefix(err, "--pid-file ") : 0;
}

static bool has_limit(const Vmrun__Agent__Process *p, unsigned resource)
{
	for (size_t i = 0; i < p->n_rlimits; i++)
		if (p->rlimits[i]->resource == resource)
			return true;
	return false;
}

int process_inherit_limits(Vmrun__Agent__Process *to, struct err *err)
{
	Vmrun__Agent__Rlimit **list =
		realloc(to->rlimits, (to->n_rlimits + RLIM_NLIMITS) * sizeof(*list));

	if (!list)
		return err_sys(err, ENOMEM, "limits");
	to->rlimits = list;
	for (unsigned i = 0; i < RLIM_NLIMITS; i++) {
		struct rlimit own;
		Vmrun__Agent__Rlimit *limit;

		if (has_limit(to, i) || getrlimit((__rlimit_resource_t)i, &own) < 0)
			continue;
		limit = malloc(sizeof(*limit));
		if (!limit)
			return err_sys(err, ENOMEM, "limits");
		vmrun__agent__rlimit__init(limit);
		limit->resource = i;
		limit->soft = own.rlim_cur;
		limit->hard = own.rlim_max;
		limit->inherited = true;
		list[to->n_rlimits++] = limit;
	}
	return 0;
}

static char **find_env(const Vmrun__Agent__Process *p, const char *name)
{
	for (size_t i = 0; i < p->n_env; i++) {
		const char *rest = str_after(p->env[i], name);

		if (rest && *rest == '=')
			return &p->env[i];
	}
	return NULL;
}

int process_set_env(Vmrun__Agent__Process *to, const char *name, const char *value, struct err *err)
{
	char **at = find_env(to, name), *text;

	if (asprintf(&text, "%s=%s", name, value) < 0)
		return err_sys(err, ENOMEM, "environment");
	if (at) {
		free(*at);
		*at = text;
		return 0;
	}
	at = realloc(to->env, (to->n_env + 1) * sizeof(*to->env));
	if (!at) {
		free(text);
		return err_sys(err, ENOMEM, "environment");
	}
	to->env = at;
	to->env[to->n_env++] = text;
	return 0;
}
