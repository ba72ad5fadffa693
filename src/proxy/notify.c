/* The process that serves a listener's file: see notify.h. */
#include "proxy/notify.h"

#include "base/auto.h"
#include "base/fd.h"
#include "proxy/confine.h"
#include "proxy/helper.h"
#include "proxy/notify_server.h"
#include "rpc/client.h"

#include <fcntl.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <stdnoreturn.h>
#include <sys/prctl.h>

#define FIRST_FD 3

static noreturn void serve(const struct notify *n, struct rpc_client *rpc, int told)
{
	struct notify_server *s = notify_server_new(n, rpc, told);

	while (s) {
		struct pollfd fds[2] = {
			{ .fd = n->fuse, .events = POLLIN },
			{ .fd = rpc_client_fd(rpc), .events = rpc_client_events(rpc) },
		};

		if ((poll(fds, ARRAY_LEN(fds), -1) < 0 && errno != EINTR) ||
			(fds[1].revents && rpc_client_process(rpc) < 0))
			break;
		if (fds[0].revents)
			notify_server_read(s);
	}
	_exit(1);
}

/* The proxy's pipes and its caller's socket end with the proxy, not with us. */
static void keep_only(struct notify *n, int *told)
{
	int fds[] = { n->fuse, n->proc, n->rpc, *told };

	for (unsigned i = 0; i < ARRAY_LEN(fds); i++)
		fds[i] = fcntl(fds[i], F_DUPFD_CLOEXEC, FIRST_FD + (int)ARRAY_LEN(fds));
	for (unsigned i = 0; i < ARRAY_LEN(fds); i++)
		if (fds[i] < 0 || dup3(fds[i], FIRST_FD + (int)i, O_CLOEXEC) < 0)
			_exit(1);
	n->fuse = FIRST_FD;
	n->proc = FIRST_FD + 1;
	n->rpc = FIRST_FD + 2;
	*told = FIRST_FD + 3;
	fds_close_from(FIRST_FD + (int)ARRAY_LEN(fds));
}

static void child(const void *arg, int told)
{
	struct notify n = *(const struct notify *)arg;
	struct rpc_client *rpc;
	struct err err = ERR_NONE;

	prctl(PR_SET_NAME, "vmrun-notify");
	if (prctl(PR_SET_PDEATHSIG, SIGKILL) < 0 ||
		(n.mnt_ns >= 0 && setns(n.mnt_ns, CLONE_NEWNS) < 0) ||
		fd_set_nonblock(n.fuse, true) < 0 || fd_write_all(told, "r", 1) < 0)
		return;
	keep_only(&n, &told);
	if (confine_notify(&err) < 0 || rpc_client_new(n.rpc, &rpc) < 0)
		return;
	serve(&n, rpc, told);
}

int notify_start(const struct notify *n, int *ret_told, struct err *err)
{
	pid_t pid;
	int r = helper_start(child, n, &pid, ret_told);

	return r < 0 ? err_set(err, -r, "cannot serve the seccomp listener's stand-in") : 0;
}
