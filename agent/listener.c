/* Listeners: see listener.h. The loop's thread only. */
#include "agent/listener.h"

#include "agent/parked.h"
#include "agent/target.h"

#include <string.h>
#include <sys/ioctl.h>

/* Told and not answered: as many as the host has stand-ins for. More wait in the kernel. */
#define UNANSWERED_MAX 16

struct listener {
	int fd; /* -1: closed */
	struct loop_fd *watch;
	bool ended;		      /* nobody has the filter any more */
	const struct rpc_conn *owner; /* NULL: nobody has asked yet */
	struct list waiting;	      /* parked NextNotifications */

	struct told {
		uint64_t id;
		pid_t pid;
	} unanswered[UNANSWERED_MAX];

	unsigned count;
};

static void close_listener(struct listener *l)
{
	loop_fd_remove(l->watch);
	l->watch = NULL;
	close_fd(&l->fd);
	l->count = 0;
}

static bool is_valid(const struct listener *l, uint64_t id)
{
	return l->fd >= 0 && ioctl(l->fd, SECCOMP_IOCTL_NOTIF_ID_VALID, &id) == 0;
}

/* Moves those whose targets were killed meanwhile to gone; returns how many. */
static size_t forget_gone(struct listener *l, uint64_t *gone)
{
	size_t n = 0;

	for (unsigned i = 0; i < l->count;) {
		if (is_valid(l, l->unanswered[i].id)) {
			i++;
			continue;
		}
		gone[n++] = l->unanswered[i].id;
		l->unanswered[i] = l->unanswered[--l->count];
	}
	return n;
}

/* The host lets go of those that are gone when it is told so, with the next one. */
static bool has_room(const struct listener *l)
{
	bool room = l->count < UNANSWERED_MAX;

	for (unsigned i = 0; i < l->count && !room; i++)
		room = !is_valid(l, l->unanswered[i].id);
	return room;
}

static void reply_next(
	struct listener *l, struct seccomp_notif *n, struct target_copies *c, struct rpc_request *r)
{
	Vmrun__Agent__NextNotificationResponse reply =
		VMRUN__AGENT__NEXT_NOTIFICATION_RESPONSE__INIT;
	uint64_t args[TARGET_ARGS], gone[UNANSWERED_MAX];

	memcpy(args, n->data.args, sizeof(args));
	reply.id = n->id;
	reply.pid = n->pid;
	reply.flags = n->flags;
	reply.nr = n->data.nr;
	reply.arch = n->data.arch;
	reply.instruction_pointer = n->data.instruction_pointer;
	reply.args = args;
	reply.n_args = TARGET_ARGS;
	reply.memory = c->list;
	reply.n_memory = c->n;
	reply.cwd = c->cwd;
	reply.gone = gone;
	reply.n_gone = forget_gone(l, gone);
	l->unanswered[l->count++] = (struct told){ n->id, (pid_t)n->pid };
	rpc_reply(r, &reply.base);
}

/* The kernel has one: poll said so, and nobody else reads. */
static void receive(struct listener *l)
{
	struct seccomp_notif n = { 0 };
	AUTO_FREE struct target_copies *c = malloc(sizeof(*c));

	if (!c || ioctl(l->fd, SECCOMP_IOCTL_NOTIF_RECV, &n) < 0)
		return; /* its target has been killed */
	target_copy(c, &n);
	/* What was copied is the target's only if it is still there, see seccomp_unotify(2). */
	if (is_valid(l, n.id))
		reply_next(l, &n, c, parked_take(&l->waiting));
}

/* Asks the loop for what can be dealt with now. */
static void arm(struct listener *l)
{
	bool wanted = l->watch && !list_empty(&l->waiting) && has_room(l);

	if (l->watch && loop_fd_events(l->watch, wanted ? EPOLLIN : 0) < 0)
		close_listener(l);
}

static void end(struct listener *l)
{
	Vmrun__Agent__NextNotificationResponse reply =
		VMRUN__AGENT__NEXT_NOTIFICATION_RESPONSE__INIT;

	l->ended = true;
	close_listener(l);
	reply.ended = true;
	parked_reply_all(&l->waiting, &reply.base);
}

