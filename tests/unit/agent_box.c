/* The agent of the tests: see agent_box.h. */
#include "tests/unit/agent_box.h"

#include "agent/calls.h"
#include "agent/serve.h"
#include "base/fd.h"
#include "base/path.h"
#include "base/str.h"
#include "tests/unit/unit.h"

#include <endian.h>
#include <fcntl.h>
#include <linux/capability.h>
#include <linux/magic.h>
#include <poll.h>
#include <regex.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/vfs.h>
#include <sys/wait.h>

#define BUSYBOX	   "/bin/busybox"
#define OUTPUT_MAX ((size_t)1 << 31)

static const char *const cgroup_mounts[] = { "/sys/fs/cgroup", "/sys/fs/cgroup/unified" };

bool box_possible(void)
{
	struct stat st;

	if (geteuid() != 0) {
		print_message("skipped: needs root\n");
		return false;
	}
	if (stat(BUSYBOX, &st) < 0) {
		print_message("skipped: no " BUSYBOX " (on Debian: apt install busybox-static)\n");
		return false;
	}
	return true;
}

static void find_cgroup(struct agent_box *b)
{
	struct statfs fs;

	for (size_t i = 0; i < ARRAY_LEN(cgroup_mounts); i++) {
		snprintf(b->cgroup, sizeof(b->cgroup), "%s/vmrun-test-%d", cgroup_mounts[i],
			(int)getpid());
		if (statfs(cgroup_mounts[i], &fs) == 0 && fs.f_type == CGROUP2_SUPER_MAGIC &&
			mkdir(b->cgroup, 0755) == 0)
			return;
	}
	b->cgroup[0] = '\0';
	print_message("note: no writable cgroup v2, its parts are not tested\n");
}

static void copy_program(const char *from, int dir, const char *to)
{
	AUTO(buf_done) struct buf bytes = { 0 };
	struct err err = ERR_NONE;
	AUTO_CLOSE int fd = openat(dir, to, O_WRONLY | O_CREAT | O_CLOEXEC, 0755);

	assert_true(fd >= 0);
	assert_int_equal(file_read(AT_FDCWD, from, 16 << 20, &bytes, &err), 0);
	assert_int_equal(fd_write_all(fd, bytes.data, bytes.len), 0);
}

static void write_text(int dir, const char *name, const char *text)
{
	AUTO_CLOSE int fd = openat(dir, name, O_WRONLY | O_CREAT | O_CLOEXEC, 0644);

	assert_true(fd >= 0);
	assert_int_equal(fd_write_all(fd, text, strlen(text)), 0);
}

static void make_rootfs(int shares)
{
	/* Who is root of a user namespace could not make its own mount points. */
	static const char *const dirs[] = { "0", "0/bin", "0/etc", "0/dir", "0/tmp", "0/home",
		"0/proc", "0/dev", "0/sys", "1" };
	static const char *const applets[] = { "sh", "cat", "echo", "id", "ls", "mount", "stat",
		"sleep", "kill", "dd", "yes", "head", "touch", "stty", "tty", "hostname", "grep",
		"readlink", "mkdir", "chmod", "true", "ps", "wc", "tr", "mknod", "sync", "umount",
		"setsid", "test", "pwd", "env", "printf", "sort" };

	for (size_t i = 0; i < ARRAY_LEN(dirs); i++)
		assert_int_equal(mkdirat(shares, dirs[i], 0755), 0);
	copy_program(BUSYBOX, shares, "0/bin/busybox");
	for (size_t i = 0; i < ARRAY_LEN(applets); i++) {
		char path[64];

		snprintf(path, sizeof(path), "0/bin/%s", applets[i]);
		assert_int_equal(symlinkat("busybox", shares, path), 0);
	}
	write_text(
		shares, "0/etc/passwd", "root:x:0:0:root:/root:/bin/sh\nu:x:1000:1000::/home/u:\n");
	write_text(shares, "1/file", "from share 1\n");
	write_text(shares, "2", "single file\n");
	assert_int_equal(symlinkat("../../../../../../../etc", shares, "0/escape"), 0);
}

