/*
 * anchor_spawn() and vmrun-proxy with a fake agent and a root directory of files: what the host
 * sees of the anchor, and what becomes of it.
 */
#include "anchor/anchor.h"
#include "base/fd.h"
#include "base/path.h"
#include "base/str.h"
#include "rpc/vmctl.h"
#include "tests/unit/fakeagent.h"
#include "tests/unit/unit.h"

#include <dirent.h>
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <pty.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/sysmacros.h>
#include <sys/wait.h>

#define PATIENCE_MS 20000

static struct {
	char dir[PATH_MAX]; /* rootfs/, data/, record/ */
	int rootfs, data, record;
	struct fakeagent *agent;
	int session; /* a connection to it */
	struct anchor_mount mounts[2];
	struct anchor_spec spec;
	pid_t pid;
	char *host_mounts;
} t;

/* ---- what a test starts from ---- */

static void put(const char *path, const char *text)
{
	struct err err = ERR_NONE;

	assert_int_equal(file_replace(AT_FDCWD, path, text, strlen(text), 0644, &err), 0);
}

static int make_dir(const char *name)
{
	char path[PATH_MAX + 32];
	int fd;

	snprintf(path, sizeof(path), "%s/%s", t.dir, name);
	assert_int_equal(mkdir(path, 0755), 0);
	fd = open(path, O_PATH | O_DIRECTORY | O_CLOEXEC);
	assert_true(fd >= 0);
	return fd;
}

static char *read_whole(const char *path)
{
	struct buf b = { 0 };
	struct err err = ERR_NONE;

	if (file_read(AT_FDCWD, path, 1 << 20, &b, &err) < 0)
		fail_msg("%s", err.msg);
	assert_non_null(buf_str(&b));
	return (char *)b.data;
}

static int setup(void **state)
{
	char path[PATH_MAX + 32];

	(void)state;
	memset(&t, 0, sizeof(t));
	snprintf(t.dir, sizeof(t.dir), "/tmp/test_anchor.XXXXXX");
	assert_non_null(mkdtemp(t.dir));
	t.rootfs = make_dir("rootfs");
	close(make_dir("rootfs/proc"));
	close(make_dir("rootfs/volume"));
	t.data = make_dir("data");
	close(t.record = make_dir("record"));
	snprintf(path, sizeof(path), "%s/rootfs/marker", t.dir);
	put(path, "of the container");
	snprintf(path, sizeof(path), "%s/data/file", t.dir);
	put(path, "of the volume");
	snprintf(path, sizeof(path), "%s/record", t.dir);
	t.record = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	t.agent = fakeagent_new();
	assert_non_null(t.agent);
	t.session = fakeagent_connect(t.agent);
	t.host_mounts = read_whole("/proc/self/mountinfo");
	t.mounts[0] = (struct anchor_mount){ .fd = t.data, .destination = "/volume" };
	t.mounts[1] = (struct anchor_mount){ .fd = t.data, .destination = "/absent" };
	t.spec = (struct anchor_spec)ANCHOR_SPEC_INIT;
	t.spec.container = "c1";
	t.spec.process = "";
	t.spec.agent_fd = t.session;
	t.spec.rootfs_fd = t.rootfs;
	t.spec.mounts = t.mounts;
	t.spec.mount_count = 2;
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	if (t.pid > 0) {
		kill(t.pid, SIGKILL);
		waitpid(t.pid, NULL, 0);
	}
	fakeagent_free(t.agent);
	close_fd(&t.session);
	close(t.rootfs);
	close(t.data);
	close(t.record);
	free(t.host_mounts);
	return remove_tree(AT_FDCWD, t.dir);
}

/* Starts it and lets go of the session, so that the anchor is its only holder. */
static void start(void)
{
	struct err err = ERR_NONE;

	if (anchor_spawn(&t.spec, &t.pid, &err) < 0)
		fail_msg("%s", err.msg);
	assert_int_equal(err.code, 0);
	close_fd(&t.session);
}

