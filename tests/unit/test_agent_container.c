/* Containers made by the agent on this machine: what is inside, how they live and end. */
#include "base/capability.h"
#include "base/fd.h"
#include "base/str.h"
#include "tests/unit/agent_box.h"
#include "tests/unit/unit.h"

#include <fcntl.h>
#include <linux/capability.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <signal.h>
#include <stdio.h>
#include <sys/mount.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <time.h>

static void has_line(const struct box_result *res, const char *line)
{
	AUTO_FREE char *text = NULL, *wanted = NULL;

	assert_true(asprintf(&text, "\n%s", res->out) >= 0);
	assert_true(asprintf(&wanted, "\n%s\n", line) >= 0);
	if (!strstr(text, wanted))
		fail_msg("no line \"%s\" in:\n%s\n%s", line, res->out, res->error);
}

static void run_script(const char *script, struct box_result *res)
{
	struct box_request r;

	request_init(&r, "c", script);
	box_run(&box, &r, res);
}

static void start(const char *id)
{
	Vmrun__Agent__StartContainerRequest request = VMRUN__AGENT__START_CONTAINER_REQUEST__INIT;

	request.container = (char *)(uintptr_t)id;
	box_call(&box, "StartContainer", &request.base);
}

static void send_signal(const char *id, const char *process, uint32_t signal, bool all)
{
	Vmrun__Agent__SignalRequest request = VMRUN__AGENT__SIGNAL_REQUEST__INIT;

	request.container = (char *)(uintptr_t)id;
	request.process = (char *)(uintptr_t)process;
	request.signal = signal;
	request.all = all;
	box_call(&box, "Signal", &request.base);
}

/* A container whose streams go nowhere. */
static void run_detached(const char *id, const char *script)
{
	struct box_request r;

	request_init(&r, id, script);
	r.stdio.stdin = r.stdio.stdout = r.stdio.stderr = 0;
	box_call(&box, "CreateContainer", &r.create.base);
	start(id);
}

static void exec_in(const char *id, const char *script, struct box_result *res)
{
	struct box_request r;

	request_init(&r, "unused", script);
	box_exec(&box, id, &r.process, res);
}

static void test_output_and_status(void **state)
{
	struct box_result res;

	(void)state;
	run_script("echo out; echo error >&2; exit 7", &res);
	assert_string_equal(res.out, "out\n");
	assert_string_equal(res.error, "error\n");
	assert_int_equal(res.status, 7);
	result_done(&res);
}

static void test_what_is_inside(void **state)
{
	struct box_result res;

	(void)state;
	run_script(
		"echo pid $$; cat /proc/mounts; ls -l /dev; readlink /dev/stdin; cat "
		"/proc/1/cgroup;"
		" ls /; ls -l /proc/self/fd; umask; grep -c . /proc/net/dev; cat </dev/null;"
		" cat /sys/class/net/lo/flags; echo HOME=$HOME; cat /proc/self/oom_score_adj; pwd",
		&res);
	assert_int_equal(res.status, 0);
	has_line(&res, "pid 1");
	has_line(&res, "0022");
	has_line(&res, "/proc/self/fd/0");
	has_line(&res, "3");   /* two lines of heading and lo */
	has_line(&res, "0x9"); /* up, loopback */
	has_line(&res, "HOME=/root");
	has_line(&res, "0");
	has_line(&res, "/");
	if (box.cgroup[0])
		assert_non_null(strstr(res.out, "0::/\n"));
	/* Nothing of the machine outside is mounted. */
	assert_null(strstr(res.out, "ext4"));
	assert_null(strstr(res.out, "vmrun"));
	assert_non_null(strstr(res.out, "null"));
	assert_non_null(strstr(res.out, "ptmx -> pts/ptmx"));
	result_done(&res);
}

static void test_stdin(void **state)
{
	struct box_request r;
	struct box_result res = { 0 };
	AUTO_CLOSE int in = -1;
	AUTO_CLOSE int out = -1;
	char text[64];

	(void)state;
	request_init(&r, "c", "cat; echo end");
	r.stdio.stderr = 0;
	box_call(&box, "CreateContainer", &r.create.base);
	in = box_stream(&box, r.stdio.stdin);
	out = box_stream(&box, r.stdio.stdout);
	start("c");
	assert_int_equal(fd_write_all(in, "hello\n", 6), 0);
	shutdown(in, SHUT_WR);
	assert_int_equal(fd_read_all(out, text, 10), 0);
	assert_memory_equal(text, "hello\nend\n", 10);
	assert_int_equal(read(out, text, 1), 0);
	assert_int_equal(box_wait(&box, "c", ""), 0);
	assert_int_equal(box_wait(&box, "c", ""), 0);
	box_delete(&box, "c");
	result_done(&res);
}

static void test_large_output(void **state)
{
	struct box_result res;

	(void)state;
	run_script("dd if=/dev/zero bs=65536 count=3200 2>/dev/null; echo end >&2", &res);
	assert_int_equal(res.status, 0);
	assert_int_equal(res.out_len, (size_t)3200 * 65536);
	assert_string_equal(res.error, "end\n");
	result_done(&res);
}

static void test_reader_gone(void **state)
{
	struct box_request r;

	(void)state;
	request_init(&r, "c", "trap '' INT; (yes; echo $? >&2); kill -0 1; exit 3");
	r.stdio.stdin = 0;
	box_call(&box, "CreateContainer", &r.create.base);
	close(box_stream(&box, r.stdio.stdout));
	close(box_stream(&box, r.stdio.stderr));
	start("c");
	assert_int_equal(box_wait(&box, "c", ""), 3);
	box_delete(&box, "c");
}

static void create_fails(struct box_request *r, const char *pattern)
{
	struct box_result res;

	box_fails(&box, "CreateContainer", &r->create.base, pattern);
	/* Everything is undone: the same id works at once. */
	run_script("echo again", &res);
	assert_string_equal(res.out, "again\n");
	result_done(&res);
}

static void test_bad_programs(void **state)
{
	static const struct {
		const char *program, *pattern;
	} cases[] = {
		{ "no-such", "^exec: \"no-such\": executable file not found in \\$PATH$" },
		{ "/no/such", "^exec: \"/no/such\": stat /no/such: no such file or directory$" },
		{ "/etc/passwd", "^exec: \"/etc/passwd\": permission denied$" },
		{ "/etc", "^exec: \"/etc\": permission denied$" },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		struct box_request r;

		request_init(&r, "c", "");
		r.args[0] = (char *)(uintptr_t)cases[i].program;
		create_fails(&r, cases[i].pattern);
	}
}

/* A request whose startContainer hooks are sh -c lines. */
struct hooked {
	struct box_request r;
	Vmrun__Agent__Hook hooks[3], *list[3];
	Vmrun__Agent__HookState state;
	char *args[3][3], *env[1];
};

static void hooked_init(struct hooked *h, const char *script)
{
	request_init(&h->r, "c", script);
	h->r.create.start_hooks = h->list;
	vmrun__agent__hook_state__init(&h->state);
	h->state.before_pid = (ProtobufCBinaryData){ 4, (uint8_t *)(uintptr_t) "pid " };
	h->state.after_pid = (ProtobufCBinaryData){ 2, (uint8_t *)(uintptr_t) ".\n" };
	h->r.create.hook_state = &h->state;
}