static int listen_at(const char *dir, const char *name)
{
	struct sockaddr_un addr = { .sun_family = AF_UNIX };
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);

	snprintf(addr.sun_path, sizeof(addr.sun_path), "%s/%s", dir, name);
	assert_int_equal(bind(fd, (struct sockaddr *)&addr, sizeof(addr)), 0);
	assert_int_equal(listen(fd, 64), 0);
	return fd;
}

struct served {
	struct agent *agent;
	int (*serve)(struct agent *a, int fd);
};

static void on_connection(void *arg, int fd, uint32_t events)
{
	struct served *s = arg;
	int conn = accept4(fd, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);

	(void)events;
	if (conn >= 0)
		(void)!s->serve(s->agent, conn);
}

/* Of AddressSanitizer, when the test is built with it. */
int __lsan_do_recoverable_leak_check(void) __attribute__((weak));

static void on_quit(void *arg, int fd, uint32_t events)
{
	struct agent *a = arg;

	(void)fd;
	(void)events;
	loop_quit(a->loop);
}

/*
 * The child: an agent on two listeners, until the end of a pipe. Its standard error is the test's.
 */
static int agent_main(const struct agent_box *b, int rpc, int streams, int quit)
{
	struct err err = ERR_NONE;
	char shares[128], scratch[128];
	struct agent_config config = { .shares = shares,
		.volumes = shares,
		.cgroup_root = b->cgroup[0] ? b->cgroup : NULL,
		.scratch = scratch };
	struct served served[2] = { { NULL, agent_serve_rpc }, { NULL, agent_serve_stream } };
	struct loop_fd *watch[3] = { NULL, NULL, NULL };
	struct agent *a;
	int r;

	prctl(PR_SET_PDEATHSIG, SIGKILL);
	snprintf(shares, sizeof(shares), "%s/shares", b->dir);
	snprintf(scratch, sizeof(scratch), "%s/scratch", b->dir);
	if (agent_new(&config, &a, &err) < 0) {
		fprintf(stderr, "agent: %s\n", err.msg);
		return 1;
	}
	served[0].agent = served[1].agent = a;
	if (loop_fd_add(a->loop, "rpc", rpc, EPOLLIN, on_connection, &served[0], &watch[0]) < 0 ||
		loop_fd_add(a->loop, "streams", streams, EPOLLIN, on_connection, &served[1],
			&watch[1]) < 0 ||
		loop_fd_add(a->loop, "quit", quit, EPOLLIN, on_quit, a, &watch[2]) < 0)
		return 1;
	r = loop_run(a->loop);
	for (size_t i = 0; i < ARRAY_LEN(watch); i++)
		loop_fd_remove(watch[i]);
	agent_free(a);
	if (r == 0 && __lsan_do_recoverable_leak_check)
		r = __lsan_do_recoverable_leak_check();
	return r != 0;
}

void box_start(struct agent_box *b)
{
	AUTO_CLOSE int shares = -1;
	AUTO_CLOSE int rpc = -1;
	AUTO_CLOSE int streams = -1;
	AUTO_CLOSE int quit = -1;
	char path[128];
	int ends[2];

	*b = (struct agent_box){ .dir = "/tmp/vmrun-agent-XXXXXX" };
	assert_non_null(mkdtemp(b->dir));
	assert_int_equal(unshare(CLONE_NEWNS), 0);
	assert_int_equal(mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL), 0);
	assert_int_equal(mount("box", b->dir, "tmpfs", 0, "mode=755"), 0);
	find_cgroup(b);
	snprintf(path, sizeof(path), "%s/scratch", b->dir);
	assert_int_equal(mkdir(path, 0700), 0);
	snprintf(path, sizeof(path), "%s/shares", b->dir);
	assert_int_equal(mkdir(path, 0755), 0);
	shares = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	make_rootfs(shares);
	rpc = listen_at(b->dir, "rpc");
	streams = listen_at(b->dir, "stream");
	assert_int_equal(pipe2(ends, O_CLOEXEC), 0);
	quit = ends[0];
	b->quit = ends[1];
	fflush(NULL);
	b->pid = fork();
	assert_true(b->pid >= 0);
	if (b->pid == 0) {
		close(b->quit);
		_exit(agent_main(b, rpc, streams, quit));
	}
	b->client = box_connect(b);
}

