/*
 * vmrun-proxy: the anchor on the host of one process in the guest (see src/anchor/anchor.h). It is
 * the init of a pid namespace of its own. It waits for the process, passes signals on, and ends as
 * the process ends. When it is killed, its connection to the agent closes, and the agent kills the
 * process. One thread.
 */
#include "agent/calls.h"
#include "anchor/messages.h"
#include "base/auto.h"
#include "base/clock.h"
#include "base/fd.h"
#include "proxy/confine.h"
#include "proxy/deathnote.h"
#include "proxy/notify.h"
#include "proxy/oombell.h"
#include "proxy/relay.h"
#include "proxy/sd_notify.h"
#include "rpc/client.h"
#include "rpc/vmclient.h"

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/prctl.h>
#include <sys/signalfd.h>
#include <time.h>

#define STATUS_POD_DIED 137
#define STATUS_MAX	255
#define TIE_TIMEOUT_MS	30000
#define DRAIN_LIMIT_MS	10000
#define TELL_LIMIT_MS	200

struct proxy {
	struct anchor_msg msg;
	int fd[ANCHOR_FDS]; /* -1: not there */
	struct relay_socket *sockets;
	struct rpc_client *agent;
	int signal_fd;
	int told_fd; /* see notify.h, or -1 */
	bool tied;   /* the agent has taken note of us */
	bool ended;  /* the process, or its pod */
	struct err failed;
	uint32_t status;
	int64_t exited_at_ns;
	bool oom_killed;
	/* Of a container's first process: what happens to all of it. */
	struct oombell bell;
	uint64_t event; /* sequence number of the last event */
	bool oom_seen;
	struct sd_notify sd_notify;
	pid_t relays[2];
	int relay_done_fd; /* the end of file of all that they have passed on; -1: there is none */
};

static void on_wait_reply(void *arg, const ProtobufCMessage *reply, const struct err *err)
{
	const Vmrun__Agent__WaitResponse *w = (const Vmrun__Agent__WaitResponse *)reply;
	struct proxy *p = arg;
	struct timespec now;

	p->ended = true;
	if (w) {
		p->tied = true;
		p->status = w->status < STATUS_MAX ? w->status : STATUS_MAX;
		p->exited_at_ns = w->exited_at_ns;
		p->oom_killed = w->oom_killed;
		return;
	}
	/* The pod has died under the process. */
	p->failed = *err;
	clock_gettime(CLOCK_REALTIME, &now);
	p->status = STATUS_POD_DIED;
	p->exited_at_ns = (int64_t)now.tv_sec * 1000000000 + now.tv_nsec;
}

static void on_probe_reply(void *arg, const ProtobufCMessage *reply, const struct err *err)
{
	struct proxy *p = arg;

	/* Whatever the agent thinks of it, it has answered; a lost connection ends Wait too. */
	(void)reply;
	if (err->code != EPIPE && err->code != EPROTO)
		p->tied = true;
}

/* Nobody waits for the answers of signals and window sizes. */
static void ignore_reply(void *arg, const ProtobufCMessage *reply, const struct err *err)
{
	(void)arg;
	(void)reply;
	(void)err;
}

static int send_wait(struct proxy *p, struct err *err)
{
	Vmrun__Agent__WaitRequest in = VMRUN__AGENT__WAIT_REQUEST__INIT;

	in.container = p->msg.container;
	in.process = p->msg.process;
	in.anchor = true;
	return agent_begin_wait(p->agent, &in, on_wait_reply, p, err);
}

static int next_events(struct proxy *p, struct err *err);

/* The record is there while the container lives on; the bell rings at once. */
static void on_oom(struct proxy *p)
{
	struct err ignored = ERR_NONE;

	if (!p->oom_seen)
		(void)!file_replace(p->fd[ANCHOR_FD_RECORD], "oom", "", 0, 0600, &ignored);
	p->oom_seen = true;
	oombell_ring(&p->bell, clock_now_ms());
}

