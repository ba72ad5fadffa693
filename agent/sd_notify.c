/* Notifications of services: see sd_notify.h. The loop's thread only. */
#include "agent/sd_notify.h"

#include "agent/parked.h"
#include "agent/scratch.h"
#include "rpc/ports.h"

#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>

#define SOCKET_NAME "notify.sock"

struct sd_notify {
	struct agent *agent;
	int fd;
	struct loop_fd *watch; /* while somebody waits */
	struct list waiting;   /* parked NextSdNotifys */
	struct list readies;   /* parked WaitReadys */
	bool ready, ended;
};

static bool says_ready(const char *text, size_t len)
{
	static const char ready[] = "READY=1";

	while (len) {
		const char *end = memchr(text, '\n', len);
		size_t line = end ? (size_t)(end - text) : len;

		if (line == sizeof(ready) - 1 && memcmp(text, ready, line) == 0)
			return true;
		line += end ? 1 : 0;
		text += line;
		len -= line;
	}
	return false;
}

static void note_ready(struct sd_notify *n)
{
	Vmrun__Agent__Empty empty = VMRUN__AGENT__EMPTY__INIT;

	n->ready = true;
	parked_reply_all(&n->readies, &empty.base);
}

/*
 * Descriptors that came along are closed by the kernel: whoever waits for that (BARRIER=1) knows
 * then that the host has asked for what comes next, that is, has passed on all before.
 */
static ssize_t receive(const struct sd_notify *n, char text[SD_NOTIFY_MAX])
{
	ssize_t len = recv(n->fd, text, SD_NOTIFY_MAX, MSG_DONTWAIT | MSG_TRUNC);

	if (len <= SD_NOTIFY_MAX)
		return len;
	/* Of a line that is cut short nobody knows what it would have said. */
	len = SD_NOTIFY_MAX;
	while (len > 0 && text[len - 1] != '\n')
		len--;
	return len > 0 ? len - 1 : 0;
}

/* As many as are asked for and there. */
static void serve(struct sd_notify *n)
{
	char text[SD_NOTIFY_MAX];

	while (!list_empty(&n->waiting)) {
		Vmrun__Agent__NextSdNotifyResponse reply =
			VMRUN__AGENT__NEXT_SD_NOTIFY_RESPONSE__INIT;
		ssize_t len = receive(n, text);

		if (len < 0)
			break;
		reply.datagram.data = (uint8_t *)text;
		reply.datagram.len = (size_t)len;
		rpc_reply(parked_take(&n->waiting), &reply.base);
		if (says_ready(text, (size_t)len))
			note_ready(n);
	}
}

static void on_readable(void *arg, int fd, uint32_t events);

static void go_on(struct sd_notify *n)
{
	serve(n);
	if (n->ended)
		parked_fail_all(&n->waiting, RPC_FAILED_PRECONDITION, "the container has ended");
	if (list_empty(&n->waiting)) {
		loop_fd_remove(n->watch);
		n->watch = NULL;
	} else if (!n->watch && loop_fd_add(n->agent->loop, "notify", n->fd, EPOLLIN, on_readable,
					n, &n->watch) < 0) {
		parked_fail_all(&n->waiting, RPC_RESOURCE_EXHAUSTED, "out of memory");
	}
}

static void on_readable(void *arg, int fd, uint32_t events)
{
	(void)fd;
	(void)events;
	go_on(arg);
}

/* Whoever the service runs as may write to it. */
static int bind_in(int folder)
{
	struct sockaddr_un addr = { .sun_family = AF_UNIX };
	AUTO_CLOSE int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);

	snprintf(addr.sun_path, sizeof(addr.sun_path), "/proc/self/fd/%d/" SOCKET_NAME, folder);
	if (fd < 0 || bind(fd, (struct sockaddr *)&addr, sizeof(addr)) < 0 ||
		fchmodat(folder, SOCKET_NAME, 0777, 0) < 0)
		return -errno;
	return steal_fd(&fd);
}

int sd_notify_open(struct agent *a, const Vmrun__Agent__CreateContainerRequest *request,
	struct mount_sources *s, struct sd_notify **ret, struct err *err)
{
	AUTO_CLOSE int folder = -1;
	struct sd_notify *n;

	if (!request->sd_notify_path[0])
		return 0;
	folder = scratch_open(a, request->container, err);
	if (folder < 0)
		return folder;
	n = calloc(1, sizeof(*n));
	if (!n)
		return err_sys(err, ENOMEM, "notify socket");
	*ret = n;
	n->agent = a;
	list_init(&n->waiting);
	list_init(&n->readies);
	n->fd = bind_in(folder);
	if (n->fd < 0)
		return err_sys(err, -n->fd, "notify socket");
	s->sd_notify = open_tree(folder, SOCKET_NAME, OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC);
	return s->sd_notify < 0 ? err_sys(err, errno, "notify socket") : 0;
}

void sd_notify_free(struct sd_notify *n)
{
	if (!n)
		return;
	parked_fail_all(&n->waiting, RPC_NOT_FOUND, "the container was deleted");
	parked_fail_all(&n->readies, RPC_NOT_FOUND, "the container was deleted");
	loop_fd_remove(n->watch);
	close_fd(&n->fd);
	free(n);
}

int sd_notify_attach(int rootfd, const char *path, int mount, struct err *err)
{
	struct mount_attr attr = {
		.attr_set = MOUNT_ATTR_RDONLY | MOUNT_ATTR_NOSUID | MOUNT_ATTR_NODEV |
			    MOUNT_ATTR_NOEXEC,
	};
	AUTO_CLOSE int dest = -1;
	int r;

	if (mount < 0)
		return 0;
	dest = mountpoint_open(rootfd, path, true);
	r = dest < 0 ? dest : 0;
	if (r == 0 && mount_setattr(mount, "", AT_EMPTY_PATH, &attr, sizeof(attr)) < 0)
		r = -errno;
	if (r == 0)
		r = mount_attach(mount, dest);
	return r < 0 ? err_sys(err, -r, "notify socket at %s", path) : 0;
}

static bool is_there(const struct sd_notify *n, struct rpc_request *r)
{
	if (!n)
		rpc_reply_error(r, RPC_FAILED_PRECONDITION, "the container has no notify socket");
	return n;
}

void sd_notify_next(struct sd_notify *n, struct rpc_request *r)
{
	if (!is_there(n, r))
		return;
	parked_add(&n->waiting, r);
	go_on(n);
}

void sd_notify_wait_ready(struct sd_notify *n, struct rpc_request *r)
{
	if (!is_there(n, r))
		return;
	parked_add(&n->readies, r);
	if (n->ready)
		note_ready(n);
	else if (n->ended)
		parked_fail_all(&n->readies, RPC_FAILED_PRECONDITION, "the container has ended");
}

void sd_notify_ended(struct sd_notify *n)
{
	if (!n || n->ended)
		return;
	n->ended = true;
	go_on(n);
	parked_fail_all(&n->readies, RPC_FAILED_PRECONDITION, "the container has ended");
}

void sd_notify_conn_closed(struct sd_notify *n, const struct rpc_conn *conn)
{
	if (!n)
		return;
	parked_drop_conn(&n->waiting, conn);
	parked_drop_conn(&n->readies, conn);
	go_on(n);
}
