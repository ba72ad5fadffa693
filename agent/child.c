/*
 * The child's way to its program: see child.h. The steps stand in two tables, one for a container's
 * first process and one for an exec; their order is that of runc and the comments say what must not
 * be moved.
 */
#include "agent/child.h"

#include "agent/credentials.h"
#include "agent/gate.h"
#include "agent/hooks.h"
#include "agent/program.h"
#include "agent/rootfs.h"
#include "agent/shares.h"
#include "agent/terminal.h"
#include "base/buf.h"
#include "base/fd.h"
#include "base/path.h"
#include "base/steps.h"
#include "base/str.h"

#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/sysmacros.h>

#define EXIT_SETUP_FAILED 127

int child_check(const Vmrun__Agent__Process *spec, struct err *err)
{
	if (!spec || spec->n_args == 0)
		return err_set(err, EINVAL, "process: no arguments");
	if (spec->cwd[0] != '/')
		return err_set(err, EINVAL, "process: cwd \"%s\" is not absolute", spec->cwd);
	return 0;
}

/* So that the process can open its /dev/stdout again. The child could not: in a user namespace the
 * owner of the pipes, the agent, has no name. */
int child_give_pipes(const struct child *child, const struct id_maps *maps, struct err *err)
{
	const Vmrun__Agent__Process *spec = child->spec;
	uid_t uid = spec->uid;

	/* The agent's id for him, if that is another. */
	(void)!id_map_outward(maps->uids, maps->uid_count, spec->uid, &uid);
	for (int i = 0; i < 3; i++)
		if (child->stdio[i] >= 0 && fchown(child->stdio[i], uid, (gid_t)-1) < 0)
			return err_sys(err, errno, "owner of stdio");
	for (unsigned i = 0; i < child->descriptors.count; i++)
		if (spec->descriptors[i]->kind == VMRUN__AGENT__DESCRIPTOR__KIND__STREAM &&
			fchown(child->descriptors.fd[i], uid, (gid_t)-1) < 0)
			return err_sys(err, errno, "owner of descriptor %u", DESCRIPTOR_FIRST + i);
	return 0;
}

void child_done(struct child *child)
{
	for (int i = 0; i < 3; i++)
		close_fd(&child->stdio[i]);
	descriptors_done(&child->descriptors);
	mount_sources_done(&child->sources);
}

static int send_report(const struct child *c, uint32_t kind, const struct err *err, int fd)
{
	struct launch_report report;

	memset(&report, 0, sizeof(report));
	report.kind = kind;
	report.listener = c->listener;
	if (err)
		report.err = *err;
	if (fd >= 0)
		return fd_send(c->gate, &report, sizeof(report), &fd, 1);
	/* write, not sendmsg: it runs under the container's seccomp filter. */
	return write(c->gate, &report, sizeof(report)) == sizeof(report) ? 0 : -errno;
}

/* Waits for one byte of the agent's. Its end (the socket's) ends us. */
static void wait_for(const struct child *c, char wanted)
{
	char byte = 0;

	while (read(c->gate, &byte, 1) < 0 && errno == EINTR)
		;
	if (byte != wanted)
		_exit(EXIT_SETUP_FAILED);
}

static int session(void *ctx, struct err *err)
{
	(void)ctx;
	umask(0);
	return setsid() < 0 ? err_sys(err, errno, "setsid") : 0;
}

static int enter_namespaces(void *ctx, struct err *err)
{
	const struct child *c = ctx;

	return namespaces_enter(&c->namespaces, err);
}

static int enter_time_namespace(void *ctx, struct err *err)
{
	const struct child *c = ctx;

	return c->namespaces.own_time ? time_namespace_enter(c->create, err) : 0;
}

static int set_names(void *ctx, struct err *err)
{
	const struct child *c = ctx;
	const char *host = c->create->hostname, *domain = c->create->domainname;

	if (host[0] && sethostname(host, strlen(host)) < 0)
		return err_sys(err, errno, "hostname \"%s\"", host);
	if (domain[0] && setdomainname(domain, strlen(domain)) < 0)
		return err_sys(err, errno, "domainname \"%s\"", domain);
	return 0;
}

/* Through the agent's /proc, which the container has no hand in; the values are those of our own
 * namespaces all the same. */
