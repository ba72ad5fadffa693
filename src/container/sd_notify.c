/* Notifications: see sd_notify.h. */
#include "container/sd_notify.h"

#include "agent/calls.h"
#include "base/auto.h"
#include "base/fd.h"
#include "base/log.h"
#include "base/path.h"
#include "base/str.h"
#include "rpc/vmclient.h"

#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>

/* As runc's. */
#define PATH_IN_CONTAINER  "/run/notify/notify.sock"

#define BARRIER_TIMEOUT_MS 30000

static int connect_datagram(const struct sockaddr_un *addr, socklen_t len)
{
	AUTO_CLOSE int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);

	if (fd < 0 || connect(fd, (const struct sockaddr *)addr, len) < 0)
		return -errno;
	return steal_fd(&fd);
}

/* A path, or with "@" in front an abstract name. */
static int connect_own(const char *own)
{
	struct sockaddr_un addr = { .sun_family = AF_UNIX };
	size_t len = strlen(own);

	if ((*own != '/' && *own != '@') || len < 2)
		return -EAFNOSUPPORT;
	if (len >= sizeof(addr.sun_path))
		return -ENAMETOOLONG;
	memcpy(addr.sun_path, own, len);
	if (*own == '@')
		addr.sun_path[0] = '\0';
	else
		len++;
	return connect_datagram(&addr, (socklen_t)(offsetof(struct sockaddr_un, sun_path) + len));
}

static int connect_at(int fd)
{
	struct sockaddr_un addr = { .sun_family = AF_UNIX };
	struct stat st;

	if (fstat(fd, &st) < 0 || !S_ISSOCK(st.st_mode))
		return -ENOTSOCK;
	snprintf(addr.sun_path, sizeof(addr.sun_path), "/proc/self/fd/%d", fd);
	return connect_datagram(&addr, sizeof(addr));
}

static const char *env_of(const struct spec *spec, const char *name)
{
	const char *value = NULL;

	for (size_t i = 0; i < spec->process->env.n; i++) {
		const char *v = str_after(spec->process->env.v[i], name);

		value = v && *v == '=' ? v + 1 : value;
	}
	return value;
}

/* What of path is below destination: "" for itself, NULL when it is elsewhere. */
static const char *below(const char *path, const char *destination)
{
	const char *rest = str_after(path, destination);

	return rest && (*rest == '/' || !*rest) ? rest + strspn(rest, "/") : NULL;
}

/* By the last mount that has it. */
static int connect_shared(const struct shares *shares, const char *path)
{
	for (size_t i = shares->count; i-- > 0;) {
		const char *rest = below(path, shares->binds[i].destination);
		AUTO_CLOSE int fd = -1;

		if (!rest)
			continue;
		fd = *rest ? open_in_root(shares->bind[i].fd, rest, O_PATH | O_NOFOLLOW, 0)
			   : fcntl(shares->bind[i].fd, F_DUPFD_CLOEXEC, 3);
		return fd < 0 ? fd : connect_at(fd);
	}
	return -ENOENT;
}

void sd_notify_open(struct sd_notify *ret, const char *own, const struct spec *spec,
	const struct shares *shares)
{
	const char *named = env_of(spec, "NOTIFY_SOCKET");

	*ret = (struct sd_notify)SD_NOTIFY_INIT;
	if (named && *named == '/') {
		ret->fd = connect_shared(shares, named);
		ret->path = named;
	}
	if (ret->fd >= 0 || !own || !*own)
		return;
	ret->fd = connect_own(own);
	ret->path = PATH_IN_CONTAINER;
	ret->own = true;
	if (ret->fd < 0)
		log_warn("NOTIFY_SOCKET %s: %s; the container cannot notify its service manager",
			own, strerror(-ret->fd));
}

void sd_notify_done(struct sd_notify *n)
{
	close_fd(&n->fd);
}

/* Waits until the service manager has done all that it was told (sd_notify_barrier(3)). */
static void barrier(int fd)
{
	static const char text[] = "BARRIER=1";
	struct pollfd p = { .events = POLLIN };
	AUTO_CLOSE int ours = -1;
	AUTO_CLOSE int theirs = -1;
	int fds[2];

	if (pipe2(fds, O_CLOEXEC) < 0)
		return;
	p.fd = ours = fds[0];
	theirs = fds[1];
	if (fd_send(fd, text, sizeof(text) - 1, &theirs, 1) < 0)
		return;
	close_fd(&theirs);
	if (poll(&p, 1, BARRIER_TIMEOUT_MS) == 0)
		log_warn("NOTIFY_SOCKET: no answer within %d s", BARRIER_TIMEOUT_MS / 1000);
}

struct ready {
	struct rpc_client *agent;
	const char *own;
	pid_t main_pid;
	bool over;
};

/* From us, because a service manager may know no other process of its service yet. */
static void say(struct ready *r)
{
	AUTO_CLOSE int fd = connect_own(r->own);
	char text[48];
	int n = snprintf(text, sizeof(text), "READY=1\nMAINPID=%d", (int)r->main_pid);

	if (fd < 0 || fd_send(fd, text, (size_t)n, NULL, 0) < 0)
		log_warn("NOTIFY_SOCKET %s: it cannot be told that the container is ready", r->own);
	else if (r->main_pid != getpid()) /* which goes on */
		barrier(fd);
}

static void on_ready(void *arg, const ProtobufCMessage *reply, const struct err *err)
{
	struct ready *r = arg;

	(void)err;
	r->over = true;
	if (reply)
		say(r);
}

struct ready *ready_begin(struct state *s, const char *own, pid_t main_pid)
{
	Vmrun__Agent__ContainerRequest in = VMRUN__AGENT__CONTAINER_REQUEST__INIT;
	struct err err = ERR_NONE;
	struct ready *r;

	if (!own || !*own || faccessat(s->dir, SD_NOTIFY_MARKER, F_OK, 0) < 0)
		return NULL;
	r = calloc(1, sizeof(*r));
	if (!r)
		return NULL;
	*r = (struct ready){ .own = own, .main_pid = main_pid };
	in.container = s->id;
	if (vmclient_agent(s->pod_dir, &r->agent, &err) == 0 &&
		agent_begin_wait_ready(r->agent, &in, on_ready, r, &err) == 0)
		return r;
	/* It may have ended already. */
	log_debug("not waited for READY=1: %s", err.msg);
	ready_free(r);
	return NULL;
}

int ready_fd(const struct ready *r)
{
	return rpc_client_fd(r->agent);
}

short ready_events(const struct ready *r)
{
	return rpc_client_events(r->agent);
}

bool ready_process(struct ready *r)
{
	return rpc_client_process(r->agent) == 0 && !r->over;
}

void ready_free(struct ready *r)
{
	if (!r)
		return;
	rpc_client_free(r->agent);
	free(r);
}

void sd_notify_wait_ready(struct state *s, const char *own, pid_t main_pid)
{
	struct ready *r = ready_begin(s, own, main_pid);
	bool go_on = r;

	while (go_on) {
		struct pollfd p = { .fd = ready_fd(r), .events = ready_events(r) };

		(void)!poll(&p, 1, -1);
		go_on = ready_process(r);
	}
	ready_free(r);
}
