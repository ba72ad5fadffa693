/* The server of a listener's file: see notify_server.h. One thread. */
#include "proxy/notify_server.h"

#include "agent/calls.h"
#include "base/auto.h"
#include "proxy/given.h"
#include "proxy/notify_file.h"

#include <poll.h>
#include <stdnoreturn.h>
#include <string.h>
#include <sys/ioctl.h>

/* Threads of the seccomp agent that may wait for a notification at the same time. */
#define RECEIVERS_MAX 64
/* Asked of the agent in the guest at the same time, so that NextNotification is among what it
 * takes. */
#define QUESTIONS_MAX 32

struct notify_server {
	const struct notify *n;
	struct rpc_client *rpc;
	struct given_table given;
	uint64_t receivers[RECEIVERS_MAX]; /* requests, the first came first */
	unsigned receiver_count;
	unsigned questions;
	uint64_t poll_handle;
	bool polled; /* there is a poll_handle */
	bool opened;
	bool asked; /* the agent, for the next one */
	bool ended; /* there will be none any more */
	int told;   /* closes when somebody knows that */
};

/* A question to the agent on behalf of a request; unique 0: of nobody's. */
struct question {
	struct notify_server *s;
	uint64_t unique, id;
	bool answers;
};

/* A method of the agent that is about one notification. */
typedef int call_fn(struct rpc_client *client, const Vmrun__Agent__NotificationRequest *in,
	rpc_done_fn *done, void *arg, struct err *err);

static noreturn void give_up(void)
{
	_exit(1);
}

static void make_request(struct notify_server *s, Vmrun__Agent__NotificationRequest *in)
{
	vmrun__agent__notification_request__init(in);
	in->container = (char *)(uintptr_t)s->n->container;
	in->process = (char *)(uintptr_t)s->n->process;
}

static void start_call(struct notify_server *s, call_fn *call,
	const Vmrun__Agent__NotificationRequest *in, rpc_done_fn *done, void *arg)
{
	struct err err = ERR_NONE;

	if (call(s->rpc, in, done, arg, &err) < 0)
		give_up();
}

/* ---- the guest's notifications ---- */

static void wake(struct notify_server *s)
{
	if (s->polled)
		notify_file_wake(s->n->fuse, s->poll_handle);
}

static uint64_t take_receiver(struct notify_server *s, unsigned i)
{
	uint64_t unique = s->receivers[i];

	s->receiver_count--;
	memmove(&s->receivers[i], &s->receivers[i + 1],
		(s->receiver_count - i) * sizeof(s->receivers[0]));
	return unique;
}

/* Those who wait get what is there. */
static void hand_out(struct notify_server *s)
{
	while (s->receiver_count) {
		struct given *g = given_in_state(&s->given, GIVEN_READY);

		if (g) {
			g->state = GIVEN_SENT;
			notify_file_ioctl_reply(
				s->n->fuse, take_receiver(s, 0), &g->notif, sizeof(g->notif));
		} else if (s->ended) {
			notify_file_error(s->n->fuse, take_receiver(s, 0), ENOENT);
			close_fd(&s->told);
		} else {
			return;
		}
	}
}

static void on_answer(void *arg, const ProtobufCMessage *reply, const struct err *err);

static int ask_about(struct notify_server *s, call_fn *call, uint64_t unique,
	Vmrun__Agent__NotificationRequest *in)
{
	struct question *q = calloc(1, sizeof(*q));

	if (!q)
		return -ENOMEM;
	*q = (struct question){ .s = s, .unique = unique, .id = in->id };
	q->answers = call == agent_begin_answer_notification;
	s->questions++;
	start_call(s, call, in, on_answer, q);
	return 0;
}

/* Without a stand-in there is nothing to decide on: as if nobody listened. */
static void refuse(struct notify_server *s, uint64_t id)
{
	Vmrun__Agent__NotificationRequest in;

	make_request(s, &in);
	in.id = id;
	in.error = -ENOSYS;
	if (ask_about(s, agent_begin_answer_notification, 0, &in) < 0)
		give_up();
}

static void add_given(struct notify_server *s, const struct notification *n)
{
	int r = given_add(&s->given, s->n->proc, n);

	/* Our agent tells no more of them, and none twice. */
	if (r == -EPROTO)
		give_up();
	if (r < 0)
		refuse(s, n->notif.id);
}