static int set_sysctls(void *ctx, struct err *err)
{
	const struct child *c = ctx;
	AUTO_CLOSE int dir = open("/proc/sys", O_PATH | O_DIRECTORY | O_CLOEXEC);

	for (size_t i = 0; i < c->create->n_sysctls; i++) {
		const Vmrun__Agent__Sysctl *s = c->create->sysctls[i];
		AUTO_FREE char *path = strdup(s->key);
		AUTO_CLOSE int fd = -1;
		int r;

		if (!path)
			return err_sys(err, ENOMEM, "sysctl");
		/* As sysctl(8): what comes first separates, and the other stands for it. */
		if (path[strcspn(path, "./")] == '.')
			for (char *p = path; *p; p++)
				*p = *p == '.' ? '/' : *p == '/' ? '.' : *p;
		fd = open_in_root(dir, path, O_WRONLY, 0);
		r = fd < 0 ? fd : fd_write_all(fd, s->value, strlen(s->value));
		if (r < 0)
			return err_sys(err, -r, "sysctl %s=%s", s->key, s->value);
	}
	return 0;
}

/* The agent keeps the master; ours is closed. */
static int hand_over_terminal(struct child *c, int *master, struct err *err)
{
	int r = *master < 0 ? 0 : send_report(c, LAUNCH_TERMINAL, NULL, *master);

	close_fd(master);
	return r < 0 ? err_sys(err, -r, "terminal") : 0;
}

static int build_rootfs(void *ctx, struct err *err)
{
	struct child *c = ctx;
	AUTO_CLOSE int rootfd = -1;
	AUTO_CLOSE int master = -1;
	int r = rootfs_build(c->agent, c->create, &c->sources, &rootfd, &master, &c->slave, err);

	if (r == 0)
		r = hand_over_terminal(c, &master, err);
	if (r == 0)
		r = rootfs_enter(rootfd, c->create, &c->sources, err);
	/* No descriptor of the set-up may be a way to what lies outside. */
	mount_sources_done(&c->sources);
	return r;
}

static int open_exec_terminal(void *ctx, struct err *err)
{
	struct child *c = ctx;
	const Vmrun__Agent__Stdio *io = c->spec->stdio;
	AUTO_CLOSE int root = -1;
	AUTO_CLOSE int master = -1;
	int r;

	if (!io || !io->terminal)
		return 0;
	root = open("/", O_PATH | O_DIRECTORY | O_CLOEXEC);
	if (root < 0)
		return err_sys(err, errno, "/");
	r = terminal_open(root, io, &master, &c->slave, err);
	return r < 0 ? r : hand_over_terminal(c, &master, err);
}

static int set_execution(void *ctx, struct err *err)
{
	const struct child *c = ctx;

	return execution_apply(c->execution, err);
}

static int set_scheduling(void *ctx, struct err *err)
{
	const struct child *c = ctx;

	return scheduling_apply(c->spec, err);
}

/* The container's own null device if it has one, else the agent's. */
static int open_null(const struct child *c)
{
	int fd = open("/dev/null", O_RDWR | O_NONBLOCK | O_NOCTTY | O_NOFOLLOW | O_CLOEXEC);
	struct stat st;

	if (fd >= 0 && fstat(fd, &st) == 0 && S_ISCHR(st.st_mode) && st.st_rdev == makedev(1, 3) &&
		fd_set_nonblock(fd, false) == 0)
		return fd;
	close_fd(&fd);
	return fcntl(c->agent->null_fd, F_DUPFD_CLOEXEC, 3);
}

static int connect_stdio(void *ctx, struct err *err)
{
	const struct child *c = ctx;
	AUTO_CLOSE int null = open_null(c);

	if (null < 0)
		return err_sys(err, errno, "/dev/null");
	for (int i = 0; i < 3; i++) {
		int fd = c->slave >= 0 ? c->slave : c->stdio[i];

		if (dup2(fd >= 0 ? fd : null, i) < 0)
			return err_sys(err, errno, "stdio");
	}
	if (c->slave < 0)
		return 0;
	/* Pipes are the user's already, see child_give_pipes(). */
	if (fchown(c->slave, c->spec->uid, (gid_t)-1) < 0)
		return err_sys(err, errno, "owner of the terminal");
	if (ioctl(0, TIOCSCTTY, 0) < 0)
		return err_sys(err, errno, "controlling terminal");
	return 0;
}

/* Before the limits, which may allow no more than these. */
static int place_descriptors(void *ctx, struct err *err)
{
	struct child *c = ctx;
	int *const keep[] = { &c->gate, &c->hook_input };

	return descriptors_place(&c->descriptors, keep, ARRAY_LEN(keep), err);
}

static int prepare_hooks(void *ctx, struct err *err)
{
	struct child *c = ctx;

	return hooks_prepare(c->create, &c->hook_input, err);
}

static int set_limits(void *ctx, struct err *err)
{
	const struct child *c = ctx;

	return credentials_set_limits(c->spec, err);
}

