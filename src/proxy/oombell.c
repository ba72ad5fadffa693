/* The OOM bell: see oombell.h. */
#include "proxy/oombell.h"

#include "anchor/messages.h"
#include "base/auto.h"
#include "base/buf.h"
#include "base/fd.h"
#include "base/str.h"

#include <fcntl.h>
#include <linux/capability.h>
#include <linux/magic.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/vfs.h>
#include <sys/wait.h>

#define RING_EVERY_MS	  10000
#define SETTLE_TIMEOUT_MS 3000
#define RMDIR_TRIES	  100
#define TWIN_STACK_BYTES  65536
/* Each pipe holds 64 KiB: far above the limit of one page, and an end where memory is not
 * accounted. */
#define TWIN_PIPES 64

struct helper {
	int sock;
	int parent; /* directory of the cgroup above the container's */
	char name[ID_MAX + sizeof(CGROUP_BELL_SUFFIX)];
	int procs; /* cgroup.procs of the little cgroup, while there is one */
};

/* In the little cgroup: pipes are accounted to it, not to the owner of our memory. */
static int twin(void *arg)
{
	static const char page[4096];
	const struct helper *h = arg;

	if (write(h->procs, "0", 1) != 1)
		_exit(1);
	for (int i = 0; i < TWIN_PIPES; i++) {
		int p[2];

		if (pipe2(p, O_NONBLOCK) < 0)
			break;
		while (write(p[1], page, sizeof(page)) > 0)
			;
	}
	_exit(1);
}

/*
 * One that may not be killed is of no use here, and callers of ours often are such. Not for longer:
 * the helper itself must not be what the host's kernel takes first when it needs memory.
 */
static void be_killable(void)
{
	AUTO_CLOSE int fd = open("/proc/self/oom_score_adj", O_WRONLY | O_CLOEXEC);
	struct statfs st;

	if (fd >= 0 && fstatfs(fd, &st) == 0 && st.f_type == PROC_SUPER_MAGIC)
		(void)!write(fd, "1000", 4);
}