/* ---- what a test looks at ---- */

/* A file of the anchor's in /proc. */
static const char *proc(const char *name)
{
	static char path[PATH_MAX];

	snprintf(path, sizeof(path), "/proc/%d/%s", t.pid, name);
	return path;
}

static void assert_content(const char *path, const char *text)
{
	char *found = read_whole(path);

	assert_string_equal(found, text);
	free(found);
}

static void assert_same_link(bool same, const char *a, const char *b)
{
	char x[128] = "", y[128] = "";

	assert_true(readlink(a, x, sizeof(x) - 1) > 0);
	assert_true(readlink(b, y, sizeof(y) - 1) > 0);
	assert_int_equal(streq(x, y), same);
}

/* The rest of the line of a status file that begins with key. */
static void assert_status(const char *key, const char *value)
{
	char *status = read_whole(proc("status")), *line = strstr(status, key);

	assert_non_null(line);
	line += strlen(key);
	line[strcspn(line, "\n")] = '\0';
	assert_string_equal(line, value);
	free(status);
}

static int entries(const char *path)
{
	DIR *d = opendir(path);
	int n = 0;

	assert_non_null(d);
	for (struct dirent *e; (e = readdir(d));)
		n += !streq(e->d_name, ".") && !streq(e->d_name, "..");
	closedir(d);
	return n;
}

static int ended_within(int timeout_ms)
{
	AUTO_CLOSE int fd = (int)syscall(SYS_pidfd_open, t.pid, 0);
	struct pollfd p = { .fd = fd, .events = POLLIN };

	assert_true(fd >= 0);
	return poll(&p, 1, timeout_ms);
}

static void assert_exits(int status)
{
	int wait_status;

	assert_int_equal(ended_within(PATIENCE_MS), 1);
	assert_int_equal(waitpid(t.pid, &wait_status, 0), t.pid);
	t.pid = 0;
	assert_true(WIFEXITED(wait_status));
	assert_int_equal(WEXITSTATUS(wait_status), status);
}

static void assert_host_mounts_unchanged(void)
{
	assert_content("/proc/self/mountinfo", t.host_mounts);
}

/* ---- tests ---- */

static void its_root_is_the_containers(void **state)
{
	(void)state;
	start();
	assert_content(proc("root/marker"), "of the container");
	assert_content(proc("root/volume/file"), "of the volume");
	assert_content(proc("root/proc/1/comm"), "vmrun-proxy\n");
	/* Nothing of the host, and nothing written to the user's files. */
	assert_int_equal(entries(proc("root")), 3);
	assert_int_equal(access(proc("root/tmp"), F_OK), -1);
	assert_int_equal(open(proc("root/proc/sys/kernel/hostname"), O_WRONLY | O_CLOEXEC), -1);
	assert_int_equal(errno, EROFS);
	assert_host_mounts_unchanged();
}

static void a_read_only_volume_is_read_only(void **state)
{
	(void)state;
	t.mounts[0].read_only = true;
	start();
	assert_int_equal(open(proc("root/volume/file"), O_WRONLY | O_CLOEXEC), -1);
	assert_int_equal(errno, EROFS);
	close(open(proc("root/marker"), O_WRONLY | O_CLOEXEC));
}

static void links_in_the_rootfs_do_not_lead_out(void **state)
{
	char path[PATH_MAX + 32];

	(void)state;
	snprintf(path, sizeof(path), "%s/rootfs/out", t.dir);
	assert_int_equal(symlink("../../../../../../etc", path), 0);
	t.mounts[0].destination = "/out";
	start();
	/* "/etc" in the container is not there: nothing was mounted, above all not on the host. */
	assert_int_equal(entries(proc("root/volume")), 0);
	assert_host_mounts_unchanged();
}

/* What a pause saw: in a page that the child shares. */
struct seen {
	pid_t outside, inside;
	bool rootfs_outside, rootfs_inside, volume_inside, host_inside;
	int fail_outside, fail_inside;
};

