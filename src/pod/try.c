/*
 * Trying to boot: see try.h. A child boots, in a directory that we make and remove; so a signal
 * that is to end us ends the child first (and with it its guest), then the directory goes.
 */
#include "pod/try.h"

#include "base/fd.h"
#include "base/path.h"
#include "base/timeline.h"
#include "pod/boot.h"
#include "pod/rootless.h"

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/signalfd.h>
#include <sys/wait.h>

#define RESULT_MAX 65536

/* What the child sends: this, then its report. */
struct result {
	int code; /* as of the boot: 0 or -errno */
	char msg[ERR_MSG_MAX];
};

/* A try at work. */
struct
try {
	const struct runtime *rt;
	const struct monitor_choice *choice;
	char dir[PATH_MAX];
	int out; /* the child's end of the pipe */
};

static int boot(const struct try *t, struct err *err)
{
	AUTO_CLOSE int dir = open(t->dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	struct rootless rootless = ROOTLESS_INIT;
	struct booted vm = BOOTED_INIT;
	struct boot_spec spec;
	struct conf conf;
	int r = dir < 0 ? err_sys(err, errno, "%s", t->dir) : rootless_enter(&rootless, err);

	rootless_done(&rootless);
	if (r == 0)
		r = conf_read(t->rt->config_file, &conf, err);
	if (r < 0)
		return r;
	spec = (struct boot_spec){
		.dir = dir,
		.conf = &conf,
		.vcpus = (uint32_t)conf.vcpus,
		.memory_mib = (uint32_t)conf.memory_mib,
		.cgroup_fd = -1,
		.mounts_fd = -1,
		.monitor = t->choice,
	};
	r = boot_start(&spec, &vm, err);
	if (r == 0)
		r = boot_wait(&spec, &vm, err);
	if (r == 0)
		r = boot_configured(&vm, 0, err);
	boot_abort(&vm);
	conf_done(&conf);
	return r;
}

static void child(const struct try *t, const sigset_t *mask, pid_t parent)
{
	AUTO(buf_done) struct buf report = { 0 };
	struct result result = { 0 };
	struct err err = ERR_NONE;

	sigprocmask(SIG_SETMASK, mask, NULL);
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	if (getppid() != parent)
		_exit(1);
	timeline_begin();
	timeline_collect(&report);
	result.code = boot(t, &err);
	timeline_collect(NULL);
	memcpy(result.msg, err.msg, sizeof(result.msg));
	if (fd_write_all(t->out, &result, sizeof(result)) == 0 &&
		fd_write_all(t->out, report.data, report.len) == 0)
		_exit(0);
	_exit(1);
}

static int deliver(struct buf *answer, struct buf *report, struct err *err)
{
	struct result result;
	int r;

	if (answer->len < sizeof(result))
		return err_set(err, EIO, "the try ended before its time");
	memcpy(&result, answer->data, sizeof(result));
	result.msg[sizeof(result.msg) - 1] = '\0';
	buf_consume(answer, sizeof(result));
	r = buf_append(report, answer->data, answer->len);
	if (r < 0)
		return err_sys(err, -r, "try");
	return result.code ? err_set(err, -result.code, "%s", result.msg) : 0;
}

/* Until the child has said all, or a signal came. The signal stays pending. */
static int watch(int in, int signals, struct buf *answer)
{
	struct pollfd p[] = { { .fd = in, .events = POLLIN }, { .fd = signals, .events = POLLIN } };
	char part[1024];
	ssize_t n;
	int r;

	for (;;) {
		if (poll(p, ARRAY_LEN(p), -1) < 0)
			continue;
		if (p[1].revents)
			return -EINTR;
		n = read(in, part, sizeof(part));
		if (n <= 0)
			return n < 0 ? -errno : 0;
		r = buf_append(answer, part, (size_t)n);
		if (r < 0 || answer->len > RESULT_MAX)
			return r < 0 ? r : -EFBIG;
	}
}

static int run_child(
	struct try *t, const sigset_t *old, int signals, struct buf *answer, struct err *err)
{
	pid_t parent = getpid(), pid;
	int fds[2], r;

	if (pipe2(fds, O_CLOEXEC) < 0)
		return err_sys(err, errno, "pipe");
	t->out = fds[1];
	pid = fork();
	if (pid == 0)
		child(t, old, parent);
	r = pid < 0 ? -errno : 0;
	close(fds[1]);
	if (r == 0) {
		r = watch(fds[0], signals, answer);
		kill(pid, SIGKILL);
		waitpid(pid, NULL, 0);
	}
	close(fds[0]);
	return r < 0 ? err_sys(err, -r, "try") : 0;
}

/* In a directory of its own, and in a state root that is there only if it was before. */
static int run_in_directory(
	struct try *t, const sigset_t *old, int signals, struct buf *answer, struct err *err)
{
	const char *state = t->rt->root;
	bool had_root = access(state, F_OK) == 0;
	AUTO_CLOSE int root = state_root_open(state, true, err);
	int r;

	if (root < 0)
		return root;
	/* No container's id begins with a dot. */
	if (snprintf(t->dir, sizeof(t->dir), "%s/.try-XXXXXX", state) >= (int)sizeof(t->dir))
		return err_sys(err, ENAMETOOLONG, "%s", state);
	r = mkdtemp(t->dir) ? run_child(t, old, signals, answer, err)
			    : err_sys(err, errno, "%s", t->dir);
	(void)!remove_tree(AT_FDCWD, t->dir);
	if (!had_root)
		(void)!rmdir(state);
	return r;
}

int try_monitor(const struct runtime *rt, const struct monitor_choice *choice, struct buf *report,
	struct err *err)
{
	struct try t = { .rt = rt, .choice = choice };
	AUTO(buf_done) struct buf answer = { 0 };
	AUTO_CLOSE int signals = -1;
	sigset_t ending, old;
	int r;

	sigemptyset(&ending);
	sigaddset(&ending, SIGINT);
	sigaddset(&ending, SIGTERM);
	sigaddset(&ending, SIGHUP);
	sigaddset(&ending, SIGQUIT);
	sigprocmask(SIG_BLOCK, &ending, &old);
	signals = signalfd(-1, &ending, SFD_CLOEXEC);
	r = signals < 0 ? err_sys(err, errno, "signalfd")
			: run_in_directory(&t, &old, signals, &answer, err);
	/* Everything is gone before a signal that waited is let in. */
	sigprocmask(SIG_SETMASK, &old, NULL);
	return r ? r : deliver(&answer, report, err);
}