void box_stop(struct agent_box *b)
{
	int status;

	rpc_client_free(b->client);
	assert_int_equal(waitpid(b->pid, &status, WNOHANG), 0);
	close_fd(&b->quit);
	assert_int_equal(waitpid(b->pid, &status, 0), b->pid);
	assert_int_equal(status, 0);
	if (b->cgroup[0] && rmdir(b->cgroup) < 0)
		fail_msg("a cgroup is left in %s: %s", b->cgroup, strerror(errno));
	umount2(b->dir, MNT_DETACH);
	rmdir(b->dir);
}

struct agent_box box;

int box_set_up(void **state)
{
	(void)state;
	box_start(&box);
	return 0;
}

int box_tear_down(void **state)
{
	(void)state;
	box_stop(&box);
	return 0;
}

static int dial(const struct agent_box *b, const char *name)
{
	struct sockaddr_un addr = { .sun_family = AF_UNIX };
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

	snprintf(addr.sun_path, sizeof(addr.sun_path), "%s/%s", b->dir, name);
	assert_int_equal(connect(fd, (struct sockaddr *)&addr, sizeof(addr)), 0);
	return fd;
}

struct rpc_client *box_connect(const struct agent_box *b)
{
	struct rpc_client *c = NULL;

	assert_int_equal(rpc_client_new(dial(b, "rpc"), &c), 0);
	return c;
}

int box_stream(const struct agent_box *b, uint64_t token)
{
	uint64_t wire = htole64(token);
	int fd = dial(b, "stream");

	assert_int_equal(fd_write_all(fd, &wire, sizeof(wire)), 0);
	return fd;
}

Vmrun__Agent__Mount *request_mount(struct box_request *r, const char *type, const char *destination)
{
	Vmrun__Agent__Mount *m = &r->mounts[r->create.n_mounts];

	assert_true(r->create.n_mounts < ARRAY_LEN(r->mounts));
	vmrun__agent__mount__init(m);
	m->type = (char *)(uintptr_t)type;
	m->source = m->type;
	m->destination = (char *)(uintptr_t)destination;
	r->mount_list[r->create.n_mounts++] = m;
	return m;
}

Vmrun__Agent__Device *request_device(
	struct box_request *r, const char *path, unsigned major, unsigned minor)
{
	Vmrun__Agent__Device *d = &r->devices[r->create.n_devices];

	assert_true(r->create.n_devices < ARRAY_LEN(r->devices));
	vmrun__agent__device__init(d);
	d->path = (char *)(uintptr_t)path;
	d->type = (char *)(uintptr_t) "c";
	d->major = major;
	d->minor = minor;
	d->mode = 0666;
	r->device_list[r->create.n_devices++] = d;
	return d;
}

static void add_rule(struct box_request *r, int major, int minor, const char *access)
{
	Vmrun__Agent__DeviceRule *rule = &r->rules[r->create.n_device_rules];

	assert_true(r->create.n_device_rules < ARRAY_LEN(r->rules));
	vmrun__agent__device_rule__init(rule);
	rule->allow = true;
	rule->type = (char *)(uintptr_t) "c";
	rule->major = major;
	rule->minor = minor;
	rule->access = (char *)(uintptr_t)access;
	r->rule_list[r->create.n_device_rules++] = rule;
}

