/* vsock: see vsock.h. */
#include "agent/vsock.h"

#include "agent/serve.h"
#include "agent/share_events.h"
#include "agent/signalled.h"
#include "base/fd.h"
#include "rpc/ports.h"

#include <fcntl.h>
#include <stdlib.h>
#include <sys/socket.h>
/* after sys/socket.h, which it needs */
#include <linux/vm_sockets.h>

#define BACKLOG 64

/* AF_VSOCK has its own reserved CID for the host; ours is checked against it. */
_Static_assert(VSOCK_CID_HOST == VMADDR_CID_HOST, "the host's CID");

struct listener {
	struct agent *agent;
	int fd;
	struct loop_fd *watch;
	int (*serve)(struct agent *a, int fd);
};

struct vsock {
	struct listener rpc, stream, forget, signalled, share_events;
};

/*
 * vsock knows no network namespaces, and with its loopback transport a container could dial our
 * ports. Only the host may.
 */
static void on_connection(void *arg, int fd, uint32_t events)
{
	struct listener *l = arg;
	struct sockaddr_vm peer;
	socklen_t len = sizeof(peer);
	int conn = accept4(fd, (struct sockaddr *)&peer, &len, SOCK_CLOEXEC | SOCK_NONBLOCK);

	(void)events;
	if (conn < 0)
		return;
	if (peer.svm_cid == VMADDR_CID_HOST)
		(void)!l->serve(l->agent, conn);
	else
		close(conn);
}

/*
 * The host's file server has many of our inodes open. Those that nobody uses go, and with them the
 * pages of theirs that are clean; the kernel tells the server.
 */
static int forget_files(struct agent *a, int fd)
{
	(void)a;
	close(fd);
	return file_write_at(AT_FDCWD, "/proc/sys/vm/drop_caches", "2");
}

static int listen_on(struct listener *l, struct agent *a, unsigned port,
	int (*serve)(struct agent *a, int fd), struct err *err)
{
	struct sockaddr_vm addr = {
		.svm_family = AF_VSOCK,
		.svm_cid = VMADDR_CID_ANY,
		.svm_port = port,
	};
	int r;

	l->agent = a;
	l->serve = serve;
	l->fd = socket(AF_VSOCK, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (l->fd < 0 || bind(l->fd, (struct sockaddr *)&addr, sizeof(addr)) < 0 ||
		listen(l->fd, BACKLOG) < 0)
		return err_sys(err, errno, "vsock port %u", port);
	r = loop_fd_add(a->loop, "vsock", l->fd, EPOLLIN, on_connection, l, &l->watch);
	return r < 0 ? err_sys(err, -r, "vsock port %u", port) : 0;
}

int vsock_listen(struct agent *a, struct vsock **ret, struct err *err)
{
	struct vsock *v = calloc(1, sizeof(*v));
	int r;

	if (!v)
		return err_sys(err, ENOMEM, "vsock");
	v->rpc.fd = v->stream.fd = v->forget.fd = v->signalled.fd = v->share_events.fd = -1;
	r = listen_on(&v->rpc, a, VSOCK_PORT_RPC, agent_serve_rpc, err);
	if (r == 0)
		r = listen_on(&v->stream, a, VSOCK_PORT_STREAM, agent_serve_stream, err);
	if (r == 0)
		r = listen_on(&v->forget, a, VSOCK_PORT_FORGET, forget_files, err);
	if (r == 0)
		r = listen_on(&v->signalled, a, VSOCK_PORT_SIGNALLED, signalled_serve, err);
	if (r == 0)
		r = listen_on(
			&v->share_events, a, VSOCK_PORT_SHARE_EVENTS, share_events_serve, err);
	if (r < 0)
		vsock_free(v);
	else
		*ret = v;
	return r;
}

void vsock_free(struct vsock *v)
{
	if (!v)
		return;
	loop_fd_remove(v->rpc.watch);
	loop_fd_remove(v->stream.watch);
	loop_fd_remove(v->forget.watch);
	loop_fd_remove(v->signalled.watch);
	loop_fd_remove(v->share_events.watch);
	close_fd(&v->rpc.fd);
	close_fd(&v->stream.fd);
	close_fd(&v->forget.fd);
	close_fd(&v->signalled.fd);
	close_fd(&v->share_events.fd);
	free(v);
}

int vsock_ready(struct agent *a, struct err *err)
{
	struct sockaddr_vm addr = {
		.svm_family = AF_VSOCK,
		.svm_cid = VMADDR_CID_HOST,
		.svm_port = VSOCK_PORT_READY,
	};
	AUTO_CLOSE int fd = socket(AF_VSOCK, SOCK_STREAM | SOCK_CLOEXEC, 0);
	int r;

	if (fd < 0 || connect(fd, (struct sockaddr *)&addr, sizeof(addr)) < 0)
		return err_sys(err, errno, "vsock: host port %u", (unsigned)VSOCK_PORT_READY);
	r = agent_serve_rpc(a, steal_fd(&fd));
	return r < 0 ? err_sys(err, -r, "vsock: host port %u", (unsigned)VSOCK_PORT_READY) : 0;
}