/* One that fails is not asked again: Wait will fail too, or the guest is none of ours. */
static void on_events(void *arg, const ProtobufCMessage *reply, const struct err *err)
{
	const Vmrun__Agent__NextEventsResponse *in =
		(const Vmrun__Agent__NextEventsResponse *)reply;
	struct err ignored = ERR_NONE;
	struct proxy *p = arg;

	(void)err;
	for (size_t i = 0; in && i < in->n_events; i++) {
		const Vmrun__Agent__Event *e = in->events[i];

		p->event = e->sequence;
		if (e->kind == VMRUN__AGENT__EVENT__KIND__OOM &&
			strcmp(e->container, p->msg.container) == 0)
			on_oom(p);
	}
	if (in && in->n_events && !p->ended)
		(void)!next_events(p, &ignored);
}

static int next_events(struct proxy *p, struct err *err)
{
	Vmrun__Agent__NextEventsRequest in = VMRUN__AGENT__NEXT_EVENTS_REQUEST__INIT;

	in.after = p->event;
	return agent_begin_next_events(p->agent, &in, on_events, p, err);
}

static int send_signal(struct proxy *p, uint32_t signo, rpc_done_fn *done, struct err *err)
{
	Vmrun__Agent__SignalRequest in = VMRUN__AGENT__SIGNAL_REQUEST__INIT;

	in.container = p->msg.container;
	in.process = p->msg.process;
	in.signal = signo;
	return agent_begin_signal(p->agent, &in, done, p, err);
}

/* A terminal whose user has not given it a size yet (0x0) leaves the guest's as it is. */
static void send_size(struct proxy *p)
{
	Vmrun__Agent__ResizeTerminalRequest in = VMRUN__AGENT__RESIZE_TERMINAL_REQUEST__INIT;
	int tty = p->fd[ANCHOR_FD_TTY];
	struct err ignored = ERR_NONE;
	struct winsize ws;

	if (tty < 0 || ioctl(tty, TIOCGWINSZ, &ws) < 0 || (ws.ws_row == 0 && ws.ws_col == 0))
		return;
	in.container = p->msg.container;
	in.process = p->msg.process;
	in.rows = ws.ws_row;
	in.columns = ws.ws_col;
	(void)!agent_begin_resize_terminal(p->agent, &in, ignore_reply, p, &ignored);
}

static void on_signal(struct proxy *p)
{
	struct signalfd_siginfo si;

	while (read(p->signal_fd, &si, sizeof(si)) == (ssize_t)sizeof(si)) {
		struct err ignored = ERR_NONE;

		if (si.ssi_signo == SIGWINCH)
			send_size(p);
		else if (si.ssi_signo != SIGCHLD && si.ssi_signo != SIGPIPE)
			(void)!send_signal(p, si.ssi_signo, ignore_reply, &ignored);
	}
}

static void turn(struct proxy *p, int timeout_ms)
{
	short notify = sd_notify_events(&p->sd_notify);
	struct pollfd fds[3] = {
		{ .fd = rpc_client_fd(p->agent), .events = rpc_client_events(p->agent) },
		{ .fd = p->signal_fd, .events = POLLIN },
		/* Not while nothing is to be sent: its end would be told again and again. */
		{ .fd = notify ? p->sd_notify.fd : -1, .events = notify },
	};

	if (poll(fds, ARRAY_LEN(fds), timeout_ms) <= 0)
		return;
	if (fds[1].revents)
		on_signal(p);
	if (fds[2].revents)
		sd_notify_writable(&p->sd_notify);
	if (fds[0].revents)
		(void)!rpc_client_process(p->agent);
}

/*
 * Wait has no answer yet, but whoever started us may let go of the process only when the agent has
 * taken us for its anchor. The agent takes the requests of a connection in order, so that any
 * answer to a later one says so: signal 0 changes nothing.
 */
