/*
 * Control connections: requests are fixed structs of one packet each, dispatched by a table. A
 * malformed request is answered with EINVAL; nothing a client sends is fatal to the pod.
 */
#include "vm/ctl.h"

#include "base/auto.h"
#include "base/clock.h"
#include "base/fd.h"
#include "base/list.h"
#include "base/log.h"

#include <fcntl.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <unistd.h>

#define CLIENTS_MAX 128

struct client {
	struct ctl *ctl;
	int fd;
	struct loop_fd *lf;
	enum vmctl_role role;
	bool holds;	     /* the pod; it ends with its last holder */
	bool watches;	     /* is told of the end */
	struct list pending; /* VMCTL_CONNECTs that the guest has not answered */
	struct list leases;
	struct list link;
};

struct ctl {
	struct vm *vm;
	struct client *first; /* NULL once it has gone */
	int listen_fd;
	int spare_fd; /* given up for a moment to turn a client away when there are no others */
	struct loop_fd *listen_lf;
	struct list clients;
	unsigned count;
};

/* A CONNECT that waits for the guest; its client may go meanwhile. */
struct pending {
	struct client *client;
	struct list link;
};

/* A share that goes with its client. */
struct lease {
	struct list link;
	char name[SHARE_NAME_MAX];
};

static void send_reply(
	struct client *c, const struct vmctl_reply *reply, const int *fds, unsigned n)
{
	/* A client that does not read its replies loses them, and only harms itself. */
	(void)!fd_send(c->fd, reply, sizeof(*reply), fds, n);
}

static void reply_value(struct client *c, int code, const char *msg, uint32_t value)
{
	struct vmctl_reply reply = {
		.size = sizeof(reply),
		.kind = VMCTL_REPLY,
		.code = code,
		.phase = c->ctl->vm->phase,
		.value = value,
		.at_ns = (uint64_t)clock_now_ns(),
	};

	strncpy(reply.msg, msg, sizeof(reply.msg) - 1);
	send_reply(c, &reply, NULL, 0);
}

static void reply_code(struct client *c, int code, const char *msg)
{
	reply_value(c, code, msg, 0);
}

/* Names are unique over both file systems. */
static int remove_share(struct ctl *ctl, const char *name)
{
	const struct devices *devices = &ctl->vm->devices;
	int r = fs_export_remove(devices->roots, name);

	return r == -ENOENT && devices->volumes ? fs_export_remove(devices->volumes, name) : r;
}

static bool is_held(const struct ctl *ctl)
{
	list_for_each (c, &ctl->clients, struct client, link)
		if (c->holds)
			return true;
	return false;
}

static void client_close(struct client *c)
{
	struct ctl *ctl = c->ctl;
	bool held = c->holds;

	list_for_each_safe (p, &c->pending, struct pending, link) {
		list_del(&p->link);
		p->client = NULL;
	}
	list_for_each_safe (l, &c->leases, struct lease, link) {
		(void)!remove_share(ctl, l->name);
		list_del(&l->link);
		free(l);
	}
	loop_fd_remove(c->lf);
	close_fd(&c->fd);
	list_del(&c->link);
	ctl->count--;
	if (ctl->first == c)
		ctl->first = NULL;
	free(c);
	if (held && !is_held(ctl))
		ctl->vm->quit(VMCTL_EXIT_ENDED);
}

static void op_start(struct client *c, const struct vmctl_request *req, int *fds)
{
	struct err err = ERR_NONE;

	if (c->ctl->vm->started || c != c->ctl->first) {
		reply_code(c, EBUSY, "the pod has been started");
		return;
	}
	if (!memchr(req->u.start.params, '\0', sizeof(req->u.start.params))) {
		reply_code(c, EINVAL, "the kernel parameters are too long");
		return;
	}
	if (vm_start(c->ctl->vm, &req->u.start, fds, &err) < 0) {
		log_error("%s", err.msg);
		reply_code(c, err.code, err.msg);
		c->ctl->vm->quit(VMCTL_EXIT_SETUP);
		return;
	}
	reply_code(c, 0, "");
}

static void op_role(struct client *c, const struct vmctl_request *req, int *fds)
{
	(void)fds;
	if (req->u.role >= VMCTL_ROLES) {
		reply_code(c, EINVAL, "no such role");
		return;
	}
	c->role = (enum vmctl_role)req->u.role;
	reply_code(c, 0, "");
}