static Vmrun__Agent__Hook *hooked_add(struct hooked *h, const char *script)
{
	size_t i = h->r.create.n_start_hooks++;
	Vmrun__Agent__Hook *hook = h->list[i] = &h->hooks[i];

	vmrun__agent__hook__init(hook);
	h->args[i][0] = (char *)(uintptr_t) "sh";
	h->args[i][1] = (char *)(uintptr_t) "-c";
	h->args[i][2] = (char *)(uintptr_t)script;
	hook->path = (char *)(uintptr_t) "/bin/sh";
	hook->args = h->args[i];
	hook->n_args = 3;
	return hook;
}

static void test_hooks(void **state)
{
	struct hooked h;
	struct box_result res;
	Vmrun__Agent__Hook *own;

	(void)state;
	hooked_init(&h, "cat /dev/shm/log");
	request_mount(&h.r, "tmpfs", "/dev/shm");
	hooked_add(&h, "echo first $(cat) $$ $PPID $NAME $(pwd) >>/dev/shm/log; ls /proc/self/fd | "
		       "tr '\\n' ' ' >>/dev/shm/log");
	own = hooked_add(&h, "echo second $(cat) $NAME $OWN >>/dev/shm/log");
	h.env[0] = (char *)(uintptr_t) "OWN=own";
	own->own_env = true;
	own->env = h.env;
	own->n_env = 1;
	own->timeout_s = 60;
	h.r.process.env[h.r.process.n_env++] = (char *)(uintptr_t) "NAME=inherited";
	box_run(&box, &h.r, &res);
	has_line(&res, "0 1 2 3 second pid 1. own");
	assert_non_null(strstr(res.out, "first pid 1. "));
	assert_non_null(strstr(res.out, " 1 inherited /\n"));
	result_done(&res);
}

static void hook_fails(const char *script, unsigned timeout_s, const char *pattern)
{
	Vmrun__Agent__StartContainerRequest request = VMRUN__AGENT__START_CONTAINER_REQUEST__INIT;
	struct hooked h;

	hooked_init(&h, "echo never; exit 3");
	h.r.stdio.stdin = h.r.stdio.stdout = h.r.stdio.stderr = 0;
	hooked_add(&h, "true");
	hooked_add(&h, script)->timeout_s = timeout_s;
	hooked_add(&h, "kill -9 1");
	box_call(&box, "CreateContainer", &h.r.create.base);
	request.container = (char[]){ "c" };
	box_fails(&box, "StartContainer", &request.base, pattern);
	/* The program was not run. */
	assert_int_equal(box_wait(&box, "c", ""), 127);
	box_delete(&box, "c");
}

static void test_bad_hooks(void **state)
{
	(void)state;
	hook_fails("echo why; exit 9", 0,
		"^hooks\\.startContainer\\[1\\]: /bin/sh: exit status 9: why$");
	hook_fails("sleep 1000 & wait", 1,
		"^hooks\\.startContainer\\[1\\]: /bin/sh: killed after its timeout of 1 s$");
	hook_fails(
		"exec /no/such", 0, "^hooks\\.startContainer\\[1\\]: /bin/sh: exit status 127: ");
}

static void test_bad_requests(void **state)
{
	struct box_request r;

	(void)state;
	request_init(&r, "c", "true");
	r.rootfs.share = (char *)(uintptr_t) "nosuch";
	create_fails(&r, "^rootfs: share \"nosuch\".*No such file");
	request_init(&r, "c", "true");
	request_mount(&r, "tmpfs", "/dir")->data = (char *)(uintptr_t) "size=much";
	create_fails(&r, "^mounts\\[4\\]: tmpfs: .*size");
	request_init(&r, "c", "true");
	request_mount(&r, "nosuchfs", "/dir");
	create_fails(&r, "nosuchfs: No such device");
	request_init(&r, "c", "true");
	r.process.cwd = (char *)(uintptr_t) "relative";
	create_fails(&r, "cwd \"relative\"");
	request_init(&r, "c", "true");
	r.process.n_args = 0;
	create_fails(&r, "no arguments");
	request_init(&r, "../c", "true");
	create_fails(&r, "invalid container id");
	request_init(&r, "c", "true");
	r.ns[3].join_container = (char *)(uintptr_t) "nosuch";
	create_fails(&r, "container nosuch.*does not exist");
	request_init(&r, "c", "true");
	request_mount(&r, "proc", "/escape");
	create_fails(&r, "symlink");
}

static void test_mounts(void **state)
{
	Vmrun__Agent__ShareRef dir = VMRUN__AGENT__SHARE_REF__INIT;
	Vmrun__Agent__ShareRef file = VMRUN__AGENT__SHARE_REF__INIT;
	Vmrun__Agent__Mount *m;
	struct box_request r;
	struct box_result res;

	(void)state;
	dir.share = (char *)(uintptr_t) "1";
	file.share = (char *)(uintptr_t) "2";
	request_init(&r, "c",
		"cat /vol/file /new/deep/file /escape/out; touch /vol/x || echo ro;"
		"touch /rw/y && echo rw; cat /copied/passwd | head -1; stat -c %a /dir;"
		"grep ' /dir ' /proc/mounts; touch /tight/a && touch /tight/b; touch /x || echo "
		"sealed");
	m = request_mount(&r, "bind", "/vol");
	m->flags = MS_BIND | MS_REC | MS_RDONLY;
	m->share = &dir;
	m = request_mount(&r, "", "/new/deep/file");
	m->flags = MS_BIND;
	m->share = &file;
	/* Through a symlink that points outside: it stays inside, at /etc of the container. */
	m = request_mount(&r, "bind", "/escape/out");
	m->flags = MS_BIND;
	m->share = &file;
	m = request_mount(&r, "bind", "/rw");
	m->flags = MS_BIND;
	m->share = &dir;
	m = request_mount(&r, "tmpfs", "/dir");
	m->flags = MS_NOSUID | MS_NOEXEC | MS_NOATIME;
	m = request_mount(&r, "tmpfs", "/etc2");
	m->optional = true;
	m->data = (char *)(uintptr_t) "nosuchoption";
	m = request_mount(&r, "tmpfs", "/tight");
	m->flags = MS_RDONLY;
	r.create.rootfs_readonly = true;
	box_run(&box, &r, &res);
	has_line(&res, "from share 1");
	assert_non_null(strstr(res.out, "single file\nsingle file\nro\nrw\n"));
	has_line(&res, "755");
	assert_non_null(strstr(res.out, "nosuid,noexec,noatime"));
	has_line(&res, "sealed");
	assert_non_null(strstr(res.error, "/tight/a: Read-only file system"));
	result_done(&res);
	run_script("cat /etc/out; test -e /new/deep/file && echo there; stat -c %s /etc/out", &res);
	assert_non_null(strstr(res.out, "there\n0\n"));
	result_done(&res);
}