static bool there(const char *at, const char *name)
{
	char path[PATH_MAX + 32];

	snprintf(path, sizeof(path), "%s/%s", at, name);
	return access(path, F_OK) == 0;
}

static int pause_outside(void *arg, pid_t anchor, struct err *err)
{
	struct seen *seen = arg;

	t.pid = anchor;
	seen->outside = anchor;
	/* It has not changed its root, so the path below it is the whole one. */
	seen->rootfs_outside = there(proc("root"), t.spec.pause->rootfs + 1) &&
			       there(t.spec.pause->rootfs, "marker");
	t.pid = 0;
	return seen->fail_outside ? err_set(err, seen->fail_outside, "outside") : 0;
}

static int pause_inside(void *arg, struct err *err)
{
	struct seen *seen = arg;

	seen->inside = getpid();
	seen->rootfs_inside = there(t.spec.pause->rootfs, "marker");
	seen->volume_inside = there(t.spec.pause->rootfs, "volume/file");
	seen->host_inside = there("/proc", "self/exe") && there("/", "etc/passwd");
	return seen->fail_inside ? err_set(err, seen->fail_inside, "inside") : 0;
}

static struct seen *pause_here(struct anchor_pause *pause, char rootfs[PATH_MAX + 32])
{
	struct seen *seen = mmap(
		NULL, sizeof(*seen), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);

	assert_true(seen != MAP_FAILED);
	snprintf(rootfs, PATH_MAX + 32, "%s/rootfs", t.dir);
	*pause = (struct anchor_pause){
		.rootfs = rootfs, .outside = pause_outside, .inside = pause_inside, .arg = seen
	};
	t.spec.pause = pause;
	return seen;
}

static void it_pauses_before_its_root_changes(void **state)
{
	char rootfs[PATH_MAX + 32];
	struct anchor_pause pause;
	struct seen *seen = pause_here(&pause, rootfs);

	(void)state;
	start();
	assert_int_equal(seen->outside, t.pid);
	assert_true(seen->rootfs_outside);
	assert_int_equal(seen->inside, 1);
	assert_true(seen->rootfs_inside && seen->volume_inside && seen->host_inside);
	assert_content(proc("root/marker"), "of the container");
	assert_int_equal(access(proc("root/etc"), F_OK), -1);
	assert_host_mounts_unchanged();
	munmap(seen, sizeof(*seen));
}

static void what_fails_in_the_pause_ends_it(void **state)
{
	char rootfs[PATH_MAX + 32];
	struct anchor_pause pause;
	struct seen *seen = pause_here(&pause, rootfs);
	struct err err = ERR_NONE;

	(void)state;
	seen->fail_outside = ECANCELED;
	assert_int_equal(anchor_spawn(&t.spec, &t.pid, &err), -ECANCELED);
	assert_string_equal(err.msg, "outside");
	assert_int_equal(seen->inside, 0);
	assert_int_equal(waitpid(-1, NULL, WNOHANG), -1);
	err_clear(&err);
	seen->fail_outside = 0;
	seen->fail_inside = ETIMEDOUT;
	assert_int_equal(anchor_spawn(&t.spec, &t.pid, &err), -ETIMEDOUT);
	assert_string_equal(err.msg, "inside");
	assert_int_equal(waitpid(-1, NULL, WNOHANG), -1);
	assert_host_mounts_unchanged();
	munmap(seen, sizeof(*seen));
}

