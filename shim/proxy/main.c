/*
 * vmrun-proxy: the anchor on the host of one process in the guest (see src/pod/anchor.h and
 * anchorfd.h). It waits for that process, passes signals on, and ends as it ends. When it is
 * killed, its connection to the agent closes, and the agent kills the process.
 */
#include "agent/agent.pb-c.h"
#include "base/auto.h"
#include "base/fd.h"
#include "base/str.h"
#include "pod/anchorfd.h"
#include "rpc/client.h"
#include "rpc/vmctl.h"

#include <linux/capability.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/prctl.h>
#include <sys/signalfd.h>
#include <sys/syscall.h>
#include <time.h>

#define STATUS_POD_DIED 137
#define DRAIN_LIMIT_MS	10000
#define DONE_MAX	3

struct proxy {
	char *container, *process;
	bool stop_pod, record, tty;
	unsigned done_count;
	struct rpc_client *agent;
	int signal_fd;
	bool ended;
	uint32_t status;
	int64_t exited_at_ns;
	bool oom_killed;
};

static const ProtobufCServiceDescriptor *const api = &vmrun__agent__agent__descriptor;

static void on_exit_status(void *arg, const ProtobufCMessage *reply, const struct err *err)
{
	const Vmrun__Agent__WaitResponse *w = (const Vmrun__Agent__WaitResponse *)reply;
	struct proxy *p = arg;
	struct timespec now;

	(void)err;
	p->ended = true;
	if (w) {
		p->status = w->status;
		p->exited_at_ns = w->exited_at_ns;
		p->oom_killed = w->oom_killed;
		return;
	}
	/* No answer: the pod has died under the process. */
	clock_gettime(CLOCK_REALTIME, &now);
	p->status = STATUS_POD_DIED;
	p->exited_at_ns = (int64_t)now.tv_sec * 1000000000 + now.tv_nsec;
}

static int send_wait(struct proxy *p, struct err *err)
{
	Vmrun__Agent__WaitRequest in = VMRUN__AGENT__WAIT_REQUEST__INIT;

	in.container = p->container;
	in.process = p->process;
	in.anchor = true;
	return rpc_call_start(p->agent, api, "Wait", &in.base, on_exit_status, p, err);
}

/* Nobody waits for the answers of signals and resizes. */
static void ignore_reply(void *arg, const ProtobufCMessage *reply, const struct err *err)
{
	(void)arg;
	(void)reply;
	(void)err;
}

static void send_signal(struct proxy *p, uint32_t signo)
{
	Vmrun__Agent__SignalRequest in = VMRUN__AGENT__SIGNAL_REQUEST__INIT;
	struct err err = ERR_NONE;

	in.container = p->container;
	in.process = p->process;
	in.signal = signo;
	(void)!rpc_call_start(p->agent, api, "Signal", &in.base, ignore_reply, NULL, &err);
}

static void send_size(struct proxy *p)
{
	Vmrun__Agent__ResizeTerminalRequest in = VMRUN__AGENT__RESIZE_TERMINAL_REQUEST__INIT;
	struct err err = ERR_NONE;
	struct winsize ws;

	if (!p->tty || ioctl(ANCHOR_FD_TTY, TIOCGWINSZ, &ws) < 0)
		return;
	in.container = p->container;
	in.process = p->process;
	in.rows = ws.ws_row;
	in.columns = ws.ws_col;
	(void)!rpc_call_start(p->agent, api, "ResizeTerminal", &in.base, ignore_reply, NULL, &err);
}

static void on_signal(struct proxy *p)
{
	struct signalfd_siginfo si;

	while (read(p->signal_fd, &si, sizeof(si)) == (ssize_t)sizeof(si)) {
		if (si.ssi_signo == SIGWINCH)
			send_size(p);
		else if (si.ssi_signo != SIGCHLD && si.ssi_signo != SIGPIPE)
			send_signal(p, si.ssi_signo);
	}
}

static void wait_for_end(struct proxy *p)
{
	struct pollfd fds[2] = {
		{ .fd = rpc_client_fd(p->agent), .events = POLLIN },
		{ .fd = p->signal_fd, .events = POLLIN },
	};

	while (!p->ended) {
		if (poll(fds, 2, -1) < 0)
			continue;
		if (fds[1].revents)
			on_signal(p);
		if (fds[0].revents)
			(void)!rpc_client_process(p->agent);
	}
}