static int tie(struct proxy *p, struct err *err)
{
	int64_t deadline = clock_now_ms() + TIE_TIMEOUT_MS, left;
	int r = send_wait(p, err);

	if (r == 0)
		send_size(p);
	if (r == 0 && p->fd[ANCHOR_FD_RECORD] >= 0)
		r = next_events(p, err);
	if (r == 0)
		r = sd_notify_start(&p->sd_notify, err);
	if (r == 0)
		r = send_signal(p, 0, on_probe_reply, err);
	if (r < 0)
		return r;
	while (!p->tied && !p->ended && (left = deadline - clock_now_ms()) > 0)
		turn(p, (int)left);
	if (p->failed.code) {
		*err = p->failed;
		return -err->code;
	}
	return p->tied ? 0
		       : err_set(err, ETIMEDOUT, "the agent did not answer within %d s",
				 TIE_TIMEOUT_MS / 1000);
}

/* The caller believes that all output is there when we end: each pipe closes after its last byte.
 */
static void wait_for_output(const struct proxy *p)
{
	int64_t deadline = clock_now_ms() + DRAIN_LIMIT_MS, left;

	for (unsigned i = ANCHOR_FD_DONE; i <= ANCHOR_FDS; i++) {
		struct pollfd fd = {
			.fd = i < ANCHOR_FDS ? p->fd[i] : p->relay_done_fd,
			.events = POLLIN,
		};

		while (fd.fd >= 0 && (left = deadline - clock_now_ms()) > 0 &&
			poll(&fd, 1, (int)left) <= 0)
			;
	}
}

/* A seccomp agent that listens sees the end as one of a container of the host's, not as a failure.
 */
static void wait_for_agent(const struct proxy *p)
{
	struct pollfd told = { .fd = p->told_fd, .events = POLLIN };

	if (told.fd >= 0 && !p->failed.code)
		(void)!poll(&told, 1, TELL_LIMIT_MS);
}

/* The agent says when there is no more. */
static void wait_for_notifications(struct proxy *p)
{
	int64_t deadline = clock_now_ms() + DRAIN_LIMIT_MS, left;

	while (p->sd_notify.active && !p->failed.code && (left = deadline - clock_now_ms()) > 0)
		turn(p, (int)left);
}

static void write_record(const struct proxy *p)
{
	struct err ignored = ERR_NONE;
	char line[64];
	int n = snprintf(line, sizeof(line), "%u %lld %d\n", p->status, (long long)p->exited_at_ns,
		p->oom_killed);

	(void)!file_replace(p->fd[ANCHOR_FD_RECORD], "exit", line, (size_t)n, 0600, &ignored);
}

static int oom_killed_on_host(void *arg)
{
	const struct proxy *p = arg;

	return oombell_strange_kills(&p->bell) > 0;
}

/* All that callers may look at once we have ended. */
static void leave_records(struct proxy *p)
{
	struct deathnote note = {
		.ctl = p->fd[ANCHOR_FD_CTL],
		.log = p->fd[ANCHOR_FD_LOG],
		.record = p->fd[ANCHOR_FD_RECORD],
		.oom_killed = oom_killed_on_host,
		.arg = p,
		.at_ns = p->exited_at_ns,
	};

	/* Before the exit record, which says that there is nothing more to come. */
	if (p->failed.code)
		deathnote_write(&note);
	if (p->oom_killed && !p->oom_seen)
		oombell_ring(&p->bell, clock_now_ms());
	p->oom_killed |= p->oom_seen;
	oombell_settle(&p->bell, clock_now_ms());
	write_record(p);
}

/*
 * Where other containers hold the pod this is refused. Not waited for: a machine takes its time to
 * go, and nobody needs it gone to know the status.
 */
static void stop_pod(const struct proxy *p)
{
	struct vmctl_request stop = { .op = VMCTL_STOP };
	struct err ignored = ERR_NONE;

	(void)!vmclient_send(p->fd[ANCHOR_FD_CTL], &stop, NULL, 0, &ignored);
}