static void it_is_a_process_of_its_own(void **state)
{
	char *cmdline;

	(void)state;
	start();
	assert_int_equal(getsid(t.pid), t.pid);
	assert_int_equal(getpgid(t.pid), t.pid);
	assert_same_link(false, proc("ns/pid"), "/proc/self/ns/pid");
	assert_same_link(false, proc("ns/mnt"), "/proc/self/ns/mnt");
	assert_same_link(true, proc("ns/net"), "/proc/self/ns/net");
	for (int i = 0; i < 3; i++) {
		char name[16];
		struct stat st;

		snprintf(name, sizeof(name), "fd/%d", i);
		assert_int_equal(stat(proc(name), &st), 0);
		assert_int_equal(st.st_rdev, makedev(1, 3)); /* /dev/null */
	}
	assert_content(proc("comm"), "vmrun-proxy\n");
	cmdline = read_whole(proc("cmdline"));
	assert_string_equal(cmdline, "vmrun-proxy");
	assert_string_equal(cmdline + sizeof("vmrun-proxy"), "c1");
	free(cmdline);
}

static void it_keeps_no_privileges(void **state)
{
	(void)state;
	start();
	assert_status("CapPrm:\t", "0000000000000000");
	assert_status("CapEff:\t", "0000000000000000");
	assert_status("NoNewPrivs:\t", "1");
	assert_status("Seccomp:\t", "2");
}

static void it_holds_nothing_of_the_caller(void **state)
{
	int pipefd[2];

	(void)state;
	/* As a caller leaks them: without O_CLOEXEC. */
	assert_int_equal(pipe2(pipefd, 0), 0);
	start();
	close(pipefd[1]);
	assert_int_equal(poll(&(struct pollfd){ .fd = pipefd[0], .events = POLLIN }, 1, 0), 1);
	close(pipefd[0]);
	/* Standard streams, the session, signals; when it is done with whoever started it. */
	assert_int_equal(kill(t.pid, SIGUSR1), 0);
	assert_true(fakeagent_await_signal(t.agent, SIGUSR1));
	assert_int_equal(entries(proc("fd")), 5);
}

static void it_ends_as_the_process_ends(void **state)
{
	struct vmctl_request stop;
	char path[PATH_MAX + 32];
	int ctl[2], done[2];

	(void)state;
	assert_int_equal(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ctl), 0);
	assert_int_equal(pipe2(done, O_CLOEXEC), 0);
	t.spec.record_dir_fd = t.record;
	t.spec.ctl_fd = ctl[0];
	t.spec.done_fds[0] = done[0];
	t.spec.done_count = 1;
	start();
	close(done[0]);
	assert_true(t.agent->anchor);
	assert_string_equal(t.agent->container, "c1");
	assert_string_equal(t.agent->process, "");
	fakeagent_exit(t.agent, 7, 1234567890123, true);
	/* Not before the last byte of output is written. */
	assert_int_equal(ended_within(100), 0);
	assert_int_equal(entries(proc("fd")), 8);
	close(done[1]);
	assert_exits(7);
	snprintf(path, sizeof(path), "%s/record/exit", t.dir);
	assert_content(path, "7 1234567890123 1\n");
	snprintf(path, sizeof(path), "%s/record", t.dir);
	assert_int_equal(entries(path), 1);
	assert_int_equal(read(ctl[1], &stop, sizeof(stop)), vmctl_request_size(VMCTL_STOP));
	assert_int_equal(stop.size, vmctl_request_size(VMCTL_STOP));
	assert_int_equal(stop.op, VMCTL_STOP);
	close(ctl[0]);
	close(ctl[1]);
}

static void no_status_wraps_to_success(void **state)
{
	(void)state;
	start();
	fakeagent_exit(t.agent, 256, 1, false);
	assert_exits(255);
}

static void signals_go_to_the_process(void **state)
{
	static const int signals[] = { SIGHUP, SIGINT, SIGQUIT, SIGUSR1, SIGUSR2, SIGALRM, SIGTERM,
		SIGTSTP, SIGCONT, SIGTTIN, SIGSEGV };

	(void)state;
	start();
	kill(t.pid, SIGCHLD);
	kill(t.pid, SIGPIPE);
	for (size_t i = 0; i < ARRAY_LEN(signals); i++) {
		assert_int_equal(kill(t.pid, signals[i]), 0);
		if (!fakeagent_await_signal(t.agent, (unsigned)signals[i]))
			fail_msg("signal %d is lost", signals[i]);
	}
	assert_int_equal(kill(t.pid, SIGRTMIN + 3), 0);
	assert_true(fakeagent_await_signal(t.agent, (unsigned)SIGRTMIN + 3));
	assert_int_equal(t.agent->signals, ARRAY_LEN(signals) + 1);
	fakeagent_exit(t.agent, 128 + SIGTERM, 1, false);
	assert_exits(128 + SIGTERM);
}