static void test_copy_up(void **state)
{
	Vmrun__Agent__Mount *m;
	struct box_request r;
	struct box_result res;

	(void)state;
	request_init(&r, "c",
		"cat /etc/passwd | head -1; echo x >/etc/passwd; readlink /etc/link; touch "
		"/etc/ro");
	m = request_mount(&r, "tmpfs", "/etc");
	m->copy_up = true;
	m->flags = MS_NOSUID;
	box_run(&box, &r, &res);
	has_line(&res, "root:x:0:0:root:/root:/bin/sh");
	result_done(&res);
	run_script("wc -l </etc/passwd; ls /etc/ro", &res);
	has_line(&res, "2");
	assert_int_not_equal(res.status, 0);
	result_done(&res);
}

static void test_masks_and_sysctls(void **state)
{
	char *masked[] = { (char *)(uintptr_t) "/proc/cpuinfo", (char *)(uintptr_t) "/proc/acpi",
		(char *)(uintptr_t) "/no/such", (char *)(uintptr_t) "/home" };
	char *readonly[] = { (char *)(uintptr_t) "/proc/sys", (char *)(uintptr_t) "/nosuch",
		(char *)(uintptr_t) "/tmp" };
	Vmrun__Agent__Sysctl sysctl = VMRUN__AGENT__SYSCTL__INIT, *sysctls[] = { &sysctl };
	struct box_request r;
	struct box_result res;

	(void)state;
	request_init(&r, "c",
		"wc -c </proc/cpuinfo; ls /home | wc -l; touch /tmp/x || echo ro;"
		"echo 1 >/proc/sys/net/ipv4/ip_forward || echo ro2; touch /home/x || echo ro3;"
		"cat /proc/sys/net/ipv4/ip_default_ttl; hostname; cat /proc/sys/kernel/domainname");
	r.create.masked_paths = masked;
	r.create.n_masked_paths = ARRAY_LEN(masked);
	r.create.readonly_paths = readonly;
	r.create.n_readonly_paths = ARRAY_LEN(readonly);
	r.create.hostname = (char *)(uintptr_t) "box";
	r.create.domainname = (char *)(uintptr_t) "example";
	sysctl.key = (char *)(uintptr_t) "net.ipv4.ip_default_ttl";
	sysctl.value = (char *)(uintptr_t) "77";
	r.create.sysctls = sysctls;
	r.create.n_sysctls = 1;
	box_run(&box, &r, &res);
	assert_string_equal(res.out, "0\n0\nro\nro2\nro3\n77\nbox\nexample\n");
	result_done(&res);
}

static void test_credentials(void **state)
{
	Vmrun__Agent__Rlimit limit = VMRUN__AGENT__RLIMIT__INIT, *limits[] = { &limit };
	Vmrun__Agent__Seccomp seccomp = VMRUN__AGENT__SECCOMP__INIT;
	struct sock_filter filter[] = {
		BPF_STMT(BPF_LD | BPF_W | BPF_ABS, 0),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_mkdir, 0, 1),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | EIO),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
	};
	uint32_t groups[] = { 5, 6 };
	struct box_request r;
	struct box_result res;

	(void)state;
	for (int nnp = 0; nnp < 2; nnp++) {
		request_init(&r, "c",
			"id; umask; ulimit -n; ulimit -Hn; cat /proc/self/status; pwd;"
			"mkdir /tmp/no; echo $HOME; echo again >/dev/stdout");
		r.process.uid = r.process.gid = 1000;
		r.process.additional_gids = groups;
		r.process.n_additional_gids = 2;
		r.process.has_umask = true;
		r.process.umask = 077;
		r.process.cwd = (char *)(uintptr_t) "/home/made";
		limit.resource = RLIMIT_NOFILE;
		limit.soft = 100;
		limit.hard = 200;
		r.process.rlimits = limits;
		r.process.n_rlimits = 1;
		r.caps.bounding = r.caps.effective = r.caps.permitted = r.caps.inheritable =
			r.caps.ambient = 1 << 5; /* CAP_KILL */
		r.process.no_new_privileges = nnp;
		seccomp.filter.data = (uint8_t *)filter;
		seccomp.filter.len = sizeof(filter);
		r.process.seccomp = &seccomp;
		box_run(&box, &r, &res);
		has_line(&res, "uid=1000(u) gid=1000 groups=5,6");
		has_line(&res, "0077");
		has_line(&res, "100");
		has_line(&res, "200");
		has_line(&res, "CapBnd:\t0000000000000020");
		has_line(&res, "CapEff:\t0000000000000020");
		has_line(&res, "CapAmb:\t0000000000000020");
		has_line(&res, nnp ? "NoNewPrivs:\t1" : "NoNewPrivs:\t0");
		has_line(&res, "Seccomp:\t2");
		has_line(&res, "/home/made");
		has_line(&res, "/home/u");
		has_line(&res, "again");
		assert_non_null(strstr(res.error, "/tmp/no': Input/output error"));
		result_done(&res);
	}
}

static void test_no_capabilities(void **state)
{
	struct box_request r;
	struct box_result res;

	(void)state;
	request_init(&r, "c", "grep Cap /proc/self/status");
	r.process.capabilities = NULL;
	box_run(&box, &r, &res);
	has_line(&res, "CapPrm:\t0000000000000000");
	has_line(&res, "CapBnd:\t0000000000000000");
	result_done(&res);
}

/* With ids 0 to 65535 from 100000 on. */
static void add_user_namespace(struct box_request *r)
{
	static Vmrun__Agent__IdMapping map = VMRUN__AGENT__ID_MAPPING__INIT, *maps[] = { &map };

	vmrun__agent__namespace__init(&r->ns[6]);
	r->ns[6].kind = VMRUN__AGENT__NAMESPACE__KIND__USER;
	r->ns_list[6] = &r->ns[6];
	r->create.n_namespaces = 7;
	map.host_id = 100000;
	map.size = 65536;
	r->create.uid_mappings = r->create.gid_mappings = maps;
	r->create.n_uid_mappings = r->create.n_gid_mappings = 1;
}

static void test_user_namespace(void **state)
{
	struct box_request r;
	struct box_result res;

	(void)state;
	request_init(&r, "c",
		"cat /proc/self/uid_map; id -u; echo x >/dev/null && echo null; stat -c %u /dev;"
		"touch /dir/x && stat -c %u /dir/x; head -c 4 /dev/urandom | wc -c; cat /etc/passwd"
		" | wc -l; echo again >/dev/stdout");
	add_user_namespace(&r);
	request_mount(&r, "tmpfs", "/dir");
	box_run(&box, &r, &res);
	assert_int_equal(res.status, 0);
	assert_non_null(strstr(res.out, "0     100000      65536\n0\nnull\n0\n0\n4\n2\nagain\n"));
	result_done(&res);
}

/* No root of a user namespace may raise a hard limit: the agent does it for him. */
static void test_limits_in_a_user_namespace(void **state)
{
	Vmrun__Agent__Rlimit limit = VMRUN__AGENT__RLIMIT__INIT, *limits[] = { &limit };
	struct box_request r;
	struct rlimit own;
	struct box_result res;
	char wanted[64];

	(void)state;
	assert_int_equal(getrlimit(RLIMIT_SIGPENDING, &own), 0);
	/* Not even the agent may in most containers. */
	if (!capability_effective(CAP_SYS_RESOURCE) || own.rlim_max == RLIM_INFINITY)
		skip();
	request_init(&r, "c", "ulimit -H -i; ulimit -S -i");
	add_user_namespace(&r);
	limit.resource = RLIMIT_SIGPENDING;
	limit.soft = own.rlim_max + 1;
	limit.hard = own.rlim_max + 2;
	r.process.rlimits = limits;
	r.process.n_rlimits = 1;
	box_run(&box, &r, &res);
	snprintf(wanted, sizeof(wanted), "%llu\n%llu\n", (unsigned long long)limit.hard,
		(unsigned long long)limit.soft);
	assert_string_equal(res.out, wanted);
	result_done(&res);
}