static bool valid_name(const struct vmctl_share *s)
{
	return memchr(s->name, '\0', sizeof(s->name)) && s->name[0];
}

static int share(struct client *c, const struct vmctl_share *s, int fd, unsigned flags)
{
	const struct devices *devices = &c->ctl->vm->devices;
	struct fs *fs = s->flags & VMCTL_SHARE_VOLUME ? devices->volumes : devices->roots;
	struct lease *lease = NULL;
	int r;

	if (!fs) {
		close(fd);
		return -ENODEV;
	}
	if (s->flags & VMCTL_SHARE_LEASED) {
		lease = calloc(1, sizeof(*lease));
		if (!lease) {
			close(fd);
			return -ENOMEM;
		}
		memcpy(lease->name, s->name, sizeof(lease->name));
	}
	r = fs_export_add(fs, s->name, fd, flags);
	if (r < 0)
		free(lease);
	else if (lease)
		list_add_tail(&c->leases, &lease->link);
	return r;
}

static unsigned export_flags(uint32_t share_flags)
{
	static const struct {
		uint32_t share;
		unsigned export;
	} flags[] = {
		{ VMCTL_SHARE_RO, FS_EXPORT_RO },
		{ VMCTL_SHARE_FILE, FS_EXPORT_FILE },
		{ VMCTL_SHARE_CACHE_NONE, FS_EXPORT_CACHE_NONE },
		{ VMCTL_SHARE_CACHE_ALWAYS, FS_EXPORT_CACHE_ALWAYS },
		{ VMCTL_SHARE_ROOT, FS_EXPORT_ROOT },
		{ VMCTL_SHARE_LOCAL_LOCKS, FS_EXPORT_LOCAL_LOCKS },
		{ VMCTL_SHARE_WATCH, FS_EXPORT_WATCH },
	};

	unsigned all = 0;

	for (size_t i = 0; i < ARRAY_LEN(flags); i++)
		if (share_flags & flags[i].share)
			all |= flags[i].export;
	return all;
}

static void op_share_add(struct client *c, const struct vmctl_request *req, int *fds)
{
	int r;

	if (!valid_name(&req->u.share)) {
		reply_code(c, EINVAL, "bad share name");
		return;
	}
	r = share(c, &req->u.share, steal_fd(&fds[0]), export_flags(req->u.share.flags));
	reply_code(c, -r, r < 0 ? strerror(-r) : "");
}

static void op_share_remove(struct client *c, const struct vmctl_request *req, int *fds)
{
	int r;

	(void)fds;
	if (!valid_name(&req->u.share)) {
		reply_code(c, EINVAL, "bad share name");
		return;
	}
	r = remove_share(c->ctl, req->u.share.name);
	reply_code(c, -r, r < 0 ? strerror(-r) : "");
}

static void connected(void *arg, int code)
{
	struct pending *p = arg;

	if (p->client)
		reply_code(p->client, code, code ? strerror(code) : "");
	list_del(&p->link);
	free(p);
}

static void op_connect(struct client *c, const struct vmctl_request *req, int *fds)
{
	const struct vmctl_connect *in = &req->u.connect;
	struct pending *p = calloc(1, sizeof(*p));
	struct vsock_host_end end = {
		.fd = steal_fd(&fds[0]),
		.done_fd = steal_fd(&fds[1]),
		.to_guest = in->flags & VMCTL_TO_GUEST,
		.from_guest = in->flags & VMCTL_FROM_GUEST,
		.preamble = &in->preamble,
		.preamble_len = in->has_preamble ? sizeof(in->preamble) : 0,
	};
	int r = p ? 0 : ENOMEM;

	if (c->role == VMCTL_ROLE_RELAY && in->port != VSOCK_PORT_STREAM)
		r = EPERM;
	if (r) {
		close_fd(&end.fd);
		close_fd(&end.done_fd);
		free(p);
		reply_code(c, r, strerror(r));
		return;
	}
	p->client = c;
	list_add_tail(&c->pending, &p->link);
	r = vsock_connect(c->ctl->vm->devices.vsock, in->port, &end, connected, p);
	if (r < 0) {
		list_del(&p->link);
		free(p);
		reply_code(c, -r, strerror(-r));
	}
}

static void op_status(struct client *c, const struct vmctl_request *req, int *fds)
{
	(void)req;
	(void)fds;
	reply_code(c, 0, "");
}