static int watch_signals(struct proxy *p)
{
	sigset_t all;

	/* As the init of a pid namespace we get no default actions: what is not read here is lost.
	 */
	sigfillset(&all);
	if (sigprocmask(SIG_BLOCK, &all, NULL) < 0)
		return -errno;
	/* Those who enter the namespace may leave orphans to its init: nobody asks for them. */
	signal(SIGCHLD, SIG_IGN);
	p->signal_fd = signalfd(-1, &all, SFD_CLOEXEC | SFD_NONBLOCK);
	return p->signal_fd < 0 ? -errno : 0;
}

static int receive_sockets(struct proxy *p)
{
	p->sockets = calloc(p->msg.sockets + 1UL, sizeof(*p->sockets));
	if (!p->sockets)
		return -ENOMEM;
	for (unsigned i = 0; i < p->msg.sockets; i++) {
		struct relay_socket *s = &p->sockets[i];
		struct anchor_socket_msg msg;
		unsigned n = 1;

		if (fd_recv(ANCHOR_SOCKET_FD, &msg, sizeof(msg), &s->fd, &n) !=
				(ssize_t)sizeof(msg) ||
			n != 1)
			return -EPROTO;
		memcpy(s->share, msg.share, sizeof(s->share) - 1);
		s->number = msg.number;
	}
	return 0;
}

/* -EPROTO: not our own caller. */
static int receive_msg(struct proxy *p)
{
	int fds[ANCHOR_FDS];
	unsigned n = ANCHOR_FDS, taken = 0;
	ssize_t got = fd_recv(ANCHOR_SOCKET_FD, &p->msg, sizeof(p->msg), fds, &n);

	if (got != (ssize_t)sizeof(p->msg) || p->msg.version != ANCHOR_MSG_VERSION)
		return -EPROTO;
	p->msg.container[ID_MAX] = p->msg.process[ID_MAX] = '\0';
	for (unsigned i = 0; i < ANCHOR_FDS; i++) {
		bool present = p->msg.present & 1U << i;

		if (present && taken == n)
			return -EPROTO;
		p->fd[i] = present ? fds[taken++] : -1;
	}
	if (taken != n || p->fd[ANCHOR_FD_AGENT] < 0)
		return -EPROTO;
	return p->msg.sockets ? receive_sockets(p) : 0;
}

/*
 * What the process has written to sockets is to reach them, too. Relays would wait for more
 * connections, and hold the pipe.
 */
static void end_relays(const struct proxy *p)
{
	for (size_t i = 0; i < ARRAY_LEN(p->relays); i++)
		if (p->relays[i] > 0)
			kill(p->relays[i], SIGKILL);
}

/* While we may: they keep less than we have now, and more than we. */
static int begin_relay(struct proxy *p, bool listening, int done_fd, struct err *err)
{
	enum anchor_fd agent = listening ? ANCHOR_FD_LISTEN_AGENT : ANCHOR_FD_RELAY_AGENT;
	enum anchor_fd ctl = listening ? ANCHOR_FD_LISTEN_CTL : ANCHOR_FD_RELAY_CTL;
	struct relay relay = {
		.container = p->msg.container,
		.process = p->msg.process,
		.agent_fd = p->fd[agent],
		.ctl_fd = p->fd[ctl],
		.done_fd = done_fd,
		.run = listening ? relay_run_listening : relay_run_bound,
	};
	AUTO_FREE struct relay_socket *sockets = calloc(p->msg.sockets + 1UL, sizeof(*sockets));
	int r;

	if (!sockets)
		return err_sys(err, ENOMEM, "relay");
	for (unsigned i = 0; i < p->msg.sockets; i++)
		if (listening == (p->sockets[i].number != 0))
			sockets[relay.count++] = p->sockets[i];
	relay.sockets = sockets;
	r = relay.count ? relay_start(&relay, &p->relays[listening], err) : 0;
	close_fd(&p->fd[agent]);
	close_fd(&p->fd[ctl]);
	return r;
}