/* Root of a user namespace is root of the namespaces that were made with it. */
static void test_user_namespace_owns_the_others(void **state)
{
	Vmrun__Agent__Sysctl ping = VMRUN__AGENT__SYSCTL__INIT, *sysctls[] = { &ping };
	struct box_request r;
	struct box_result res;

	(void)state;
	request_init(&r, "c",
		"tr '\\t' ' ' </proc/sys/net/ipv4/ping_group_range; ls /sys/class/net;"
		"echo 81 >/proc/sys/net/ipv4/ip_default_ttl; cat /proc/sys/net/ipv4/ip_default_ttl;"
		"echo 4321 >/proc/sys/kernel/msgmax; cat /proc/sys/kernel/msgmax;"
		"hostname mine; hostname; mount -t cgroup2 none /tmp && echo mounted");
	add_user_namespace(&r);
	ping.key = (char *)(uintptr_t) "net.ipv4.ping_group_range";
	ping.value = (char *)(uintptr_t) "0 7";
	r.create.sysctls = sysctls;
	r.create.n_sysctls = 1;
	box_run(&box, &r, &res);
	assert_string_equal(res.out, "0 7\nlo\n81\n4321\nmine\nmounted\n");
	assert_int_equal(res.status, 0);
	result_done(&res);
}

static void test_bad_mapping(void **state)
{
	Vmrun__Agent__IdMapping map = VMRUN__AGENT__ID_MAPPING__INIT, *maps[] = { &map };
	struct box_request r;

	(void)state;
	/* Found only when the child exists already. */
	request_init(&r, "c", "true");
	vmrun__agent__namespace__init(&r.ns[6]);
	r.ns[6].kind = VMRUN__AGENT__NAMESPACE__KIND__USER;
	r.ns_list[6] = &r.ns[6];
	r.create.n_namespaces = 7;
	r.create.uid_mappings = maps;
	r.create.n_uid_mappings = 1;
	create_fails(&r, "uid_map: Invalid argument");
}

/* The agent does not keep a record of every health check. */
static void test_exec_records(void **state)
{
	struct rpc_client *first = box.client;
	Vmrun__Agent__WaitRequest wait = VMRUN__AGENT__WAIT_REQUEST__INIT;
	struct box_request r;
	Vmrun__Agent__ExecRequest exec = VMRUN__AGENT__EXEC_REQUEST__INIT;

	(void)state;
	run_detached("c", "sleep 1000");
	request_init(&r, "unused", "exit 3");
	r.stdio.stdin = r.stdio.stdout = r.stdio.stderr = 0;
	exec.container = (char *)(uintptr_t) "c";
	exec.process = (char *)(uintptr_t) "e";
	exec.spec = &r.process;
	box.client = box_connect(&box);
	box_call(&box, "Exec", &exec.base);
	box_fails(&box, "Exec", &exec.base, "process e of container c exists already");
	assert_int_equal(box_wait(&box, "c", "e"), 3);
	assert_int_equal(box_wait(&box, "c", "e"), 3);
	rpc_client_free(box.client);
	box.client = first;
	wait.container = (char *)(uintptr_t) "c";
	wait.process = (char *)(uintptr_t) "e";
	/* The agent hears of the end of one connection before it reads from the other one again. */
	send_signal("c", "", SIGCONT, false);
	box_fails(&box, "Wait", &wait.base, "process e of container c does not exist");
	box_delete(&box, "c");
}

static void test_exec(void **state)
{
	struct box_request r;
	struct box_result res;
	Vmrun__Agent__ExecRequest exec = VMRUN__AGENT__EXEC_REQUEST__INIT;

	(void)state;
	run_detached("c", "echo marker >/dev/shared; sleep 1000");
	exec_in("c", "while ! test -e /dev/shared; do :; done; cat /dev/shared; exit 42", &res);
	assert_string_equal(res.out, "marker\n");
	assert_int_equal(res.status, 42);
	result_done(&res);
	exec_in("c", "tr '\\0' ' ' </proc/1/cmdline | head -c 5; kill -9 $$", &res);
	assert_string_equal(res.out, "sleep");
	assert_int_equal(res.status, 128 + SIGKILL);
	result_done(&res);
	request_init(&r, "unused", "echo $A; id -u; pwd; cat /proc/self/cgroup | grep 0::");
	r.env[1] = (char *)(uintptr_t) "A=b";
	r.process.n_env = 2;
	r.process.uid = 1000;
	r.process.cwd = (char *)(uintptr_t) "/etc";
	box_exec(&box, "c", &r.process, &res);
	assert_non_null(strstr(res.out, "b\n1000\n/etc\n0::/\n"));
	result_done(&res);
	exec.container = (char *)(uintptr_t) "c";
	exec.process = (char *)(uintptr_t) "e";
	exec.spec = &r.process;
	r.args[0] = (char *)(uintptr_t) "no-such";
	box_fails(&box, "Exec", &exec.base,
		"^exec: \"no-such\": executable file not found in \\$PATH$");
	exec.container = (char *)(uintptr_t) "nosuch";
	box_fails(&box, "Exec", &exec.base, "container nosuch does not exist");
	send_signal("c", "", SIGKILL, false);
	assert_int_equal(box_wait(&box, "c", ""), 137);
	exec.container = (char *)(uintptr_t) "c";
	box_fails(&box, "Exec", &exec.base, "not running");
	box_delete(&box, "c");
}

static int64_t now_ms(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (int64_t)ts.tv_sec * 1000 + ts.tv_nsec / 1000000;
}

static void test_grandchild_holds_output(void **state)
{
	Vmrun__Agent__ExecRequest exec = VMRUN__AGENT__EXEC_REQUEST__INIT;
	AUTO_CLOSE int out = -1;
	struct box_request r;
	int64_t before = now_ms();
	char text[8];

	(void)state;
	run_detached("c", "sleep 1000");
	request_init(&r, "unused", "sleep 1000 & echo done");
	r.stdio.stdin = r.stdio.stderr = 0;
	exec.container = (char *)(uintptr_t) "c";
	exec.process = (char *)(uintptr_t) "e";
	exec.spec = &r.process;
	box_call(&box, "Exec", &exec.base);
	out = box_stream(&box, r.stdio.stdout);
	assert_int_equal(box_wait(&box, "c", "e"), 0);
	assert_in_range(now_ms() - before, 1900, 8000);
	assert_int_equal(fd_read_all(out, text, 5), 0);
	assert_int_equal(read(out, text, 1), 0);
	box_delete(&box, "c");
}

