/* Bound sockets: see sockets.h. The loop's thread only. */
#include "agent/sockets.h"

#include "agent/container.h"
#include "agent/parked.h"
#include "agent/pump.h"
#include "agent/scratch.h"
#include "agent/stream.h"
#include "base/fd.h"

#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <sys/mount.h>
#include <sys/random.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>

#define BACKLOG	    64
#define RELAYED_MAX 256 /* connections of one container */

struct sockets {
	struct agent *agent;
	struct list listening, relayed;
	unsigned relayed_count;
	struct list waiting; /* parked NextSockets */
};

struct listening {
	struct list link;
	struct sockets *sockets;
	char *share;
	int fd;
	struct loop_fd *watch;
};

/* A connection of the container's. */
struct relayed {
	struct list link;
	struct sockets *sockets;
	const struct listening *to;
	int fd;
	uint64_t token;
	bool told;
	struct stream_claim *claim; /* until the host's stream is there */
	struct pump *to_host, *from_host;
};

static void relayed_free(struct relayed *r)
{
	stream_claim_drop(r->claim);
	pump_free(r->to_host);
	pump_free(r->from_host);
	close_fd(&r->fd);
	list_del(&r->link);
	r->sockets->relayed_count--;
	free(r);
}

static bool is_hung_up(int fd)
{
	struct pollfd p = { .fd = fd };

	return poll(&p, 1, 0) > 0 && (p.revents & POLLHUP);
}

static void on_to_host_end(void *arg)
{
	struct relayed *r = arg;

	r->to_host = NULL;
	/* Not only has the container's side said all: it does not listen any more. */
	if (!r->from_host || is_hung_up(r->fd))
		relayed_free(r);
}

static void on_from_host_end(void *arg)
{
	struct relayed *r = arg;

	r->from_host = NULL;
	if (!r->to_host)
		relayed_free(r);
}

static int start_pump(
	struct relayed *r, int from, int to, void (*end)(void *arg), struct pump **ret)
{
	int src = fcntl(from, F_DUPFD_CLOEXEC, 3), dst = fcntl(to, F_DUPFD_CLOEXEC, 3);

	if (src < 0 || dst < 0) {
		close_fd(&src);
		close_fd(&dst);
		return -EMFILE;
	}
	return pump_new(r->sockets->agent->loop, src, dst, end, r, ret);
}

/* The host's stream. */
static void on_stream(void *arg, int fd)
{
	struct relayed *r = arg;
	AUTO_CLOSE int stream = fd;

	if (fd_set_nonblock(stream, true) < 0 ||
		start_pump(r, r->fd, stream, on_to_host_end, &r->to_host) < 0 ||
		start_pump(r, stream, r->fd, on_from_host_end, &r->from_host) < 0)
		relayed_free(r);
}

static void reply_next(struct relayed *r, struct rpc_request *request)
{
	Vmrun__Agent__NextSocketResponse reply = VMRUN__AGENT__NEXT_SOCKET_RESPONSE__INIT;

	r->told = true;
	reply.share = r->to->share;
	reply.token = r->token;
	rpc_reply(request, &reply.base);
}

/* Tells whoever waits. */
static void tell(struct sockets *s)
{
	list_for_each (r, &s->relayed, struct relayed, link) {
		struct parked *w;
		struct rpc_request *request;

		if (list_empty(&s->waiting))
			return;
		if (r->told)
			continue;
		w = container_of(s->waiting.next, struct parked, link);
		request = w->request;
		list_del(&w->link);
		free(w);
		reply_next(r, request);
	}
}

static int relay(struct listening *l, int fd)
{
	struct relayed *r = calloc(1, sizeof(*r));

	if (!r)
		return -ENOMEM;
	r->sockets = l->sockets;
	r->to = l;
	r->fd = fd;
	list_add_tail(&l->sockets->relayed, &r->link);
	l->sockets->relayed_count++;
	if (getrandom(&r->token, sizeof(r->token), 0) != (ssize_t)sizeof(r->token) || !r->token ||
		stream_claim(l->sockets->agent->streams, r->token, on_stream, r, &r->claim) < 0)
		relayed_free(r);
	return 0;
}