/* The owner of the memory that the twin shares: killed with it, and counted. */
static void owner(struct helper *h)
{
	char *stack = mmap(
		NULL, TWIN_STACK_BYTES, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	pid_t pid;

	if (stack == MAP_FAILED)
		_exit(1);
	be_killable();
	pid = clone(twin, stack + TWIN_STACK_BYTES, CLONE_VM | SIGCHLD, h);
	if (pid > 0)
		waitpid(pid, NULL, 0);
	_exit(1);
}

/* memory.max, or what cgroup v1 calls it. */
static int open_little(struct helper *h)
{
	AUTO_CLOSE int dir = -1;

	if (mkdirat(h->parent, h->name, 0755) < 0 && errno != EEXIST)
		return -errno;
	dir = openat(h->parent, h->name, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (dir < 0)
		return -errno;
	if (file_write_at(dir, "memory.max", "4096") < 0 &&
		file_write_at(dir, "memory.limit_in_bytes", "4096") < 0)
		return -EOPNOTSUPP;
	h->procs = openat(dir, "cgroup.procs", O_WRONLY | O_CLOEXEC);
	return h->procs < 0 ? -errno : 0;
}

static void ring_once(struct helper *h)
{
	pid_t pid;

	if (open_little(h) == 0) {
		pid = fork();
		if (pid == 0)
			owner(h);
		if (pid > 0)
			waitpid(pid, NULL, 0);
	}
	close_fd(&h->procs);
	/* The twin is the proxy's by now; it has been killed, and leaves a moment later. */
	for (int i = 0;
		i < RMDIR_TRIES && unlinkat(h->parent, h->name, AT_REMOVEDIR) < 0 && errno == EBUSY;
		i++)
		poll(NULL, 0, 10);
}

/* The owner of the directories may do all that is needed without any. */
static void drop_capabilities(void)
{
	struct __user_cap_header_struct head = { .version = _LINUX_CAPABILITY_VERSION_3 };
	struct __user_cap_data_struct none[2] = { { 0 }, { 0 } };

	prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
	(void)!syscall(SYS_capset, &head, none);
}

/* Above all the session with the agent, whose end the agent takes for the proxy's. */
static void keep_only(int *sock, int *parent)
{
	int a = fcntl(*sock, F_DUPFD_CLOEXEC, 5), b = fcntl(*parent, F_DUPFD_CLOEXEC, 5);

	*sock = dup3(a, 3, O_CLOEXEC);
	*parent = dup3(b, 4, O_CLOEXEC);
	if (a < 0 || b < 0 || *sock < 0 || *parent < 0)
		_exit(1);
	fds_close_from(5);
}

static void be_helper(struct helper *h, int cgroup_fd)
{
	char byte;

	/* On cgroup v1 the proxy is moved there only when it runs. */
	(void)!file_write_at(cgroup_fd, "cgroup.procs", "0");
	prctl(PR_SET_NAME, "vmrun-oom");
	signal(SIGCHLD, SIG_DFL);
	keep_only(&h->sock, &h->parent);
	drop_capabilities();
	while (read(h->sock, &byte, 1) == 1) {
		ring_once(h);
		if (write(h->sock, &byte, 1) != 1)
			break;
	}
	_exit(0);
}

static int start_helper(struct oombell *b, int cgroup_fd, const char *container)
{
	struct helper h = { .procs = -1 };
	AUTO_CLOSE int parent = openat(cgroup_fd, "..", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	int sv[2];
	pid_t pid;

	if (parent < 0 || faccessat(parent, "cgroup.procs", W_OK, 0) < 0)
		return -EACCES;
	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, sv) < 0)
		return -errno;
	snprintf(h.name, sizeof(h.name), "%s" CGROUP_BELL_SUFFIX, container);
	h.sock = sv[1];
	h.parent = parent;
	pid = fork();
	if (pid == 0)
		be_helper(&h, cgroup_fd);
	close(sv[1]);
	if (pid < 0) {
		close(sv[0]);
		return -EAGAIN;
	}
	b->fd = sv[0];
	return 0;
}

static uint64_t read_kills(int fd)
{
	AUTO(buf_done) struct buf text = { 0 };
	const char *at;
	uint64_t n = 0;

	if (fd < 0 || lseek(fd, 0, SEEK_SET) < 0 || fd_read_to_end(fd, 8192, &text) < 0 ||
		!buf_str(&text))
		return 0;
	at = strstr((const char *)text.data, "oom_kill ");
	for (at = at ? at + strlen("oom_kill ") : ""; *at >= '0' && *at <= '9'; at++)
		n = n * 10 + (uint64_t)(*at - '0');
	return n;
}

void oombell_start(struct oombell *b, int cgroup_fd, const char *container)
{
	*b = (struct oombell){ .fd = -1, .events_fd = -1 };
	if (cgroup_fd < 0)
		return;
	b->events_fd = openat(cgroup_fd, "memory.events", O_RDONLY | O_CLOEXEC);
	if (b->events_fd < 0)
		b->events_fd = openat(cgroup_fd, "memory.oom_control", O_RDONLY | O_CLOEXEC);
	b->kills_before = read_kills(b->events_fd);
	(void)!start_helper(b, cgroup_fd, container);
}

static void send_ring(struct oombell *b, int64_t now_ms)
{
	static const char ring = 'r';

	if (b->fd < 0 || send(b->fd, &ring, 1, MSG_DONTWAIT | MSG_NOSIGNAL) != 1)
		return;
	b->rung++;
	b->rung_at_ms = now_ms;
	b->missed = false;
}

void oombell_ring(struct oombell *b, int64_t now_ms)
{
	if (b->rung && now_ms - b->rung_at_ms < RING_EVERY_MS)
		b->missed = true;
	else
		send_ring(b, now_ms);
}

void oombell_settle(struct oombell *b, int64_t now_ms)
{
	struct pollfd p = { .fd = b->fd, .events = POLLIN };
	char answers[64];

	if (b->missed)
		send_ring(b, now_ms);
	while (b->answered < b->rung && poll(&p, 1, SETTLE_TIMEOUT_MS) > 0) {
		ssize_t n = recv(b->fd, answers, sizeof(answers), MSG_DONTWAIT);

		if (n <= 0)
			return;
		b->answered += (unsigned)n;
	}
}

uint64_t oombell_strange_kills(const struct oombell *b)
{
	uint64_t kills = read_kills(b->events_fd);
	uint64_t known = b->kills_before + b->rung;

	return kills > known ? kills - known : 0;
}