static void test_terminal(void **state)
{
	Vmrun__Agent__ResizeTerminalRequest resize = VMRUN__AGENT__RESIZE_TERMINAL_REQUEST__INIT;
	AUTO(buf_done) struct buf text = { 0 };
	AUTO_CLOSE int tty = -1;
	struct box_request r;

	(void)state;
	request_init(&r, "c",
		"tty; stty size; read x; stty size; echo got $x; ls -l /dev/console; test -t 2; "
		"exit $?");
	r.stdio.terminal = true;
	r.stdio.stdin = 0;
	r.stdio.rows = 30;
	r.stdio.columns = 100;
	box_call(&box, "CreateContainer", &r.create.base);
	tty = box_stream(&box, r.stdio.stdout);
	start("c");
	resize.container = (char *)(uintptr_t) "c";
	resize.rows = 31;
	resize.columns = 101;
	while (!buf_str(&text) || !strstr((char *)text.data, "30 100")) {
		assert_int_equal(buf_reserve(&text, 256), 0);
		ssize_t n = read(tty, text.data + text.len, 255);

		assert_true(n > 0);
		text.len += (size_t)n;
	}
	box_call(&box, "ResizeTerminal", &resize.base);
	assert_int_equal(fd_write_all(tty, "word\n", 5), 0);
	assert_int_equal(fd_read_to_end(tty, 65536, &text), 0);
	assert_non_null(buf_str(&text));
	assert_non_null(strstr((char *)text.data, "/dev/pts/0"));
	assert_non_null(strstr((char *)text.data, "31 101"));
	assert_non_null(strstr((char *)text.data, "got word"));
	assert_non_null(strstr((char *)text.data, "/dev/console"));
	assert_int_equal(box_wait(&box, "c", ""), 0);
	box_delete(&box, "c");
}

/* The end of the input is not the end of the line: the process reads on, or does something else. */
static void test_terminal_with_input_apart(void **state)
{
	AUTO(buf_done) struct buf text = { 0 };
	AUTO_CLOSE int in = -1;
	AUTO_CLOSE int out = -1;
	struct box_request r;

	(void)state;
	request_init(
		&r, "c", "read x; echo got $x; read -t 1 y; echo then $y; test -t 0 && exit 7");
	r.stdio.terminal = true;
	box_call(&box, "CreateContainer", &r.create.base);
	in = box_stream(&box, r.stdio.stdin);
	assert_int_equal(fd_write_all(in, "word\n", 5), 0);
	close_fd(&in);
	out = box_stream(&box, r.stdio.stdout);
	start("c");
	assert_int_equal(fd_read_to_end(out, 65536, &text), 0);
	assert_non_null(buf_str(&text));
	assert_non_null(strstr((char *)text.data, "got word\r\n"));
	assert_non_null(strstr((char *)text.data, "then\r\n"));
	assert_int_equal(box_wait(&box, "c", ""), 7);
	box_delete(&box, "c");
}

static void test_exec_terminal(void **state)
{
	Vmrun__Agent__ExecRequest exec = VMRUN__AGENT__EXEC_REQUEST__INIT;
	AUTO(buf_done) struct buf text = { 0 };
	AUTO_CLOSE int tty = -1;
	struct box_request r;

	(void)state;
	run_detached("c", "sleep 1000");
	request_init(&r, "unused", "tty; stty size; exit 5");
	r.stdio.terminal = true;
	r.stdio.stdin = 0;
	r.stdio.rows = 30;
	r.stdio.columns = 100;
	exec.container = (char *)(uintptr_t) "c";
	exec.process = (char *)(uintptr_t) "e";
	exec.spec = &r.process;
	tty = box_stream(&box, r.stdio.stdout);
	box_call(&box, "Exec", &exec.base);
	assert_int_equal(fd_read_to_end(tty, 65536, &text), 0);
	assert_non_null(buf_str(&text));
	assert_string_equal((char *)text.data, "/dev/pts/0\r\n30 100\r\n");
	assert_int_equal(box_wait(&box, "c", "e"), 5);
	box_delete(&box, "c");
}

static void test_signals(void **state)
{
	Vmrun__Agent__SignalRequest request = VMRUN__AGENT__SIGNAL_REQUEST__INIT;
	struct box_request r;
	AUTO_CLOSE int out = -1;
	char text[8];

	(void)state;
	request_init(&r, "c", "trap 'exit 9' TERM; echo ready; while :; do sleep 0.1; done");
	r.stdio.stdin = r.stdio.stderr = 0;
	box_call(&box, "CreateContainer", &r.create.base);
	out = box_stream(&box, r.stdio.stdout);
	start("c");
	assert_int_equal(fd_read_all(out, text, 6), 0);
	send_signal("c", "", SIGTERM, false);
	assert_int_equal(box_wait(&box, "c", ""), 9);
	request.container = (char *)(uintptr_t) "c";
	request.signal = SIGTERM;
	box_fails(&box, "Signal", &request.base, "container c is not running");
	request.signal = 1000;
	box_fails(&box, "Signal", &request.base, "unknown signal 1000");
	box_delete(&box, "c");
	run_detached("c", "sleep 1000");
	send_signal("c", "", SIGKILL, true);
	assert_int_equal(box_wait(&box, "c", ""), 137);
	box_delete(&box, "c");
}

static void test_life_cycle(void **state)
{
	Vmrun__Agent__StartContainerRequest again = VMRUN__AGENT__START_CONTAINER_REQUEST__INIT;
	Vmrun__Agent__ContainerRequest unknown = VMRUN__AGENT__CONTAINER_REQUEST__INIT;
	struct box_request r;

	(void)state;
	request_init(&r, "c", "exit 0");
	box_call(&box, "CreateContainer", &r.create.base);
	box_fails(&box, "CreateContainer", &r.create.base, "container c exists already");
	if (box.cgroup[0]) {
		Vmrun__Agent__ContainerRequest pause = VMRUN__AGENT__CONTAINER_REQUEST__INIT;

		pause.container = again.container = (char *)(uintptr_t) "c";
		box_call(&box, "Pause", &pause.base);
		box_fails(&box, "StartContainer", &again.base, "container c is paused");
	}
	box_delete(&box, "c"); /* never started */
	request_init(&r, "c", "exit 0");
	r.stdio.stdin = r.stdio.stdout = r.stdio.stderr = 0;
	box_call(&box, "CreateContainer", &r.create.base);
	start("c");
	again.container = (char *)(uintptr_t) "c";
	box_fails(&box, "StartContainer", &again.base, "running already|has stopped");
	assert_int_equal(box_wait(&box, "c", ""), 0);
	box_delete(&box, "c");
	unknown.container = (char *)(uintptr_t) "c";
	box_fails(&box, "DeleteContainer", &unknown.base, "container c does not exist");
}

static void on_reply(void *arg, const ProtobufCMessage *reply, const struct err *err)
{
	(void)reply;
	(void)err;
	*(bool *)arg = true;
}