static int64_t now_ms(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (int64_t)ts.tv_sec * 1000 + ts.tv_nsec / 1000000;
}

/* The caller believes that all output is there when we end: each pipe closes after its last byte.
 */
static void wait_for_output(const struct proxy *p)
{
	int64_t deadline = now_ms() + DRAIN_LIMIT_MS;

	for (unsigned i = 0; i < p->done_count; i++) {
		struct pollfd fd = { .fd = ANCHOR_FD_DONE + (int)i, .events = POLLIN };
		int64_t left;

		while ((left = deadline - now_ms()) > 0 && poll(&fd, 1, (int)left) <= 0)
			;
	}
}

static void write_record(const struct proxy *p)
{
	struct err err = ERR_NONE;
	char line[64];
	int n = snprintf(line, sizeof(line), "%u %lld %d\n", p->status, (long long)p->exited_at_ns,
		p->oom_killed);

	(void)!file_replace(ANCHOR_FD_RECORD, "exit", line, (size_t)n, 0600, &err);
}

/* Not waited for: a VM takes its time to go, and nobody needs it gone to know the status. */
static void stop_pod(void)
{
	static struct vmctl_request stop = { .version = VMCTL_VERSION, .op = VMCTL_STOP };

	(void)!fd_send(ANCHOR_FD_CONTROL, &stop, sizeof(stop), NULL, 0);
}

static int watch_signals(struct proxy *p)
{
	sigset_t all;

	/* As the init of a pid namespace we get no default actions: what is not read here is lost.
	 */
	sigfillset(&all);
	if (sigprocmask(SIG_BLOCK, &all, NULL) < 0)
		return -errno;
	p->signal_fd = signalfd(-1, &all, SFD_CLOEXEC | SFD_NONBLOCK);
	return p->signal_fd < 0 ? -errno : 0;
}

static int drop_privileges(void)
{
	struct __user_cap_header_struct head = { .version = _LINUX_CAPABILITY_VERSION_3 };
	struct __user_cap_data_struct none[2] = { { 0 }, { 0 } };

	if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0 || syscall(SYS_capset, &head, none) < 0)
		return -errno;
	return 0;
}

static int begin(struct proxy *p, struct err *err)
{
	int r = watch_signals(p);

	if (r == 0)
		r = drop_privileges();
	if (r == 0)
		r = rpc_client_new(ANCHOR_FD_AGENT, &p->agent);
	if (r < 0)
		return err_sys(err, -r, "vmrun-proxy");
	return send_wait(p, err);
}

static int parse(struct proxy *p, int argc, char **argv)
{
	uint64_t done;

	if (argc != 5 || str_to_u64(argv[4], &done) < 0 || done > DONE_MAX)
		return -EINVAL;
	p->container = argv[1];
	p->process = argv[2];
	p->stop_pod = strchr(argv[3], ANCHOR_FLAG_STOP_POD);
	p->record = strchr(argv[3], ANCHOR_FLAG_RECORD);
	p->tty = strchr(argv[3], ANCHOR_FLAG_TTY);
	p->done_count = (unsigned)done;
	return 0;
}

int main(int argc, char **argv)
{
	struct proxy p = { 0 };
	struct err err = ERR_NONE;
	char code = ANCHOR_READY;

	if (parse(&p, argc, argv) < 0) {
		static const char usage[] = "vmrun-proxy: this program is started by vmrun\n";

		(void)!write(2, usage, sizeof(usage) - 1);
		return 2;
	}
	if (begin(&p, &err) < 0) {
		code = ANCHOR_ERROR;
		(void)!fd_write_all(ANCHOR_FD_READY, &code, 1);
		(void)!fd_write_all(ANCHOR_FD_READY, err.msg, strlen(err.msg));
		return 1;
	}
	send_size(&p);
	/* From here on we outlive whoever started us. */
	prctl(PR_SET_PDEATHSIG, 0);
	(void)!fd_write_all(ANCHOR_FD_READY, &code, 1);
	close(ANCHOR_FD_READY);
	wait_for_end(&p);
	wait_for_output(&p);
	if (p.record)
		write_record(&p);
	if (p.stop_pod)
		stop_pod();
	_exit((int)p.status);
}
