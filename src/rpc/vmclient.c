/* Talking to vmrun-vm: see vmclient.h. */
#include "rpc/vmclient.h"

#include "base/auto.h"
#include "base/clock.h"
#include "base/fd.h"

#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>

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

int vmclient_send(int ctl, struct vmctl_request *req, const int *fds, unsigned n, struct err *err)
{
	int r;

	req->size = (uint32_t)vmctl_request_size(req->op);
	r = fd_send(ctl, req, req->size, fds, n);
	if (r == -EPIPE || r == -ECONNRESET)
		return err_set(err, EPIPE, "vmrun-vm has ended");
	return r < 0 ? err_sys(err, -r, "cannot reach vmrun-vm") : 0;
}

static int wait_readable(int fd, unsigned timeout_ms)
{
	int64_t deadline = clock_now_ms() + timeout_ms;
	struct pollfd p = { .fd = fd, .events = POLLIN };

	for (;;) {
		int64_t left = timeout_ms ? deadline - clock_now_ms() : -1;
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
	uint8_t message[VMCTL_MESSAGE_MAX];
	unsigned n = 1;
	ssize_t got;
	int r = wait_readable(ctl, timeout_ms);

	*fd = -1;
	if (r == -ETIMEDOUT)
		return err_set(err, ETIMEDOUT, "vmrun-vm did not answer within %u ms", timeout_ms);
	if (r < 0)
		return err_sys(err, -r, "vmrun-vm");
	got = fd_recv(ctl, message, sizeof(message), fd, &n);
	if (got == 0 || got == -ECONNRESET)
		return err_set(err, EPIPE, "vmrun-vm has ended");
	if (got < 0 || vmctl_reply_read(message, (size_t)got, ret) < 0) {
		close_fd(fd);
		return err_set(err, EPROTO, "vmrun-vm sent a malformed message");
	}
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
		if (reply.kind == VMCTL_EVENT_READY)
			return err_set(err, EPROTO, "vmrun-vm has not answered a request");
		if (reply.kind == VMCTL_EVENT_ENDED)
			return err_set(err, EPIPE, "vmrun-vm has ended");
	} while (reply.kind != VMCTL_REPLY);
	if (reply.code > 0)
		return err_set(
			err, reply.code, "%s", reply.msg[0] ? reply.msg : strerror(reply.code));
	return 0;
}

static int ask(int ctl, struct vmctl_request *req, struct err *err)
{
	int r = vmclient_send(ctl, req, NULL, 0, err);

	return r ? r : vmclient_reply(ctl, err);
}

int vmclient_ask(int ctl, enum vmctl_op op, struct err *err)
{
	struct vmctl_request req = { .op = op };

	return ask(ctl, &req, err);
}

int vmclient_become(int ctl, enum vmctl_role role, struct err *err)
{
	struct vmctl_request req = { .op = VMCTL_ROLE, .u.role = role };

	return ask(ctl, &req, err);
}

int vmclient_send_stream(
	int ctl, uint64_t token, uint32_t flags, const int *fds, unsigned n, struct err *err)
{
	struct vmctl_request req = {
		.op = VMCTL_CONNECT,
		.u.connect = {
			.port = VSOCK_PORT_STREAM,
			.flags = flags,
			.preamble = token,
			.has_preamble = 1,
		},
	};

	return vmclient_send(ctl, &req, fds, n, err);
}

int vmclient_dial_agent(int ctl, int *ret_fd, struct err *err)
{
	struct vmctl_request req = { .op = VMCTL_CONNECT };
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