static void killed_it_leaves_nothing(void **state)
{
	(void)state;
	t.spec.record_dir_fd = t.record;
	start();
	assert_int_equal(kill(t.pid, SIGKILL), 0);
	assert_int_equal(ended_within(PATIENCE_MS), 1);
	/* The agent sees it and kills the process. */
	assert_true(fakeagent_await_closed(t.agent, 1));
	assert_host_mounts_unchanged();
	assert_int_equal(waitpid(t.pid, NULL, 0), t.pid);
	t.pid = 0;
	/* The directories are free: no mount holds them. */
	assert_int_equal(remove_tree(AT_FDCWD, t.dir), 0);
}

static void a_pod_that_dies_is_137(void **state)
{
	char path[PATH_MAX + 32], *record;

	(void)state;
	t.spec.record_dir_fd = t.record;
	start();
	fakeagent_die(t.agent);
	assert_exits(137);
	snprintf(path, sizeof(path), "%s/record/exit", t.dir);
	record = read_whole(path);
	assert_int_equal(strncmp(record, "137 ", 4), 0);
	assert_string_equal(record + strlen(record) - 3, " 0\n");
	free(record);
}

/* What "vmrun why" reads: the monitor's last words and the guest's, made harmless. */
static void a_pod_that_dies_leaves_a_note(void **state)
{
	struct vmctl_reply end = {
		.size = sizeof(end),
		.kind = VMCTL_EVENT_ENDED,
		.code = VMCTL_END_RESET,
	};
	char path[PATH_MAX + 32], *note;
	struct err err = ERR_NONE;
	int ctl[2];

	(void)state;
	assert_int_equal(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ctl), 0);
	snprintf(path, sizeof(path), "%s/log", t.dir);
	put(path, "one\n\nKernel panic - not syncing: \x1b[31m\xc2\x9b\xff\nlast");
	t.spec.log_fd = open(path, O_RDONLY | O_CLOEXEC);
	t.spec.record_dir_fd = t.record;
	t.spec.ctl_fd = ctl[0];
	start();
	assert_int_equal(file_replace(t.record, "started", "", 0, 0600, &err), 0);
	snprintf(end.msg, sizeof(end.msg), "guest\treset");
	assert_int_equal(fd_send(ctl[1], &end, sizeof(end), NULL, 0), 0);
	fakeagent_die(t.agent);
	assert_exits(137);
	snprintf(path, sizeof(path), "%s/record/death.json", t.dir);
	note = read_whole(path);
	assert_non_null(strstr(note, "\"cause\": \"guest-panic\""));
	assert_non_null(strstr(note, "\"phase\": \"running\""));
	assert_non_null(strstr(note, "\"exitStatus\": 4"));
	assert_non_null(strstr(note, "\"words\": \"guest reset\""));
	assert_non_null(
		strstr(note, "\"log\": [\n    \"one\",\n    \"Kernel panic - not syncing:  [31m  "
			     "\xef\xbf\xbd\",\n    \"last\"\n  ]"));
	free(note);
	close(t.spec.log_fd);
	close(ctl[0]);
	close(ctl[1]);
}