static void on_listener(void *arg, int fd, uint32_t events)
{
	struct listener *l = arg;

	(void)fd;
	if (events & (EPOLLHUP | EPOLLERR)) {
		end(l);
	} else if (!list_empty(&l->waiting) && has_room(l)) {
		receive(l);
		arm(l);
	}
}

int listener_new(struct loop *loop, int fd, struct listener **ret)
{
	struct listener *l = calloc(1, sizeof(*l));
	int r = -ENOMEM;

	if (l) {
		l->fd = fd;
		list_init(&l->waiting);
		r = loop_fd_add(loop, "listener", fd, 0, on_listener, l, &l->watch);
	}
	if (r < 0) {
		close(fd);
		free(l);
		return r;
	}
	*ret = l;
	return 0;
}

void listener_free(struct listener *l)
{
	if (!l)
		return;
	parked_fail_all(&l->waiting, RPC_NOT_FOUND, "the process has ended");
	close_listener(l);
	free(l);
}

void listener_next(struct listener *l, struct rpc_request *r)
{
	Vmrun__Agent__NextNotificationResponse reply =
		VMRUN__AGENT__NEXT_NOTIFICATION_RESPONSE__INIT;

	if (!l || (l->fd < 0 && !l->ended)) {
		rpc_reply_error(r, RPC_FAILED_PRECONDITION, "the process has no seccomp listener");
		return;
	}
	if (!l->owner)
		l->owner = rpc_request_conn(r);
	if (l->ended) {
		reply.ended = true;
		rpc_reply(r, &reply.base);
		return;
	}
	parked_add(&l->waiting, r);
	arm(l);
}

static void conclude(struct listener *l, uint64_t id, int error, struct rpc_request *r)
{
	Vmrun__Agent__NotificationResult reply = VMRUN__AGENT__NOTIFICATION_RESULT__INIT;

	reply.error = (uint32_t)error;
	rpc_reply(r, &reply.base);
	if (!l)
		return;
	for (unsigned i = 0; (error == 0 || error == ENOENT) && i < l->count; i++)
		if (l->unanswered[i].id == id)
			l->unanswered[i--] = l->unanswered[--l->count];
	arm(l);
}

void listener_valid(
	struct listener *l, const Vmrun__Agent__NotificationRequest *in, struct rpc_request *r)
{
	Vmrun__Agent__NotificationResult reply = VMRUN__AGENT__NOTIFICATION_RESULT__INIT;

	if (l && is_valid(l, in->id))
		rpc_reply(r, &reply.base);
	else
		conclude(l, in->id, ENOENT, r);
}

static pid_t target_of(const struct listener *l, uint64_t id)
{
	for (unsigned i = 0; i < l->count; i++)
		if (l->unanswered[i].id == id)
			return l->unanswered[i].pid;
	return 0;
}

static int write_memory(
	const struct listener *l, const Vmrun__Agent__NotificationRequest *in, pid_t pid)
{
	AUTO_CLOSE int mem = -1;

	if (in->n_memory == 0)
		return 0;
	mem = target_open(pid);
	/* What was opened is the target's only if it is still there, see seccomp_unotify(2). */
	if (mem < 0 || !is_valid(l, in->id))
		return ENOENT;
	return -target_write(mem, in->memory, in->n_memory);
}

static int answer(const struct listener *l, const Vmrun__Agent__NotificationRequest *in)
{
	struct seccomp_notif_resp resp = {
		.id = in->id,
		.val = in->val,
		.error = in->error,
		.flags = in->flags,
	};
	pid_t pid = target_of(l, in->id);
	int error = pid ? write_memory(l, in, pid) : ENOENT;

	if (error)
		return error;
	return ioctl(l->fd, SECCOMP_IOCTL_NOTIF_SEND, &resp) < 0 ? errno : 0;
}

void listener_answer(
	struct listener *l, const Vmrun__Agent__NotificationRequest *in, struct rpc_request *r)
{
	conclude(l, in->id, l ? answer(l, in) : ENOENT, r);
}

void listener_conn_closed(struct listener *l, const struct rpc_conn *conn)
{
	if (!l)
		return;
	parked_drop_conn(&l->waiting, conn);
	if (l->owner == conn)
		close_listener(l);
	else
		arm(l);
}