static bool is_held_beside(const struct client *but)
{
	list_for_each (c, &but->ctl->clients, struct client, link)
		if (c->holds && c != but)
			return true;
	return false;
}

static void op_stop(struct client *c, const struct vmctl_request *req, int *fds)
{
	(void)req;
	(void)fds;
	if (c->role == VMCTL_ROLE_ANCHOR && is_held_beside(c)) {
		reply_code(c, EBUSY, "the pod has other containers");
		return;
	}
	reply_code(c, 0, "");
	log_debug("stopped");
	c->ctl->vm->quit(VMCTL_EXIT_ENDED);
}

static void op_hold(struct client *c, const struct vmctl_request *req, int *fds)
{
	(void)req;
	(void)fds;
	c->holds = true;
	reply_code(c, 0, "");
}

static void op_watch(struct client *c, const struct vmctl_request *req, int *fds)
{
	(void)req;
	(void)fds;
	c->watches = true;
	reply_code(c, 0, "");
}

#define CREATOR (1U << VMCTL_ROLE_CREATOR)
#define ANCHOR	(1U << VMCTL_ROLE_ANCHOR)
#define RELAY	(1U << VMCTL_ROLE_RELAY)

static void op_device_add(struct client *c, const struct vmctl_request *req, int *fds)
{
	struct vm *vm = c->ctl->vm;
	struct err err = ERR_NONE;
	unsigned slot = 0;

	(void)fds;
	if (!vm->machine)
		err_set(&err, EOPNOTSUPP,
			"QEMU's machine has no slots for devices that come later");
	else
		(void)!devices_add(vm->loop, vm->machine, req->u.device.kind, &slot, &err);
	reply_value(c, err.code, err.msg, slot);
}

static const struct {
	uint32_t op;
	unsigned roles;
	unsigned fds_min, fds_max;
	bool needs_machine;
	void (*handle)(struct client *c, const struct vmctl_request *req, int *fds);
} ops[] = {
	{ VMCTL_START, CREATOR, VMCTL_FD_MOUNTS, VMCTL_START_FDS, false, op_start },
	{ VMCTL_ROLE, CREATOR, 0, 0, true, op_role },
	{ VMCTL_SHARE_ADD, CREATOR, 1, 1, true, op_share_add },
	{ VMCTL_SHARE_REMOVE, CREATOR, 0, 0, true, op_share_remove },
	{ VMCTL_CONNECT, CREATOR | RELAY, 1, 2, true, op_connect },
	{ VMCTL_STATUS, CREATOR | ANCHOR, 0, 0, false, op_status },
	{ VMCTL_STOP, CREATOR | ANCHOR, 0, 0, false, op_stop },
	{ VMCTL_HOLD, CREATOR | ANCHOR, 0, 0, true, op_hold },
	{ VMCTL_WATCH, CREATOR | ANCHOR, 0, 0, true, op_watch },
	{ VMCTL_DEVICE_ADD, CREATOR, 0, 0, true, op_device_add },
};

static void dispatch(struct client *c, const struct vmctl_request *req, int *fds, unsigned n)
{
	for (size_t i = 0; i < ARRAY_LEN(ops); i++) {
		if (ops[i].op != req->op)
			continue;
		if (n < ops[i].fds_min || n > ops[i].fds_max)
			reply_code(c, EINVAL, "wrong number of descriptors");
		else if (!(ops[i].roles & 1U << c->role))
			reply_code(c, EPERM, "not a request for this connection");
		else if (ops[i].needs_machine && !c->ctl->vm->started)
			reply_code(c, EAGAIN, "the pod has not been started");
		else
			ops[i].handle(c, req, fds);
		return;
	}
	reply_code(c, EINVAL, "unknown request");
}

static void on_request(void *arg, int fd, uint32_t events)
{
	static uint8_t message[VMCTL_MESSAGE_MAX];
	static struct vmctl_request req;
	struct client *c = arg;
	int fds[FD_PASS_MAX];
	unsigned n = FD_PASS_MAX;
	ssize_t got;
	int r;

	(void)events;
	for (unsigned i = 0; i < FD_PASS_MAX; i++)
		fds[i] = -1;
	got = fd_recv(fd, message, sizeof(message), fds, &n);
	if (got == -EAGAIN)
		return;
	if (got <= 0 && got != -EMSGSIZE) {
		client_close(c);
		return;
	}
	r = got < 0 ? (int)got : vmctl_request_read(message, (size_t)got, &req);
	if (r == -E2BIG)
		reply_code(c, E2BIG, "the pod's monitor is too old for this request");
	else if (r < 0)
		reply_code(c, EINVAL, "malformed request");
	else
		dispatch(c, &req, fds, n);
	for (unsigned i = 0; i < n; i++)
		close_fd(&fds[i]);
}