static void an_exec_has_an_anchor_too(void **state)
{
	(void)state;
	t.spec.process = "exec-1";
	t.spec.rootfs_fd = -1;
	t.spec.mount_count = 0;
	start();
	assert_string_equal(t.agent->container, "c1");
	assert_string_equal(t.agent->process, "exec-1");
	assert_int_equal(entries(proc("root")), 0);
	assert_int_equal(kill(t.pid, SIGTERM), 0);
	assert_true(fakeagent_await_signal(t.agent, SIGTERM));
	fakeagent_exit(t.agent, 3, 1, false);
	assert_exits(3);
	assert_host_mounts_unchanged();
}

static void it_follows_its_terminal(void **state)
{
	struct winsize size = { .ws_row = 24, .ws_col = 80 };
	int master, slave;

	(void)state;
	assert_int_equal(openpty(&master, &slave, NULL, NULL, &size), 0);
	t.spec.tty_fd = slave;
	t.spec.tty_own = true;
	start();
	assert_int_equal(t.agent->resizes, 1);
	assert_true(fakeagent_await_size(t.agent, 24, 80));
	/* Its controlling terminal, so that the kernel tells it of a new size. */
	assert_int_equal(tcgetsid(master), t.pid);
	size.ws_row = 50;
	assert_int_equal(ioctl(master, TIOCSWINSZ, &size), 0);
	assert_true(fakeagent_await_size(t.agent, 50, 80));
	close(slave);
	close(master);
	assert_true(fakeagent_await_signal(t.agent, SIGHUP));
}

static void a_terminal_without_size_says_nothing(void **state)
{
	struct winsize size = { .ws_row = 5, .ws_col = 6 };
	int master, slave;

	(void)state;
	assert_int_equal(openpty(&master, &slave, NULL, NULL, NULL), 0);
	t.spec.tty_fd = slave;
	start();
	assert_int_equal(t.agent->resizes, 0);
	/* Not its own: whoever owns it sends the signal. */
	assert_int_equal(ioctl(master, TIOCSWINSZ, &size), 0);
	assert_int_equal(kill(t.pid, SIGWINCH), 0);
	assert_true(fakeagent_await_size(t.agent, 5, 6));
	close(slave);
	close(master);
}

/* A process that has just moved to a network namespace of its own. */
static pid_t in_new_netns(void)
{
	int ready[2];
	char byte;
	pid_t pid;

	assert_int_equal(pipe2(ready, O_CLOEXEC), 0);
	pid = fork();
	assert_true(pid >= 0);
	if (pid == 0) {
		if (unshare(CLONE_NEWNET) < 0 || write(ready[1], "", 1) != 1)
			_exit(1);
		pause();
		_exit(0);
	}
	close(ready[1]);
	assert_int_equal(read(ready[0], &byte, 1), 1);
	close(ready[0]);
	return pid;
}

static void it_joins_the_network_namespace(void **state)
{
	pid_t other = in_new_netns();
	struct anchor_join join = { .kind = CLONE_NEWNET };
	char path[64];

	(void)state;
	snprintf(path, sizeof(path), "/proc/%d/ns/net", other);
	join.fd = open(path, O_RDONLY | O_CLOEXEC);
	assert_true(join.fd >= 0);
	t.spec.joined = &join;
	t.spec.joined_count = 1;
	start();
	assert_same_link(true, proc("ns/net"), path);
	assert_same_link(false, proc("ns/net"), "/proc/self/ns/net");
	close(join.fd);
	kill(other, SIGKILL);
	waitpid(other, NULL, 0);
}

static void it_has_namespaces_of_its_own(void **state)
{
	(void)state;
	t.spec.created_namespaces = CLONE_NEWNET | CLONE_NEWIPC;
	start();
	assert_same_link(false, proc("ns/net"), "/proc/self/ns/net");
	assert_same_link(false, proc("ns/ipc"), "/proc/self/ns/ipc");
	assert_same_link(true, proc("ns/uts"), "/proc/self/ns/uts");
}

static const char *cgroup2(void)
{
	static const char *const at[] = { "/sys/fs/cgroup", "/sys/fs/cgroup/unified" };
	char path[64];

	for (size_t i = 0; i < ARRAY_LEN(at); i++) {
		snprintf(path, sizeof(path), "%s/cgroup.procs", at[i]);
		if (access(path, W_OK) == 0)
			return at[i];
	}
	return NULL;
}