static void add_devices(struct box_request *r)
{
	static const struct {
		const char *path;
		unsigned major, minor;
	} devices[] = {
		{ "/dev/null", 1, 3 },
		{ "/dev/zero", 1, 5 },
		{ "/dev/random", 1, 8 },
		{ "/dev/urandom", 1, 9 },
		{ "/dev/tty", 5, 0 },
	};

	static const char *const links[][2] = {
		{ "/dev/stdin", "/proc/self/fd/0" },
		{ "/dev/stdout", "/proc/self/fd/1" },
		{ "/dev/stderr", "/proc/self/fd/2" },
		{ "/dev/ptmx", "pts/ptmx" },
	};

	r->create.links = r->link_list;
	for (; r->create.n_links < ARRAY_LEN(links); r->create.n_links++) {
		Vmrun__Agent__Symlink *link = &r->links[r->create.n_links];

		vmrun__agent__symlink__init(link);
		link->path = (char *)(uintptr_t)links[r->create.n_links][0];
		link->target = (char *)(uintptr_t)links[r->create.n_links][1];
		link->replaces = true;
		r->link_list[r->create.n_links] = link;
	}
	r->create.devices = r->device_list;
	r->create.device_rules = r->rule_list;
	add_rule(r, -1, -1, "m");
	add_rule(r, 136, -1, "rw"); /* pseudo-terminals */
	add_rule(r, 5, 2, "rw");    /* ptmx */
	for (size_t i = 0; i < ARRAY_LEN(devices); i++) {
		request_device(r, devices[i].path, devices[i].major, devices[i].minor);
		add_rule(r, (int)devices[i].major, (int)devices[i].minor, "rw");
	}
}

static void add_namespaces(struct box_request *r)
{
	static const Vmrun__Agent__Namespace__Kind kinds[] = {
		VMRUN__AGENT__NAMESPACE__KIND__PID,
		VMRUN__AGENT__NAMESPACE__KIND__MOUNT,
		VMRUN__AGENT__NAMESPACE__KIND__UTS,
		VMRUN__AGENT__NAMESPACE__KIND__IPC,
		VMRUN__AGENT__NAMESPACE__KIND__NETWORK,
		VMRUN__AGENT__NAMESPACE__KIND__CGROUP,
	};

	for (size_t i = 0; i < ARRAY_LEN(kinds); i++) {
		vmrun__agent__namespace__init(&r->ns[i]);
		r->ns[i].kind = kinds[i];
		r->ns_list[i] = &r->ns[i];
	}
	r->create.namespaces = r->ns_list;
	r->create.n_namespaces = ARRAY_LEN(kinds);
}

void request_init(struct box_request *r, const char *id, const char *script)
{
	static uint64_t token = 100;
	static const uint64_t all = ((uint64_t)1 << (CAP_LAST_CAP + 1)) - 1;

	memset(r, 0, sizeof(*r));
	vmrun__agent__create_container_request__init(&r->create);
	vmrun__agent__share_ref__init(&r->rootfs);
	vmrun__agent__process__init(&r->process);
	vmrun__agent__stdio__init(&r->stdio);
	vmrun__agent__capabilities__init(&r->caps);
	r->create.container = (char *)(uintptr_t)id;
	r->rootfs.share = (char *)(uintptr_t) "0";
	r->create.rootfs = &r->rootfs;
	r->create.process = &r->process;
	r->create.mounts = r->mount_list;
	add_namespaces(r);
	add_devices(r);
	request_mount(r, "proc", "/proc");
	request_mount(r, "tmpfs", "/dev")->data = (char *)(uintptr_t) "mode=755,size=65536k";
	request_mount(r, "devpts", "/dev/pts")->data =
		(char *)(uintptr_t) "newinstance,ptmxmode=0666,mode=0620";
	request_mount(r, "sysfs", "/sys")->flags = MS_RDONLY | MS_NOSUID;
	r->args[0] = (char *)(uintptr_t) "sh";
	r->args[1] = (char *)(uintptr_t) "-c";
	r->args[2] = (char *)(uintptr_t)script;
	r->process.args = r->args;
	r->process.n_args = 3;
	r->env[0] = (char *)(uintptr_t) "PATH=/usr/bin:/bin";
	r->process.env = r->env;
	r->process.n_env = 1;
	r->process.cwd = (char *)(uintptr_t) "/";
	r->caps.bounding = r->caps.effective = r->caps.permitted = all;
	r->process.capabilities = &r->caps;
	r->stdio.stdin = ++token;
	r->stdio.stdout = ++token;
	r->stdio.stderr = ++token;
	r->process.stdio = &r->stdio;
}