static int add_client(struct ctl *ctl, int fd, struct client **ret)
{
	struct client *c = calloc(1, sizeof(*c));
	int r;

	if (!c) {
		close(fd);
		return -ENOMEM;
	}
	c->ctl = ctl;
	c->fd = fd;
	list_init(&c->pending);
	list_init(&c->leases);
	r = fd_set_nonblock(fd, true);
	if (r == 0)
		r = loop_fd_add(ctl->vm->loop, "control", fd, EPOLLIN, on_request, c, &c->lf);
	if (r < 0) {
		close(fd);
		free(c);
		return r;
	}
	list_add_tail(&ctl->clients, &c->link);
	ctl->count++;
	*ret = c;
	return 0;
}

static bool is_ours(int fd)
{
	struct ucred peer;
	socklen_t len = sizeof(peer);

	return getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &peer, &len) == 0 &&
	       (peer.uid == 0 || peer.uid == geteuid());
}

/* No descriptor is left: a client that waited on would keep the loop turning. */
static void turn_away(struct ctl *ctl)
{
	int client;

	close_fd(&ctl->spare_fd);
	client = accept4(ctl->listen_fd, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);
	if (client >= 0)
		close(client);
	ctl->spare_fd = eventfd(0, EFD_CLOEXEC);
}

static void on_client(void *arg, int fd, uint32_t events)
{
	struct ctl *ctl = arg;
	struct client *c;
	int client = accept4(fd, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);

	(void)events;
	if (client < 0) {
		if (errno == EMFILE || errno == ENFILE)
			turn_away(ctl);
		return;
	}
	if (ctl->count >= CLIENTS_MAX || !is_ours(client))
		close(client);
	else
		(void)!add_client(ctl, client, &c);
}

int ctl_new(struct vm *vm, int first_fd, struct ctl **ret)
{
	struct ctl *ctl = calloc(1, sizeof(*ctl));
	int r;

	if (!ctl)
		return -ENOMEM;
	ctl->vm = vm;
	ctl->listen_fd = -1;
	list_init(&ctl->clients);
	ctl->spare_fd = eventfd(0, EFD_CLOEXEC);
	r = ctl->spare_fd < 0 ? -errno : fd_set_cloexec(first_fd, true);
	if (r == 0)
		r = add_client(ctl, first_fd, &ctl->first);
	/* Whoever starts us: without him, and before there is somebody else, there is no pod. */
	if (r == 0)
		ctl->first->holds = true;
	if (r < 0) {
		close_fd(&ctl->spare_fd);
		free(ctl);
		return r;
	}
	*ret = ctl;
	return 0;
}

int ctl_listen(struct ctl *ctl, int listen_fd, struct err *err)
{
	int r = fd_set_nonblock(listen_fd, true);

	ctl->listen_fd = listen_fd;
	if (r == 0)
		r = loop_fd_add(ctl->vm->loop, "listen", listen_fd, EPOLLIN, on_client, ctl,
			&ctl->listen_lf);
	return r < 0 ? err_sys(err, -r, "control socket") : 0;
}

void ctl_tell_phase(struct ctl *ctl, enum vmctl_phase phase, int fd)
{
	struct vmctl_reply event = {
		.size = sizeof(event),
		.kind = fd >= 0 ? VMCTL_EVENT_READY : VMCTL_EVENT_PHASE,
		.phase = phase,
		.at_ns = (uint64_t)clock_now_ns(),
	};

	if (ctl->first)
		send_reply(ctl->first, &event, &fd, fd >= 0);
	close_fd(&fd);
}

void ctl_tell_end(struct ctl *ctl, enum vmctl_end why, const char *words)
{
	struct vmctl_reply event = {
		.size = sizeof(event),
		.kind = VMCTL_EVENT_ENDED,
		.code = (int32_t)why,
		.phase = ctl->vm->phase,
		.at_ns = (uint64_t)clock_now_ns(),
	};

	strncpy(event.msg, words, sizeof(event.msg) - 1);
	list_for_each (c, &ctl->clients, struct client, link)
		if (c->watches)
			send_reply(c, &event, NULL, 0);
}