static void it_is_born_in_its_cgroup(void **state)
{
	const char *top = cgroup2();
	char path[128], line[128], *cgroups;

	(void)state;
	if (!top) {
		print_message("no writable cgroup v2 here\n");
		skip();
	}
	snprintf(line, sizeof(line), "0::/test_anchor-%d\n", getpid());
	snprintf(path, sizeof(path), "%s/test_anchor-%d", top, getpid());
	assert_int_equal(mkdir(path, 0755), 0);
	t.spec.cgroup_fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	start();
	cgroups = read_whole(proc("cgroup"));
	assert_non_null(strstr(cgroups, line));
	free(cgroups);
	kill(t.pid, SIGKILL);
	waitpid(t.pid, NULL, 0);
	t.pid = 0;
	close(t.spec.cgroup_fd);
	assert_int_equal(rmdir(path), 0);
}

/* A directory that is no cgroup v2: the kernel cannot clone into it, so the pid is written. */
static void without_clone_into_cgroup_it_is_moved(void **state)
{
	char path[PATH_MAX + 64], text[16], *procs;

	(void)state;
	snprintf(path, sizeof(path), "%s/record/cgroup.procs", t.dir);
	put(path, "");
	t.spec.cgroup_fd = t.record;
	start();
	procs = read_whole(path);
	snprintf(text, sizeof(text), "%d", t.pid);
	assert_string_equal(procs, text);
	free(procs);
}

static pid_t start_in_child(int *ret_pipe)
{
	int pipefd[2];
	pid_t pid;

	assert_int_equal(pipe2(pipefd, O_CLOEXEC), 0);
	pid = fork();
	assert_true(pid >= 0);
	if (pid == 0) {
		struct err err = ERR_NONE;

		if (anchor_spawn(&t.spec, &t.pid, &err) < 0 ||
			write(pipefd[1], &t.pid, sizeof(t.pid)) != (ssize_t)sizeof(t.pid))
			_exit(1);
		_exit(0);
	}
	close(pipefd[1]);
	close_fd(&t.session);
	*ret_pipe = pipefd[0];
	return pid;
}

static void it_outlives_its_starter(void **state)
{
	int fd;
	pid_t starter;

	(void)state;
	prctl(PR_SET_CHILD_SUBREAPER, 1);
	starter = start_in_child(&fd);
	assert_int_equal(read(fd, &t.pid, sizeof(t.pid)), sizeof(t.pid));
	assert_int_equal(waitpid(starter, NULL, 0), starter);
	assert_int_equal(kill(t.pid, SIGUSR1), 0);
	assert_true(fakeagent_await_signal(t.agent, SIGUSR1));
	fakeagent_exit(t.agent, 4, 1, false);
	assert_exits(4);
	close(fd);
}

static void before_it_is_ready_it_goes_with_its_starter(void **state)
{
	int fd, status;
	pid_t starter;

	(void)state;
	prctl(PR_SET_CHILD_SUBREAPER, 1);
	t.agent->silent = true;
	starter = start_in_child(&fd);
	assert_true(fakeagent_await_probe(t.agent));
	kill(starter, SIGKILL);
	assert_int_equal(waitpid(starter, NULL, 0), starter);
	assert_true(fakeagent_await_closed(t.agent, 1));
	/* The anchor, which is ours now. */
	assert_true(waitpid(-1, &status, 0) > 0);
	assert_true(WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL);
	close(fd);
}

static void a_pod_that_died_before_is_an_error(void **state)
{
	struct err err = ERR_NONE;

	(void)state;
	fakeagent_die(t.agent);
	assert_int_equal(anchor_spawn(&t.spec, &t.pid, &err), -EPIPE);
	assert_string_equal(err.msg, "Wait: the connection has closed");
	assert_int_equal(t.pid, 0);
	assert_int_equal(waitpid(-1, NULL, WNOHANG), -1);
}