static void on_connection(void *arg, int fd, uint32_t events)
{
	struct listening *l = arg;
	int conn = accept4(fd, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);

	(void)events;
	if (conn < 0)
		return;
	if (l->sockets->relayed_count == RELAYED_MAX || relay(l, conn) < 0)
		close(conn);
	tell(l->sockets);
}

/* By way of the folder's descriptor: the whole path may be longer than an address. */
static int listen_in(int folder, const char *name, const struct stat *like)
{
	struct sockaddr_un addr = { .sun_family = AF_UNIX };
	AUTO_CLOSE int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);

	snprintf(addr.sun_path, sizeof(addr.sun_path), "/proc/self/fd/%d/%s", folder, name);
	if (fd < 0 || bind(fd, (struct sockaddr *)&addr, sizeof(addr)) < 0 ||
		listen(fd, BACKLOG) < 0 ||
		fchownat(folder, name, like->st_uid, like->st_gid, AT_SYMLINK_NOFOLLOW) < 0 ||
		fchmodat(folder, name, like->st_mode & 07777, 0) < 0)
		return -errno;
	return steal_fd(&fd);
}

/* *bind: the share's socket, replaced by ours. */
static int add_socket(struct sockets *s, int folder, size_t i, const char *share,
	const struct stat *like, int *bind)
{
	struct listening *l = calloc(1, sizeof(*l));
	char name[24];
	int r;

	if (!l)
		return -ENOMEM;
	l->sockets = s;
	l->fd = -1;
	list_add_tail(&s->listening, &l->link);
	l->share = strdup(share);
	if (!l->share)
		return -ENOMEM;
	snprintf(name, sizeof(name), "s%zu", i);
	l->fd = listen_in(folder, name, like);
	if (l->fd < 0)
		return l->fd;
	r = open_tree(folder, name, OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC);
	if (r < 0)
		return -errno;
	close(*bind);
	*bind = r;
	return loop_fd_add(s->agent->loop, "socket", l->fd, EPOLLIN, on_connection, l, &l->watch);
}

static struct sockets *sockets_new(struct agent *a)
{
	struct sockets *s = calloc(1, sizeof(*s));

	if (!s)
		return NULL;
	s->agent = a;
	list_init(&s->listening);
	list_init(&s->relayed);
	list_init(&s->waiting);
	return s;
}

int sockets_open(struct container *c, const Vmrun__Agent__CreateContainerRequest *request,
	struct mount_sources *sources, struct err *err)
{
	AUTO_CLOSE int folder = -1;

	for (size_t i = 0; i < sources->count; i++) {
		struct stat st;
		int r;

		if (sources->binds[i] < 0 || fstat(sources->binds[i], &st) < 0 ||
			!S_ISSOCK(st.st_mode))
			continue;
		if (folder < 0)
			folder = scratch_open(c->agent, c->id, err);
		if (folder < 0)
			return folder;
		if (!c->sockets)
			c->sockets = sockets_new(c->agent);
		r = c->sockets ? add_socket(c->sockets, folder, i, request->mounts[i]->share->share,
					 &st, &sources->binds[i])
			       : -ENOMEM;
		if (r < 0)
			return err_sys(err, -r, "mounts[%zu]: socket at %s", i,
				request->mounts[i]->destination);
	}
	return 0;
}

void sockets_free(struct sockets *s)
{
	if (!s)
		return;
	parked_fail_all(&s->waiting, RPC_NOT_FOUND, "the container was deleted");
	list_for_each_safe (r, &s->relayed, struct relayed, link)
		relayed_free(r);
	list_for_each_safe (l, &s->listening, struct listening, link) {
		loop_fd_remove(l->watch);
		close_fd(&l->fd);
		list_del(&l->link);
		free(l->share);
		free(l);
	}
	free(s);
}

void sockets_next(struct container *c, uint64_t refused, struct rpc_request *request)
{
	struct sockets *s = c->sockets;

	if (!s) {
		rpc_reply_error(
			request, RPC_FAILED_PRECONDITION, "the container has no bound sockets");
		return;
	}
	list_for_each_safe (r, &s->relayed, struct relayed, link)
		if (refused && r->told && r->claim && r->token == refused)
			relayed_free(r);
	parked_add(&s->waiting, request);
	tell(s);
}

void sockets_conn_closed(struct sockets *s, const struct rpc_conn *conn)
{
	if (s)
		parked_drop_conn(&s->waiting, conn);
}