static void test_anchor(void **state)
{
	Vmrun__Agent__WaitRequest wait = VMRUN__AGENT__WAIT_REQUEST__INIT;
	struct rpc_client *anchor = box_connect(&box), *creator = box_connect(&box);
	struct rpc_client *box_client = box.client;
	struct err err = ERR_NONE;
	struct box_request r;
	bool replied = false;

	(void)state;
	box.client = creator;
	run_detached("c", "sleep 1000");
	wait.container = (char *)(uintptr_t) "c";
	wait.anchor = true;
	assert_int_equal(rpc_call_start(anchor, &vmrun__agent__agent__descriptor, "Wait",
				 &wait.base, on_reply, &replied, &err),
		0);
	/* Answered after the Wait is known: only one loop. */
	box.client = anchor;
	send_signal("c", "", SIGCONT, false);
	box.client = box_client;
	rpc_client_free(creator);
	send_signal("c", "", SIGCONT, false); /* it lives */
	assert_false(replied);
	rpc_client_free(anchor);
	assert_int_equal(box_wait(&box, "c", ""), 137);
	box_delete(&box, "c");

	/* One that was only created goes with its creator. */
	box.client = creator = box_connect(&box);
	request_init(&r, "c", "exit 0");
	box_call(&box, "CreateContainer", &r.create.base);
	rpc_client_free(creator);
	box.client = box_client;
	/* The same id is free once the agent has noticed; it answers in order of arrival. */
	for (int i = 0; i < 1000; i++) {
		struct err ignored = ERR_NONE;

		if (rpc_call(box.client, &vmrun__agent__agent__descriptor, "CreateContainer",
			    &r.create.base, 0, NULL, &ignored) == 0)
			break;
	}
	box_delete(&box, "c");
}

static void next_events(uint64_t after, Vmrun__Agent__NextEventsResponse **ret)
{
	Vmrun__Agent__NextEventsRequest next = VMRUN__AGENT__NEXT_EVENTS_REQUEST__INIT;
	struct err err = ERR_NONE;

	next.after = after;
	if (rpc_call(box.client, &vmrun__agent__agent__descriptor, "NextEvents", &next.base, 10000,
		    (ProtobufCMessage **)ret, &err) < 0)
		fail_msg("NextEvents: %s", err.msg);
}

static void test_events(void **state)
{
	Vmrun__Agent__NextEventsResponse *events;
	const Vmrun__Agent__Event *last;
	struct box_result res;
	uint64_t seen;

	(void)state;
	run_script("exit 1", &res);
	result_done(&res);
	next_events(0, &events);
	assert_true(events->n_events > 0);
	seen = events->events[events->n_events - 1]->sequence;
	protobuf_c_message_free_unpacked(&events->base, NULL);
	run_script("exit 23", &res);
	result_done(&res);
	next_events(seen, &events);
	assert_int_equal(events->n_events, 1);
	last = events->events[0];
	assert_int_equal(last->sequence, seen + 1);
	assert_int_equal(last->kind, VMRUN__AGENT__EVENT__KIND__EXIT);
	assert_string_equal(last->container, "c");
	assert_string_equal(last->process, "");
	assert_int_equal(last->status, 23);
	protobuf_c_message_free_unpacked(&events->base, NULL);
}

static void test_pause_and_list(void **state)
{
	Vmrun__Agent__ContainerRequest request = VMRUN__AGENT__CONTAINER_REQUEST__INIT;
	Vmrun__Agent__ListProcessesResponse *list;
	Vmrun__Agent__ExecRequest exec = VMRUN__AGENT__EXEC_REQUEST__INIT;
	struct err err = ERR_NONE;
	struct box_request r;
	struct box_result res;

	(void)state;
	if (!box.cgroup[0])
		skip();
	run_detached("c", "sleep 1000 & wait");
	request.container = (char *)(uintptr_t) "c";
	box_call(&box, "Pause", &request.base);
	request_init(&r, "unused", "true");
	exec.container = (char *)(uintptr_t) "c";
	exec.process = (char *)(uintptr_t) "e";
	exec.spec = &r.process;
	box_fails(&box, "Exec", &exec.base, "paused");
	box_call(&box, "Resume", &request.base);
	exec_in("c", "until cat /proc/[0-9]*/comm | grep -qx sleep; do :; done", &res);
	result_done(&res);
	assert_int_equal(rpc_call(box.client, &vmrun__agent__agent__descriptor, "ListProcesses",
				 &request.base, 5000, (ProtobufCMessage **)&list, &err),
		0);
	assert_int_equal(list->n_processes, 2);
	assert_string_equal(list->processes[0]->command, "sh -c sleep 1000 & wait");
	assert_string_equal(list->processes[1]->command, "sleep 1000");
	assert_int_equal(list->processes[1]->ppid, list->processes[0]->pid);
	assert_true(list->processes[0]->started_at_ns > (int64_t)1e18);
	assert_int_equal(strlen(list->processes[1]->state), 1); /* it may still run */
	assert_string_equal(list->processes[1]->terminal, "");
	assert_int_equal(list->processes[1]->threads, 1);
	protobuf_c_message_free_unpacked(&list->base, NULL);
	box_call(&box, "Pause", &request.base);
	box_delete(&box, "c"); /* also while frozen */
}

/* On a machine with the unified hierarchy only; elsewhere controllers belong to the old one. */
static bool has_controller(const char *name)
{
	AUTO(buf_done) struct buf text = { 0 };
	struct err err = ERR_NONE;
	char path[160];

	snprintf(path, sizeof(path), "%s/cgroup.controllers", box.cgroup);
	return box.cgroup[0] && file_read(AT_FDCWD, path, 4096, &text, &err) == 0 &&
	       buf_str(&text) && strstr((char *)text.data, name);
}

static uint64_t counter_of(Vmrun__Agent__Counter *const *list, size_t n, const char *key)
{
	for (size_t i = 0; i < n; i++)
		if (strcmp(list[i]->key, key) == 0)
			return list[i]->value;
	fail_msg("no %s", key);
	return 0;
}

static void test_stats(void **state)
{
	Vmrun__Agent__ContainerRequest request = VMRUN__AGENT__CONTAINER_REQUEST__INIT;
	Vmrun__Agent__StatsResponse *s;
	struct err err = ERR_NONE;
	uint64_t user, system;

	(void)state;
	if (!box.cgroup[0])
		skip();
	run_detached("c", "sleep 1000 & wait");
	request.container = (char *)(uintptr_t) "c";
	assert_int_equal(rpc_call(box.client, &vmrun__agent__agent__descriptor, "Stats",
				 &request.base, 5000, (ProtobufCMessage **)&s, &err),
		0);
	/* Of the kernel's core, in any hierarchy; the others where there are controllers. */
	user = counter_of(s->cpu, s->n_cpu, "user_usec");
	system = counter_of(s->cpu, s->n_cpu, "system_usec");
	assert_true(counter_of(s->cpu, s->n_cpu, "usage_usec") >= user + system - 1);
	if (has_controller("memory")) {
		assert_true(s->memory_current > 0);
		assert_true(s->memory_max == UINT64_MAX);
		assert_true(counter_of(s->memory, s->n_memory, "anon") > 0);
	}
	if (has_controller("pids"))
		assert_true(s->pids_current > 0 && s->pids_max == UINT64_MAX);
	vmrun__agent__stats_response__free_unpacked(s, NULL);
	box_delete(&box, "c");
	box_fails(&box, "Stats", &request.base, "does not exist");
}