static void a_child_that_fails_says_why(void **state)
{
	struct err err = ERR_NONE;

	(void)state;
	t.spec.joined = &(struct anchor_join){ t.record, CLONE_NEWNET }; /* no namespace at all */
	t.spec.joined_count = 1;
	assert_int_equal(anchor_spawn(&t.spec, &t.pid, &err), -EINVAL);
	assert_non_null(strstr(err.msg, "cannot join a namespace"));
	assert_int_equal(waitpid(-1, NULL, WNOHANG), -1);
	assert_host_mounts_unchanged();
}

static void without_privileges_the_error_is_clear(void **state)
{
	pid_t pid = fork();
	int status;

	(void)state;
	assert_true(pid >= 0);
	if (pid == 0) {
		struct err err = ERR_NONE;

		if (setuid(65534) < 0 || anchor_spawn(&t.spec, &t.pid, &err) != -EPERM)
			_exit(1);
		_exit(strstr(err.msg, "vmrun needs CAP_SYS_ADMIN") ? 0 : 2);
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_int_equal(status, 0);
}

/* program_path() looks beside the running program. */
static int link_proxy(void)
{
	char self[PATH_MAX], *slash;
	ssize_t n = readlink("/proc/self/exe", self, sizeof(self) - 1);

	assert_true(n > 0);
	self[n] = '\0';
	slash = strrchr(self, '/');
	assert_true(slash && (size_t)(slash - self) + sizeof("/vmrun-proxy") < sizeof(self));
	memcpy(slash, "/vmrun-proxy", sizeof("/vmrun-proxy"));
	return symlink("../../vmrun-proxy", self) < 0 && errno != EEXIST ? -1 : 0;
}

/*
 * "The host" is a mount namespace of the test's own, so that nobody else changes it meanwhile. All
 * in it is shared, so that it sees what is not kept private.
 */
static int make_host(void **state)
{
	(void)state;
	if (geteuid() != 0) {
		print_message("SKIP: an anchor needs namespaces: run as root\n");
		exit(77);
	}
	if (unshare(CLONE_NEWNS) < 0 || mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) < 0 ||
		mount(NULL, "/", NULL, MS_REC | MS_SHARED, NULL) < 0)
		return -1;
	return link_proxy();
}

int main(void)
{
#define TEST(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
	const struct CMUnitTest tests[] = {
		TEST(its_root_is_the_containers),
		TEST(a_read_only_volume_is_read_only),
		TEST(links_in_the_rootfs_do_not_lead_out),
		TEST(it_pauses_before_its_root_changes),
		TEST(what_fails_in_the_pause_ends_it),
		TEST(it_is_a_process_of_its_own),
		TEST(it_keeps_no_privileges),
		TEST(it_holds_nothing_of_the_caller),
		TEST(it_ends_as_the_process_ends),
		TEST(no_status_wraps_to_success),
		TEST(signals_go_to_the_process),
		TEST(killed_it_leaves_nothing),
		TEST(a_pod_that_dies_is_137),
		TEST(a_pod_that_dies_leaves_a_note),
		TEST(an_exec_has_an_anchor_too),
		TEST(it_follows_its_terminal),
		TEST(a_terminal_without_size_says_nothing),
		TEST(it_joins_the_network_namespace),
		TEST(it_has_namespaces_of_its_own),
		TEST(it_is_born_in_its_cgroup),
		TEST(without_clone_into_cgroup_it_is_moved),
		TEST(it_outlives_its_starter),
		TEST(before_it_is_ready_it_goes_with_its_starter),
		TEST(a_pod_that_died_before_is_an_error),
		TEST(a_child_that_fails_says_why),
		TEST(without_privileges_the_error_is_clear),
	};

	return cmocka_run_group_tests(tests, make_host, NULL);
}
