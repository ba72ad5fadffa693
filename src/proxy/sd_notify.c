/* Notifications: see sd_notify.h. */
#include "proxy/sd_notify.h"

#include "agent/calls.h"

#include <poll.h>
#include <sys/socket.h>

static int ask(struct sd_notify *n, struct err *err);

/* A service manager that does not read holds up the container's notifications, and nothing else. */
static void send_pending(struct sd_notify *n)
{
	struct err ignored = ERR_NONE;

	if (n->pending_len &&
		send(n->fd, n->pending, n->pending_len, MSG_DONTWAIT | MSG_NOSIGNAL) < 0 &&
		(errno == EAGAIN || errno == EINTR || errno == ENOBUFS))
		return;
	n->pending_len = 0;
	n->active = ask(n, &ignored) == 0;
}

static void on_datagram(void *arg, const ProtobufCMessage *reply, const struct err *err)
{
	const Vmrun__Agent__NextSdNotifyResponse *in =
		(const Vmrun__Agent__NextSdNotifyResponse *)reply;
	struct sd_notify *n = arg;

	(void)err;
	n->active = in;
	if (!in)
		return;
	n->pending_len =
		sd_notify_filter(in->datagram.data, in->datagram.len, n->main_pid, n->pending);
	send_pending(n);
}

static int ask(struct sd_notify *n, struct err *err)
{
	Vmrun__Agent__ContainerRequest in = VMRUN__AGENT__CONTAINER_REQUEST__INIT;

	in.container = (char *)(uintptr_t)n->container;
	return agent_begin_next_sd_notify(n->agent, &in, on_datagram, n, err);
}

int sd_notify_start(struct sd_notify *n, struct err *err)
{
	int r = n->fd < 0 ? 0 : ask(n, err);

	n->active = r == 0 && n->fd >= 0;
	return r;
}

short sd_notify_events(const struct sd_notify *n)
{
	return n->pending_len ? POLLOUT : 0;
}

void sd_notify_writable(struct sd_notify *n)
{
	send_pending(n);
}
