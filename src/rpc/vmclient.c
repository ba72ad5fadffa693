/* Talking to vmrun-vm: see vmclient.h. */
#include "rpc/vmclient.h"

#include "base/auto.h"
#include "base/fd.h"

#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <time.h>

#define REPLY_TIMEOUT_MS 120000

int vmclient_connect(int dirfd, struct err *err)
{
	struct sockaddr_un addr = { .sun_family = AF_UNIX };
	AUTO_CLOSE int fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0);

	if (fd < 0)
		return err_sys(err, errno, "socket");
	/* Through the descriptor, because a socket's path may have 107 bytes only. */
	snprintf(addr.sun_path, sizeof(addr.sun_path), "/proc/self/fd/%d/ctl.sock", dirfd);
	if (connect(fd, (struct sockaddr *)&addr, sizeof(addr)) < 0)
		return err_set(err, ESRCH, "its virtual machine is not running");
	return steal_fd(&fd);
}

int vmclient_send(
	int ctl, const struct vmctl_request *req, const int *fds, unsigned n, struct err *err)
{
	int r = fd_send(ctl, req, sizeof(*req), fds, n);

	return r < 0 ? err_sys(err, -r, "cannot reach vmrun-vm") : 0;
}

static int64_t now_ms(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (int64_t)ts.tv_sec * 1000 + ts.tv_nsec / 1000000;
}

static int wait_readable(int fd, unsigned timeout_ms)
{
	int64_t deadline = now_ms() + timeout_ms;
	struct pollfd p = { .fd = fd, .events = POLLIN };

	for (;;) {
		int64_t left = timeout_ms ? deadline - now_ms() : -1;
		int n;

		if (timeout_ms && left <= 0)
			return -ETIMEDOUT;
		n = poll(&p, 1, (int)left);
		if (n > 0)
			return 0;
		if (n < 0 && errno != EINTR)
			return -errno;
	}
}

int vmclient_receive(
	int ctl, unsigned timeout_ms, struct vmctl_reply *ret, int *fd, struct err *err)
{
	unsigned n = 1;
	ssize_t got;
	int r = wait_readable(ctl, timeout_ms);

	*fd = -1;
	if (r == -ETIMEDOUT)
		return err_set(err, ETIMEDOUT, "vmrun-vm did not answer within %u ms", timeout_ms);
	if (r < 0)
		return err_sys(err, -r, "vmrun-vm");
	got = fd_recv(ctl, ret, sizeof(*ret), fd, &n);
	if (got == 0 || got == -ECONNRESET)
		return err_set(err, EPIPE, "vmrun-vm has ended");
	if (got != (ssize_t)sizeof(*ret))
		return err_set(err, EPROTO, "vmrun-vm sent a malformed message");
	ret->msg[sizeof(ret->msg) - 1] = '\0';
	return 0;
}

int vmclient_reply(int ctl, struct err *err)
{
	struct vmctl_reply reply;

	do {
		int fd, r = vmclient_receive(ctl, REPLY_TIMEOUT_MS, &reply, &fd, err);

		if (r < 0)
			return r;
		close_fd(&fd);
	} while (reply.kind != VMCTL_REPLY);
	if (reply.code > 0)
		return err_set(
			err, reply.code, "%s", reply.msg[0] ? reply.msg : strerror(reply.code));
	return 0;
}

int vmclient_dial_agent(int ctl, int *ret_fd, struct err *err)
{
	struct vmctl_request req = { .version = VMCTL_VERSION, .op = VMCTL_CONNECT };
	int sv[2], r;

	req.u.connect.port = VSOCK_PORT_RPC;
	req.u.connect.flags = VMCTL_TO_GUEST | VMCTL_FROM_GUEST;
	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, sv) < 0)
		return err_sys(err, errno, "socketpair");
	r = vmclient_send(ctl, &req, &sv[1], 1, err);
	close(sv[1]);
	if (r == 0)
		r = vmclient_reply(ctl, err);
	if (r < 0) {
		close(sv[0]);
		return err_prefix(err, "cannot reach the agent in the guest: ");
	}
	*ret_fd = sv[0];
	return 0;
}

int vmclient_own(int ctl, struct err *err)
{
	struct vmctl_request req = { .version = VMCTL_VERSION, .op = VMCTL_OWN };
	int r = vmclient_send(ctl, &req, NULL, 0, err);

	return r ? r : vmclient_reply(ctl, err);
}

int vmclient_agent(int dirfd, struct rpc_client **ret, struct err *err)
{
	AUTO_CLOSE int ctl = vmclient_connect(dirfd, err);
	int fd, r;

	if (ctl < 0)
		return ctl;
	r = vmclient_dial_agent(ctl, &fd, err);
	if (r < 0)
		return r;
	r = rpc_client_new(fd, ret);
	return r < 0 ? err_sys(err, -r, "agent") : 0;
}