void box_failed(const char *call, const struct err *err, const char *pattern)
{
	regex_t regex;

	assert_int_equal(regcomp(&regex, pattern, REG_EXTENDED | REG_NOSUB), 0);
	if (regexec(&regex, err->msg, 0, NULL, 0) != 0)
		fail_msg("%s: \"%s\" does not match \"%s\"", call, err->msg, pattern);
	regfree(&regex);
}

uint32_t box_wait(struct agent_box *b, const char *id, const char *process)
{
	Vmrun__Agent__WaitRequest wait = VMRUN__AGENT__WAIT_REQUEST__INIT;
	Vmrun__Agent__WaitResponse *reply = NULL;
	struct err err = ERR_NONE;
	uint32_t status;

	wait.container = (char *)(uintptr_t)id;
	wait.process = (char *)(uintptr_t)process;
	if (agent_call_wait(b->client, &wait, BOX_CALL_MS, &reply, &err) < 0)
		fail_msg("Wait for %s %s: %s", id, process, err.msg);
	status = reply->status;
	assert_true(reply->exited_at_ns > 0);
	vmrun__agent__wait_response__free_unpacked(reply, NULL);
	return status;
}

void box_delete(struct agent_box *b, const char *id)
{
	Vmrun__Agent__ContainerRequest request = VMRUN__AGENT__CONTAINER_REQUEST__INIT;

	request.container = (char *)(uintptr_t)id;
	box_call(b, delete_container, &request);
}

/* Both streams to their end. */
static void collect(int fds[2], struct buf bufs[2])
{
	int open_count = 2;

	while (open_count) {
		struct pollfd p[2] = { { fds[0], POLLIN, 0 }, { fds[1], POLLIN, 0 } };

		assert_true(poll(p, 2, BOX_CALL_MS) > 0);
		for (int i = 0; i < 2; i++) {
			ssize_t n;

			if (!(p[i].revents & (POLLIN | POLLHUP)))
				continue;
			assert_int_equal(buf_reserve(&bufs[i], 1 << 20), 0);
			n = read(fds[i], bufs[i].data + bufs[i].len, bufs[i].cap - bufs[i].len);
			assert_true(n >= 0);
			bufs[i].len += (size_t)n;
			assert_true(bufs[i].len < OUTPUT_MAX);
			if (n == 0) {
				close_fd(&fds[i]);
				open_count--;
			}
		}
	}
}

static void finish(struct agent_box *b, int fds[2], const char *id, const char *process,
	struct box_result *ret)
{
	struct buf bufs[2] = { { 0 }, { 0 } };

	collect(fds, bufs);
	ret->status = box_wait(b, id, process);
	assert_non_null(buf_str(&bufs[0]));
	assert_non_null(buf_str(&bufs[1]));
	ret->out = (char *)bufs[0].data;
	ret->out_len = bufs[0].len;
	ret->error = (char *)bufs[1].data;
}

void box_run(struct agent_box *b, struct box_request *r, struct box_result *ret)
{
	Vmrun__Agent__StartContainerRequest start = VMRUN__AGENT__START_CONTAINER_REQUEST__INIT;
	/* stdout before the process exists, stderr after. */
	int fds[2] = { box_stream(b, r->stdio.stdout), -1 };

	r->stdio.stdin = 0;
	start.container = r->create.container;
	box_call(b, create_container, &r->create);
	box_call(b, start_container, &start);
	fds[1] = box_stream(b, r->stdio.stderr);
	finish(b, fds, r->create.container, "", ret);
	box_delete(b, r->create.container);
}

void box_exec(struct agent_box *b, const char *container, Vmrun__Agent__Process *process,
	struct box_result *ret)
{
	static unsigned number;
	Vmrun__Agent__ExecRequest exec = VMRUN__AGENT__EXEC_REQUEST__INIT;
	char id[32];
	int fds[2] = { box_stream(b, process->stdio->stdout),
		box_stream(b, process->stdio->stderr) };

	snprintf(id, sizeof(id), "exec-%u", ++number);
	exec.container = (char *)(uintptr_t)container;
	exec.process = id;
	exec.spec = process;
	process->stdio->stdin = 0;
	box_call(b, exec, &exec);
	finish(b, fds, container, id, ret);
}

void result_done(struct box_result *r)
{
	free(r->out);
	free(r->error);
}