static void test_device_rules(void **state)
{
	Vmrun__Agent__Device device = VMRUN__AGENT__DEVICE__INIT, *devices[] = { &device };
	struct box_request r;
	struct box_result res;

	(void)state;
	if (!box.cgroup[0])
		skip();
	request_init(&r, "c",
		"stat -c %a:%t,%T:%u /dev/kmsg2; cat /dev/kmsg2 >/dev/null || echo denied;"
		"mknod /dev/mine c 1 3 && echo x >/dev/mine && echo null; cat </dev/zero | head -c "
		"2 | wc -c");
	device.path = (char *)(uintptr_t) "/dev/kmsg2";
	device.type = (char *)(uintptr_t) "c";
	device.major = 1;
	device.minor = 11;
	device.mode = 0640;
	device.uid = 7;
	r.create.devices = devices;
	r.create.n_devices = 1;
	box_run(&box, &r, &res);
	assert_string_equal(res.out, "640:1,b:7\ndenied\nnull\n2\n");
	result_done(&res);
}

static void test_limits_and_oom(void **state)
{
	static const char *const values[][2] = { { "memory.max", "33554432" },
		{ "memory.swap.max", "0" }, { "pids.max", "20" } };
	Vmrun__Agent__CgroupSetting settings[4], *list[4];
	Vmrun__Agent__NextEventsResponse *events;
	struct box_request r;
	struct box_result res;
	size_t ooms = 0;

	(void)state;
	if (!has_controller("memory") || !has_controller("pids"))
		skip();
	request_init(&r, "c",
		"cat /sys/fs/cgroup/memory.max /sys/fs/cgroup/pids.max; ls -d "
		"/sys/fs/cgroup/../vmrun*;"
		"head -c 100000000 /dev/zero | sort >/dev/null; echo $?; exec sort /dev/zero");
	request_mount(&r, "cgroup", "/sys/fs/cgroup")->flags = MS_RDONLY;
	for (size_t i = 0; i < ARRAY_LEN(values); i++) {
		vmrun__agent__cgroup_setting__init(&settings[i]);
		settings[i].file = (char *)(uintptr_t)values[i][0];
		settings[i].value = (char *)(uintptr_t)values[i][1];
		settings[i].optional = i == 1;
		list[i] = &settings[i];
	}
	r.create.cgroup = list;
	r.create.n_cgroup = ARRAY_LEN(values);
	box_run(&box, &r, &res);
	has_line(&res, "33554432");
	has_line(&res, "20");
	has_line(&res, "137");
	assert_int_equal(res.status, 137);
	result_done(&res);
	next_events(0, &events);
	for (size_t i = 0; i < events->n_events; i++)
		ooms += events->events[i]->kind == VMRUN__AGENT__EVENT__KIND__OOM;
	assert_true(ooms > 0);
	protobuf_c_message_free_unpacked(&events->base, NULL);

	vmrun__agent__cgroup_setting__init(&settings[3]);
	settings[3].file = (char *)(uintptr_t) "memory.max";
	settings[3].value = (char *)(uintptr_t) "lots";
	list[0] = &settings[3];
	request_init(&r, "c", "true");
	r.create.cgroup = list;
	r.create.n_cgroup = 1;
	create_fails(&r, "cgroup: write of \"lots\" to memory.max: Invalid argument");
}

/* As systemd does: the container's own cgroup can then hold no process any more. */
static void test_exec_beside_own_cgroups(void **state)
{
	AUTO_CLOSE int out = -1;
	struct box_request r;
	struct box_result res;
	char text[8];

	(void)state;
	if (!has_controller("pids"))
		skip();
	request_init(&r, "c",
		"cd /sys/fs/cgroup && mkdir main && echo 1 >main/cgroup.procs &&"
		"echo +pids >cgroup.subtree_control && echo up; exec sleep 1000");
	request_mount(&r, "cgroup2", "/sys/fs/cgroup");
	r.stdio.stdin = r.stdio.stderr = 0;
	box_call(&box, "CreateContainer", &r.create.base);
	out = box_stream(&box, r.stdio.stdout);
	start("c");
	assert_int_equal(fd_read_all(out, text, 3), 0);
	exec_in("c", "cat /proc/self/cgroup", &res);
	has_line(&res, "0::/main");
	result_done(&res);
	box_delete(&box, "c");
}

static void test_joined_namespaces(void **state)
{
	struct box_request r;
	struct box_result res;

	(void)state;
	run_detached("pod", "hostname pod; sleep 1000");
	request_init(&r, "c",
		"until test $(hostname) = pod && grep -q ^sleep /proc/1/cmdline; do :; done; "
		"readlink /proc/self/ns/net;"
		"tr '\\0' ' ' </proc/1/cmdline; echo; echo $$");
	r.ns[0].join_container = (char *)(uintptr_t) "pod"; /* pid */
	r.ns[2].join_container = (char *)(uintptr_t) "pod"; /* uts */
	r.ns[4].join_container = (char *)(uintptr_t) "pod"; /* network */
	box_run(&box, &r, &res);
	assert_int_equal(res.status, 0);
	has_line(&res, "sleep 1000 ");
	result_done(&res);
	box_delete(&box, "pod");
}

static void start_pod_with_user_namespace(void)
{
	struct box_request r;

	request_init(&r, "pod", "hostname pod; sleep 1000");
	add_user_namespace(&r);
	r.stdio.stdin = r.stdio.stdout = r.stdio.stderr = 0;
	box_call(&box, "CreateContainer", &r.create.base);
	start("pod");
}

#define LOOK                                                                                       \
	"until test $(hostname) = pod; do :; done; id -u; stat -c %u /dev/null /dev/tty /bin;"     \
	"cat /proc/self/uid_map | tr -s ' '; ls /sys/class/net;"                                   \
	"echo 81 >/proc/sys/net/ipv4/ip_default_ttl; cat /proc/sys/net/ipv4/ip_default_ttl;"       \
	"echo 4321 >/proc/sys/kernel/msgmax && echo ipc; grep -l ^sleep /proc/[0-9]*/cmdline | "   \
	"wc -l; hostname mine && "                                                                 \
	"hostname; echo again >/dev/stdout"

/* As containers of a Kubernetes pod: what is shared and what is the container's own belongs to the
 * user namespace that they share. */
static void test_joined_user_namespace(void **state)
{
	struct box_request r;
	struct box_result res;

	(void)state;
	start_pod_with_user_namespace();
	request_init(&r, "c", LOOK);
	add_user_namespace(&r);
	/* The ids come with the namespace. */
	r.create.n_uid_mappings = r.create.n_gid_mappings = 0;
	r.ns[2].join_container = (char *)(uintptr_t) "pod"; /* uts */
	r.ns[3].join_container = (char *)(uintptr_t) "pod"; /* ipc */
	r.ns[4].join_container = (char *)(uintptr_t) "pod"; /* network */
	r.ns[6].join_container = (char *)(uintptr_t) "pod"; /* user */
	box_run(&box, &r, &res);
	assert_string_equal(
		res.out, "0\n0\n0\n65534\n 0 100000 65536\nlo\n81\nipc\n0\nmine\nagain\n");
	result_done(&res);
	/* One network of its own, and the pod's processes. */
	request_init(&r, "c", LOOK);
	add_user_namespace(&r);
	r.ns[0].join_container = (char *)(uintptr_t) "pod"; /* pid */
	r.ns[2].join_container = (char *)(uintptr_t) "pod";
	r.ns[6].join_container = (char *)(uintptr_t) "pod";
	exec_in("pod", "hostname pod", &res);
	result_done(&res);
	box_run(&box, &r, &res);
	assert_string_equal(
		res.out, "0\n0\n0\n65534\n 0 100000 65536\nlo\n81\nipc\n1\nmine\nagain\n");
	result_done(&res);
	box_delete(&box, "pod");
}