/* "(unreachable)...": a descriptor's magic link has led out of the container. */
static int check_cwd(const struct child *c, struct err *err)
{
	char cwd[PATH_MAX];

	if (syscall(SYS_getcwd, cwd, sizeof(cwd)) < 0 || cwd[0] != '/')
		return err_set(err, EINVAL, "cwd %s is outside of the container", c->spec->cwd);
	return 0;
}

/* With the rights of root, which reach a home that only its owner may enter; as the user later,
 * where root has no rights. Here no filter of the container's can keep us from looking. */
static int try_cwd(void *ctx, struct err *err)
{
	struct child *c = ctx;

	c->in_cwd = chdir(c->spec->cwd) == 0;
	if (c->in_cwd)
		return check_cwd(c, err);
	return errno == EACCES || errno == EPERM ? 0 : err_sys(err, errno, "cwd %s", c->spec->cwd);
}

static int enter_cwd(void *ctx, struct err *err)
{
	const struct child *c = ctx;

	if (c->in_cwd)
		return 0;
	if (chdir(c->spec->cwd) < 0)
		return err_sys(err, errno, "cwd %s", c->spec->cwd);
	return check_cwd(c, err);
}

/* With a listener it comes at the very last: nobody listens before we are ready. */
static int seccomp_early(void *ctx, struct err *err)
{
	struct child *c = ctx;

	return c->spec->no_new_privileges || credentials_want_listener(c->spec)
		       ? 0
		       : credentials_set_seccomp(c->spec, &c->listener, err);
}

static int set_ids(void *ctx, struct err *err)
{
	const struct child *c = ctx;

	return credentials_set_ids(c->spec, err);
}

static int set_capabilities(void *ctx, struct err *err)
{
	const struct child *c = ctx;

	umask(c->spec->has_umask ? (mode_t)c->spec->umask : 022);
	return credentials_set_capabilities(c->spec, err);
}

static int find_program(void *ctx, struct err *err)
{
	struct child *c = ctx;

	return program_find(c->spec->args[0], c->spec->env, c->spec->n_env, c->program, err);
}

/* Before the container's namespaces are entered, where the agent's mounts are not. */
static int settle_shares(void *ctx, struct err *err)
{
	const struct child *c = ctx;

	(void)err;
	shares_settle(c->agent);
	return 0;
}

static const struct step create_steps[] = {
	{ "session", session, NULL },
	{ "namespaces", enter_namespaces, NULL },
	{ "time namespace", enter_time_namespace, NULL },
	{ "names", set_names, NULL },
	{ "sysctls", set_sysctls, NULL },
	{ "rootfs", build_rootfs, NULL },
	{ "hooks", prepare_hooks, NULL },
};

static const struct step exec_steps[] = {
	{ "session", session, NULL },
	{ "shares", settle_shares, NULL },
	{ "namespaces", enter_namespaces, NULL },
	{ "terminal", open_exec_terminal, NULL },
};

/* Common to both. Nothing is undone anywhere: the end of the process does that. */
static const struct step process_steps[] = {
	{ "stdio", connect_stdio, NULL }, { "descriptors", place_descriptors, NULL },
	{ "limits", set_limits, NULL }, { "cwd", try_cwd, NULL },
	{ "execution", set_execution, NULL }, { "scheduling", set_scheduling, NULL },
	{ "seccomp", seccomp_early, NULL }, /* needs CAP_SYS_ADMIN, which goes next */
	{ "ids", set_ids, NULL }, { "cwd of the user", enter_cwd, NULL },
	{ "capabilities", set_capabilities, NULL },
	{ "program", find_program, NULL }, /* with the rights it will run with */
};

static int set_up(struct child *c, struct err *err)
{
	static const struct steps create = STEPS("child-create", create_steps),
				  exec = STEPS("child-exec", exec_steps),
				  process = STEPS("child", process_steps);
	int r = steps_run(c->create ? &create : &exec, c, err);

	return r < 0 ? r : steps_run(&process, c, err);
}

/* args and env as execve wants them, HOME added when it is missing or, as with runc, empty. */
static int make_vectors(const struct child *c, struct strv *args, struct strv *env)
{
	char home[PATH_MAX];
	bool has_home = false;
	int r = 0;

	for (size_t i = 0; r == 0 && i < c->spec->n_args; i++)
		r = strv_add(args, c->spec->args[i]);
	for (size_t i = 0; r == 0 && i < c->spec->n_env; i++) {
		const char *value = str_after(c->spec->env[i], "HOME=");

		has_home = has_home || (value && *value);
		if (!value || *value)
			r = strv_add(env, c->spec->env[i]);
	}
	if (r == 0 && !has_home) {
		program_home(c->spec->uid, home);
		r = strv_addf(env, "HOME=%s", home);
	}
	return r;
}

