/* Bound sockets: see sockets.h. The loop's thread only. */
#include "agent/sockets.h"

#include "agent/duplex.h"
#include "agent/parked.h"
#include "agent/scratch.h"

#include <fcntl.h>
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
	struct list waiting;  /* parked NextSockets */
	struct list connects; /* parked ConnectSockets, whose connections there are already */
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
	const struct listening *to; /* NULL: a host's, made by sockets_connect() */
	const struct process *of;   /* whose listener it is then; compared only */
	uint64_t token;
	bool told;
	struct duplex *duplex;
};

static void relayed_free(struct relayed *r)
{
	duplex_free(r->duplex);
	list_del(&r->link);
	r->sockets->relayed_count--;
	free(r);
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
		if (list_empty(&s->waiting))
			return;
		if (!r->told)
			reply_next(r, parked_take(&s->waiting));
	}
}

static void answer_connects(struct sockets *s);

static void on_relayed_end(void *arg)
{
	struct relayed *r = arg;
	struct sockets *s = r->sockets;

	relayed_free(r);
	answer_connects(s);
}

/* fd is the connection's from here on, also on failure. The host knows of its own, to is NULL. */
static int relay(struct sockets *s, const struct listening *to, const struct process *of, int fd,
	uint64_t token)
{
	struct relayed *r = calloc(1, sizeof(*r));
	int e;

	if (!r) {
		close(fd);
		return -ENOMEM;
	}
	r->sockets = s;
	r->to = to;
	r->token = token;
	r->of = of;
	r->told = !to;
	list_add_tail(&s->relayed, &r->link);
	s->relayed_count++;
	e = duplex_new(s->agent, fd, token, DUPLEX_TO_HOST | DUPLEX_FROM_HOST, on_relayed_end, r,
		&r->duplex);
	if (e < 0)
		relayed_free(r);
	return e;
}

static int new_token(uint64_t *ret)
{
	return getrandom(ret, sizeof(*ret), 0) == (ssize_t)sizeof(*ret) && *ret ? 0 : -EIO;
}

static void on_connection(void *arg, int fd, uint32_t events)
{
	struct listening *l = arg;
	int conn = accept4(fd, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);
	uint64_t token;

	(void)events;
	if (conn < 0)
		return;
	if (l->sockets->relayed_count >= RELAYED_MAX || new_token(&token) < 0)
		close(conn);
	else
		(void)!relay(l->sockets, l, NULL, conn, token);
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
	list_init(&s->connects);
	return s;
}

int sockets_open(struct agent *a, const Vmrun__Agent__CreateContainerRequest *request,
	struct mount_sources *sources, struct sockets **ret, struct err *err)
{
	AUTO_CLOSE int folder = -1;

	for (size_t i = 0; i < sources->count; i++) {
		struct stat st;
		int r;

		if (sources->binds[i] < 0 || fstat(sources->binds[i], &st) < 0 ||
			!S_ISSOCK(st.st_mode))
			continue;
		if (folder < 0)
			folder = scratch_open(a, request->container, err);
		if (folder < 0)
			return folder;
		if (!*ret)
			*ret = sockets_new(a);
		r = *ret ? add_socket(*ret, folder, i, request->mounts[i]->share->share, &st,
				   &sources->binds[i])
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
	parked_fail_all(&s->connects, RPC_NOT_FOUND, "the container was deleted");
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

/* The host has no stream for this one. */
static void drop_refused(struct sockets *s, uint64_t token)
{
	list_for_each_safe (r, &s->relayed, struct relayed, link)
		if (token && r->told && duplex_waits(r->duplex) && r->token == token)
			relayed_free(r);
}

void sockets_next(struct sockets *s, uint64_t refused, struct rpc_request *request)
{
	if (!s || list_empty(&s->listening)) {
		rpc_reply_error(
			request, RPC_FAILED_PRECONDITION, "the container has no bound sockets");
		return;
	}
	drop_refused(s, refused);
	parked_add(&s->waiting, request);
	tell(s);
}

/* There is room for another connection. */
static void answer_connects(struct sockets *s)
{
	Vmrun__Agent__Empty empty = VMRUN__AGENT__EMPTY__INIT;

	if (s->relayed_count < RELAYED_MAX)
		parked_reply_all(&s->connects, &empty.base);
}

int sockets_connect(struct sockets **s, struct agent *a, const struct process *of, int fd,
	uint64_t token, uint64_t refused, struct rpc_request *request)
{
	int e;

	if (!*s)
		*s = sockets_new(a);
	if (*s)
		drop_refused(*s, refused);
	if (!*s || (*s)->relayed_count > RELAYED_MAX) {
		close(fd);
		return -ENOMEM;
	}
	e = relay(*s, NULL, of, fd, token);
	if (e < 0)
		return e;
	/* Of a host that connects faster than the container serves, the next has to wait. */
	parked_add(&(*s)->connects, request);
	answer_connects(*s);
	return 0;
}

void sockets_process_ended(struct sockets *s, const struct process *of, bool is_first)
{
	if (!s)
		return;
	list_for_each_safe (r, &s->relayed, struct relayed, link)
		if (is_first || r->of == of)
			duplex_end_input(r->duplex);
}

void sockets_conn_closed(struct sockets *s, const struct rpc_conn *conn)
{
	if (!s)
		return;
	parked_drop_conn(&s->waiting, conn);
	parked_drop_conn(&s->connects, conn);
}