/* An exec enters what was joined; what is the pod's without a user namespace is joined as before.
 */
static void test_exec_in_joined_user_namespace(void **state)
{
	struct box_request r;
	struct box_result res;

	(void)state;
	start_pod_with_user_namespace();
	request_init(&r, "c", "sleep 1000");
	add_user_namespace(&r);
	r.create.n_uid_mappings = r.create.n_gid_mappings = 0;
	r.ns[4].join_container = r.ns[6].join_container = (char *)(uintptr_t) "pod";
	r.stdio.stdin = r.stdio.stdout = r.stdio.stderr = 0;
	box_call(&box, "CreateContainer", &r.create.base);
	start("c");
	exec_in("c",
		"id -u; cat /proc/self/uid_map | tr -s ' ';"
		"echo 82 >/proc/sys/net/ipv4/ip_default_ttl; echo again >/dev/stdout",
		&res);
	assert_string_equal(res.out, "0\n 0 100000 65536\nagain\n");
	result_done(&res);
	exec_in("pod", "cat /proc/sys/net/ipv4/ip_default_ttl", &res);
	has_line(&res, "82");
	result_done(&res);
	box_delete(&box, "c");
	box_delete(&box, "pod");
}

/* As Docker's --network container:ID with --userns-remap: the network stays the other's. */
static void test_namespaces_of_others_with_an_own_user_namespace(void **state)
{
	struct box_request r;
	struct box_result res;

	(void)state;
	run_detached("pod", "echo 83 >/proc/sys/net/ipv4/ip_default_ttl; hostname pod; sleep 1000");
	request_init(&r, "c",
		"until test $(hostname) = pod; do :; done; cat /proc/self/uid_map | tr -s ' ';"
		"cat /proc/sys/net/ipv4/ip_default_ttl; hostname mine 2>/dev/null || echo theirs");
	add_user_namespace(&r);
	r.ns[2].join_container = (char *)(uintptr_t) "pod"; /* uts */
	r.ns[4].join_container = (char *)(uintptr_t) "pod"; /* network */
	box_run(&box, &r, &res);
	assert_string_equal(res.out, " 0 100000 65536\n83\ntheirs\n");
	result_done(&res);
	/* The agent's is nothing to join: it is there. */
	request_init(&r, "c", "cat /proc/self/uid_map | tr -s ' '");
	add_user_namespace(&r);
	r.create.n_uid_mappings = r.create.n_gid_mappings = 0;
	r.ns[6].join_container = (char *)(uintptr_t) "pod";
	box_run(&box, &r, &res);
	assert_string_equal(res.out, " 0 0 4294967295\n");
	result_done(&res);
	box_delete(&box, "pod");
}

static unsigned count_descriptors(void)
{
	unsigned n = 0;

	for (int fd = 0; fd < 4096; fd++) {
		char link[64], target[16];

		snprintf(link, sizeof(link), "/proc/%d/fd/%d", (int)box.pid, fd);
		n += readlink(link, target, sizeof(target)) > 0;
	}
	return n;
}

static void test_no_descriptor_leaks(void **state)
{
	unsigned before = count_descriptors();
	struct box_result res;

	(void)state;
	for (int i = 0; i < 20; i++) {
		run_script("echo x; exit 1", &res);
		result_done(&res);
	}
	assert_int_equal(count_descriptors(), before);
	run_script("ls /proc/self/fd | wc -l", &res);
	assert_string_equal(res.out, "4\n"); /* 0, 1, 2 and the directory */
	result_done(&res);
}

/* What a failed test has left. */
static int clean_up(void **state)
{
	static const char *const ids[] = { "c", "pod" };

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(ids); i++) {
		Vmrun__Agent__ContainerRequest request = VMRUN__AGENT__CONTAINER_REQUEST__INIT;
		struct err ignored = ERR_NONE;

		request.container = (char *)(uintptr_t)ids[i];
		(void)!rpc_call(box.client, &vmrun__agent__agent__descriptor, "DeleteContainer",
			&request.base, 10000, NULL, &ignored);
	}
	return 0;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_teardown(test_output_and_status, clean_up),
		cmocka_unit_test_teardown(test_what_is_inside, clean_up),
		cmocka_unit_test_teardown(test_stdin, clean_up),
		cmocka_unit_test_teardown(test_large_output, clean_up),
		cmocka_unit_test_teardown(test_reader_gone, clean_up),
		cmocka_unit_test_teardown(test_bad_programs, clean_up),
		cmocka_unit_test_teardown(test_hooks, clean_up),
		cmocka_unit_test_teardown(test_bad_hooks, clean_up),
		cmocka_unit_test_teardown(test_bad_requests, clean_up),
		cmocka_unit_test_teardown(test_mounts, clean_up),
		cmocka_unit_test_teardown(test_copy_up, clean_up),
		cmocka_unit_test_teardown(test_masks_and_sysctls, clean_up),
		cmocka_unit_test_teardown(test_credentials, clean_up),
		cmocka_unit_test_teardown(test_no_capabilities, clean_up),
		cmocka_unit_test_teardown(test_user_namespace, clean_up),
		cmocka_unit_test_teardown(test_user_namespace_owns_the_others, clean_up),
		cmocka_unit_test_teardown(test_limits_in_a_user_namespace, clean_up),
		cmocka_unit_test_teardown(test_bad_mapping, clean_up),
		cmocka_unit_test_teardown(test_exec_records, clean_up),
		cmocka_unit_test_teardown(test_exec, clean_up),
		cmocka_unit_test_teardown(test_grandchild_holds_output, clean_up),
		cmocka_unit_test_teardown(test_terminal, clean_up),
		cmocka_unit_test_teardown(test_terminal_with_input_apart, clean_up),
		cmocka_unit_test_teardown(test_exec_terminal, clean_up),
		cmocka_unit_test_teardown(test_signals, clean_up),
		cmocka_unit_test_teardown(test_life_cycle, clean_up),
		cmocka_unit_test_teardown(test_anchor, clean_up),
		cmocka_unit_test_teardown(test_events, clean_up),
		cmocka_unit_test_teardown(test_pause_and_list, clean_up),
		cmocka_unit_test_teardown(test_stats, clean_up),
		cmocka_unit_test_teardown(test_device_rules, clean_up),
		cmocka_unit_test_teardown(test_limits_and_oom, clean_up),
		cmocka_unit_test_teardown(test_exec_beside_own_cgroups, clean_up),
		cmocka_unit_test_teardown(test_joined_namespaces, clean_up),
		cmocka_unit_test_teardown(test_joined_user_namespace, clean_up),
		cmocka_unit_test_teardown(test_exec_in_joined_user_namespace, clean_up),
		cmocka_unit_test_teardown(
			test_namespaces_of_others_with_an_own_user_namespace, clean_up),
		cmocka_unit_test_teardown(test_no_descriptor_leaks, clean_up),
	};

	if (!box_possible())
		return 77; /* automake: skipped */
	return cmocka_run_group_tests(tests, box_set_up, box_tear_down);
}