static int execute(struct child *c, struct err *err)
{
	AUTO(strv_done) struct strv args = { 0 };
	AUTO(strv_done) struct strv env = { 0 };
	int r = make_vectors(c, &args, &env);

	if (r < 0)
		return err_sys(err, -r, "exec");
	/* From here on any system call but write may wait for a listener, who is told of us. */
	if (credentials_want_listener(c->spec))
		r = credentials_set_seccomp(c->spec, &c->listener, err);
	if (r < 0)
		return r;
	r = send_report(c, LAUNCH_READY, NULL, -1);
	if (r < 0)
		return err_sys(err, -r, "exec");
	wait_for(c, LAUNCH_START);
	close_fd(&c->listener);
	/*
	 * As late as can be: the filter must allow nothing but execve and what follows. Hooks are
	 * programs of the container, so they are under it; it must allow what starts them then.
	 */
	if (credentials_want_listener(c->spec))
		r = credentials_drop_admin(c->spec, err);
	else if (c->spec->no_new_privileges)
		r = credentials_set_seccomp(c->spec, &c->listener, err);
	if (r == 0 && c->create)
		r = hooks_run_start(c->create, c->hook_input, (const char *const *)env.v, err);
	if (r < 0)
		return r;
	execve(c->program, args.v, env.v);
	return err_sys(err, errno, "exec %s", c->program);
}

static size_t add_kept(int *keep, size_t n, int fd)
{
	size_t at = n;

	if (fd < 0)
		return n;
	for (; at > 0 && keep[at - 1] > fd; at--)
		keep[at] = keep[at - 1];
	keep[at] = fd;
	return n + 1;
}

/*
 * Closes everything of the agent's but what the set-up uses: other containers' pipes and
 * connections would otherwise stay open as long as this process waits at its gate.
 */
static void close_others(const struct child *c)
{
	size_t room = 16 + NAMESPACE_JOINS_MAX + c->descriptors.count + c->sources.count +
		      c->sources.device_count,
	       n = 0;
	int *keep = malloc(room * sizeof(*keep)), next = 3;

	if (!keep)
		_exit(EXIT_SETUP_FAILED);
	n = add_kept(keep, n, c->gate);
	n = add_kept(keep, n, c->agent->null_fd);
	n = add_kept(keep, n, c->sources.rootfs);
	n = add_kept(keep, n, c->sources.sd_notify);
	for (int i = 0; i < 3; i++)
		n = add_kept(keep, n, c->stdio[i]);
	for (unsigned i = 0; i < c->descriptors.count; i++)
		n = add_kept(keep, n, c->descriptors.fd[i]);
	for (unsigned i = 0; i < c->namespaces.join_count; i++)
		n = add_kept(keep, n, c->namespaces.joins[i].pidfd);
	for (size_t i = 0; i < c->sources.count; i++)
		n = add_kept(keep, n, c->sources.binds[i]);
	for (size_t i = 0; i < c->sources.device_count; i++)
		n = add_kept(keep, n, c->sources.devices[i]);
	for (size_t i = 0; i < n; i++) {
		if (keep[i] > next)
			syscall(SYS_close_range, (unsigned)next, (unsigned)keep[i] - 1, 0);
		next = keep[i] >= next ? keep[i] + 1 : next;
	}
	syscall(SYS_close_range, (unsigned)next, ~0U, 0);
	free(keep);
}

static void end_by(int signal)
{
	_exit(128 + signal);
}

/*
 * The first process of a pid namespace has no defaults: what would end any other is ignored. Who
 * asks a container to end that waits for its start must not wait for the program to hear of it;
 * execve(2) takes the handlers away again.
 */
static void reset_signals(void)
{
	static const int ending[] = { SIGHUP, SIGINT, SIGQUIT, SIGTERM };
	sigset_t none;

	for (size_t i = 0; i < ARRAY_LEN(ending); i++)
		signal(ending[i], end_by);
	sigemptyset(&none);
	sigprocmask(SIG_SETMASK, &none, NULL);
	signal(SIGPIPE, SIG_DFL);
}

void child_run(struct child *c)
{
	struct err err = ERR_NONE;

	reset_signals();
	close_others(c);
	wait_for(c, LAUNCH_GO);
	c->slave = c->hook_input = c->listener = -1;
	if (set_up(c, &err) == 0)
		(void)!execute(c, &err);
	(void)!send_report(c, LAUNCH_FAILED, &err, -1);
	_exit(EXIT_SETUP_FAILED);
}