static void on_next(void *arg, const ProtobufCMessage *reply, const struct err *err);

/* One ahead, so that poll(2) can tell. */
static void ask(struct notify_server *s)
{
	Vmrun__Agent__NotificationRequest in;

	if (s->asked || s->ended || !s->opened || given_in_state(&s->given, GIVEN_READY))
		return;
	s->asked = true;
	make_request(s, &in);
	start_call(s, agent_begin_next_notification, &in, on_next, s);
}

static void on_next(void *arg, const ProtobufCMessage *reply, const struct err *err)
{
	const Vmrun__Agent__NextNotificationResponse *in =
		(const Vmrun__Agent__NextNotificationResponse *)reply;
	struct notify_server *s = arg;
	struct notification n;

	(void)err;
	s->asked = false;
	if (!in || (!in->ended && notification_take(in, &n) < 0))
		give_up();
	s->ended = in->ended;
	for (size_t i = 0; !in->ended && i < in->n_gone; i++) {
		struct given *g = given_by_id(&s->given, in->gone[i]);

		if (g)
			given_end(g);
	}
	if (!in->ended)
		add_given(s, &n);
	hand_out(s);
	wake(s);
	ask(s);
}

/* ---- the seccomp agent's requests ---- */

static void on_answer(void *arg, const ProtobufCMessage *reply, const struct err *err)
{
	const Vmrun__Agent__NotificationResult *in =
		(const Vmrun__Agent__NotificationResult *)reply;
	struct question *q = arg;
	struct notify_server *s = q->s;
	struct given *g = given_by_id(&s->given, q->id);
	/* No answer: the agent has too much to do, or its end is ours. */
	int error = in ? (int)(in->error & 0xfff) : EAGAIN;

	(void)err;
	s->questions--;
	/* It has its answer, or its target is gone. */
	if (g && ((q->answers && error == 0) || error == ENOENT))
		given_end(g);
	if (q->unique && error)
		notify_file_error(s->n->fuse, q->unique, error);
	else if (q->unique)
		notify_file_ioctl_reply(s->n->fuse, q->unique, NULL, 0);
	free(q);
	ask(s);
}

/* Answers come when they come, others are served meanwhile. */
static int pass_on(struct notify_server *s, call_fn *call, const struct notify_file_request *r,
	const struct seccomp_notif_resp *resp)
{
	static struct changes changes;
	struct given *g = given_by_id(&s->given, resp->id);
	Vmrun__Agent__NotificationRequest in;

	if (!g || g->state != GIVEN_SENT)
		return -ENOENT;
	if (s->questions == QUESTIONS_MAX)
		return -EAGAIN;
	changes.n = 0;
	/* In one that somebody has killed nothing was written. */
	if (call == agent_begin_answer_notification && given_changes(g, &changes) == -E2BIG)
		return -E2BIG;
	make_request(s, &in);
	in.id = resp->id;
	in.val = resp->val;
	in.error = resp->error;
	in.flags = resp->flags;
	in.memory = changes.list;
	in.n_memory = changes.n;
	return ask_about(s, call, r->unique, &in);
}

/* The kernel wants zeroes there, too. */
static int do_receive(struct notify_server *s, const struct notify_file_request *r)
{
	static const struct seccomp_notif zeroes;
	struct seccomp_notif given;
	int e = notify_file_ioctl_data(r, &given, sizeof(given));

	if (e < 0 || memcmp(&given, &zeroes, sizeof(given)) != 0)
		return -EINVAL;
	if (s->receiver_count == RECEIVERS_MAX)
		return -EBUSY;
	s->receivers[s->receiver_count++] = r->unique;
	hand_out(s);
	ask(s);
	return 0;
}

static int do_send(struct notify_server *s, const struct notify_file_request *r)
{
	struct seccomp_notif_resp resp;
	int e = notify_file_ioctl_data(r, &resp, sizeof(resp));

	if (e < 0)
		return e;
	if (resp.flags & ~SECCOMP_USER_NOTIF_FLAG_CONTINUE)
		return -EINVAL;
	if ((resp.flags & SECCOMP_USER_NOTIF_FLAG_CONTINUE) && (resp.error || resp.val))
		return -EINVAL;
	return pass_on(s, agent_begin_answer_notification, r, &resp);
}