static int begin_relays(struct proxy *p, struct err *err)
{
	AUTO_CLOSE int done = -1;
	int fds[2], r;

	if (pipe2(fds, O_CLOEXEC) < 0)
		return err_sys(err, errno, "relay");
	p->relay_done_fd = fds[0];
	done = fds[1];
	r = begin_relay(p, false, done, err);
	if (r == 0)
		r = begin_relay(p, true, done, err);
	for (unsigned i = 0; i < p->msg.sockets; i++)
		close_fd(&p->sockets[i].fd);
	return r;
}

static int begin_notify(struct proxy *p, struct err *err)
{
	struct notify notify = {
		.container = p->msg.container,
		.process = p->msg.process,
		.fuse = p->fd[ANCHOR_FD_NOTIFY_FUSE],
		.proc = p->fd[ANCHOR_FD_NOTIFY_PROC],
		.rpc = p->fd[ANCHOR_FD_NOTIFY_RPC],
		.mnt_ns = p->fd[ANCHOR_FD_NOTIFY_MNT_NS],
	};
	int r = notify.fuse >= 0 ? notify_start(&notify, &p->told_fd, err) : 0;

	for (int i = ANCHOR_FD_NOTIFY_FUSE; i <= ANCHOR_FD_NOTIFY_MNT_NS; i++)
		close_fd(&p->fd[i]);
	return r;
}

static int begin(struct proxy *p, struct err *err)
{
	int r = watch_signals(p);

	if (r < 0)
		return err_sys(err, -r, "vmrun-proxy");
	oombell_start(&p->bell, p->fd[ANCHOR_FD_MEMORY], p->msg.container);
	close_fd(&p->fd[ANCHOR_FD_MEMORY]);
	r = p->msg.sockets ? begin_relays(p, err) : 0;
	if (r == 0)
		r = begin_notify(p, err);
	if (r < 0)
		return r;
	r = confine(p->fd[ANCHOR_FD_RECORD], err);
	if (r < 0)
		return r;
	r = rpc_client_new(p->fd[ANCHOR_FD_AGENT], &p->agent);
	p->sd_notify = (struct sd_notify){
		.agent = p->agent,
		.container = p->msg.container,
		.fd = p->fd[ANCHOR_FD_SD_NOTIFY],
		.main_pid = p->msg.main_pid,
	};
	return r < 0 ? err_sys(err, -r, "vmrun-proxy") : tie(p, err);
}

static int report(const struct err *err)
{
	struct anchor_report report = { .code = err->code };

	memcpy(report.msg, err->msg, sizeof(report.msg));
	return fd_send(ANCHOR_SOCKET_FD, &report, sizeof(report), NULL, 0);
}

int main(void)
{
	static struct proxy p = { .told_fd = -1, .relay_done_fd = -1 };
	struct err err = ERR_NONE;

	/* It was run by descriptor, which makes a poor name. */
	prctl(PR_SET_NAME, "vmrun-proxy");
	if (receive_msg(&p) < 0) {
		static const char usage[] = "vmrun-proxy: this program is started by vmrun\n";

		(void)!fd_write_all(STDERR_FILENO, usage, sizeof(usage) - 1);
		return 2;
	}
	if (begin(&p, &err) == 0)
		prctl(PR_SET_PDEATHSIG, 0);
	/* Whoever started us is gone: then nobody knows us, and the process goes with us. */
	if (report(&err) < 0 || err.code)
		return 1;
	close(ANCHOR_SOCKET_FD);
	while (!p.ended)
		turn(&p, -1);
	end_relays(&p);
	wait_for_output(&p);
	wait_for_agent(&p);
	wait_for_notifications(&p);
	if (p.fd[ANCHOR_FD_RECORD] >= 0) {
		leave_records(&p);
		stop_pod(&p);
	}
	_exit((int)p.status);
}
