/* Dialling the agent: see guest_dial.h. */
#include "vm/guest_dial.h"

#include "base/auto.h"

#include <sys/socket.h>

int guest_dial(
	struct vsock *v, uint32_t port, bool answers, vsock_connected_fn *fn, void *arg, int *ret)
{
	struct vsock_host_end end = { .done_fd = -1, .to_guest = true, .from_guest = answers };
	int sv[2], r;

	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, sv) < 0)
		return -errno;
	end.fd = sv[0];
	r = vsock_connect(v, port, &end, fn, arg);
	if (r < 0)
		close_fd(&sv[1]);
	else
		*ret = sv[1];
	return r;
}