static int do_valid(struct notify_server *s, const struct notify_file_request *r)
{
	struct seccomp_notif_resp about = { 0 };
	int e = notify_file_ioctl_data(r, &about.id, sizeof(about.id));

	return e < 0 ? e : pass_on(s, agent_begin_notification_valid, r, &about);
}

/* A file of the host's cannot become one of the guest's. */
static int do_add_fd(struct notify_server *s, const struct notify_file_request *r)
{
	(void)s;
	(void)r;
	return -EOPNOTSUPP;
}

static const struct {
	uint32_t cmd;
	int (*handle)(struct notify_server *s, const struct notify_file_request *r);
} ioctls[] = {
	{ SECCOMP_IOCTL_NOTIF_RECV, do_receive },
	{ SECCOMP_IOCTL_NOTIF_SEND, do_send },
	{ SECCOMP_IOCTL_NOTIF_ID_VALID, do_valid },
	{ SECCOMP_IOCTL_NOTIF_ADDFD, do_add_fd },
};

/* As the kernel: EINVAL for what it does not know. */
static void on_ioctl(struct notify_server *s, const struct notify_file_request *r)
{
	struct fuse_ioctl_in in;
	int e = -EINVAL;

	memcpy(&in, r->arg, sizeof(in));
	for (size_t i = 0; i < ARRAY_LEN(ioctls); i++)
		if (ioctls[i].cmd == in.cmd)
			e = ioctls[i].handle(s, r);
	if (e < 0)
		notify_file_error(s->n->fuse, r->unique, -e);
}

static void on_poll(struct notify_server *s, const struct notify_file_request *r)
{
	struct fuse_poll_out out = { 0 };
	struct fuse_poll_in in;

	memcpy(&in, r->arg, sizeof(in));
	if (in.flags & FUSE_POLL_SCHEDULE_NOTIFY) {
		s->poll_handle = in.kh;
		s->polled = true;
	}
	if (given_in_state(&s->given, GIVEN_READY))
		out.revents |= POLLIN | POLLRDNORM;
	if (given_in_state(&s->given, GIVEN_SENT))
		out.revents |= POLLOUT | POLLWRNORM;
	if (s->ended)
		out.revents |= POLLHUP;
	notify_file_reply(s->n->fuse, r->unique, &out, sizeof(out));
	if (s->ended)
		close_fd(&s->told);
}

/* Who waits for a notification stops waiting; the others have their answers soon. */
static void on_interrupt(struct notify_server *s, const struct notify_file_request *r)
{
	struct fuse_interrupt_in in;

	memcpy(&in, r->arg, sizeof(in));
	for (unsigned i = 0; i < s->receiver_count; i++) {
		if (s->receivers[i] != in.unique)
			continue;
		notify_file_error(s->n->fuse, take_receiver(s, i), EINTR);
		return;
	}
}

static void on_request(struct notify_server *s, const struct notify_file_request *r)
{
	if (notify_file_answer(s->n->fuse, r, &s->opened)) {
		ask(s);
		return;
	}
	switch (r->opcode) {
	case FUSE_IOCTL:
		on_ioctl(s, r);
		break;
	case FUSE_POLL:
		on_poll(s, r);
		break;
	case FUSE_INTERRUPT:
		on_interrupt(s, r);
		break;
	case FUSE_RELEASE:
	case FUSE_DESTROY:
		/* The last copy is closed. Our end is that of the guest's listener. */
		notify_file_error(s->n->fuse, r->unique, 0);
		_exit(0);
	default:
		notify_file_error(s->n->fuse, r->unique, ENOSYS);
	}
}

void notify_server_read(struct notify_server *s)
{
	static uint8_t bytes[NOTIFY_FILE_REQUEST_BYTES];
	struct notify_file_request r;
	ssize_t n = read(s->n->fuse, bytes, sizeof(bytes));

	if (n < 0 && (errno == EAGAIN || errno == EINTR || errno == ENOENT))
		return;
	if (n <= 0 || notify_file_parse(bytes, (size_t)n, &r) < 0)
		give_up();
	on_request(s, &r);
}

struct notify_server *notify_server_new(const struct notify *n, struct rpc_client *rpc, int told)
{
	struct notify_server *s = calloc(1, sizeof(*s));

	if (!s)
		return NULL;
	s->n = n;
	s->rpc = rpc;
	s->told = told;
	return s;
}
