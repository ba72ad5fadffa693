/* The stream of changes by the host: see share_events.h. */
#include "vm/share_events.h"

#include "base/auto.h"
#include "base/log.h"
#include "rpc/ports.h"
#include "vm/vm.h"

#include <string.h>
#include <sys/eventfd.h>
#include <sys/socket.h>

/* A stream that the guest has refused has ended; the device asks for another in time. */
static void connected(void *arg, int code)
{
	struct vm *vm = arg;

	if (!code)
		return;
	log_debug("the guest takes no events of shares: %s", strerror(code));
	fs_events_stream(vm->devices.volumes, -1);
}

static void on_ask(void *arg, int fd, uint32_t events)
{
	struct vm *vm = arg;
	struct vsock_host_end end = { .done_fd = -1, .to_guest = true };
	uint64_t count;
	int sv[2];

	(void)events;
	(void)!read(fd, &count, sizeof(count));
	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, sv) < 0)
		return;
	end.fd = sv[0];
	fs_events_stream(vm->devices.volumes, sv[1]);
	if (vsock_connect(vm->devices.vsock, VSOCK_PORT_SHARE_EVENTS, &end, connected, vm) < 0)
		fs_events_stream(vm->devices.volumes, -1);
}

int share_events_init(struct vm *vm)
{
	vm->share_events_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	if (vm->share_events_fd < 0)
		return -errno;
	return loop_fd_add(vm->loop, "share events", vm->share_events_fd, EPOLLIN, on_ask, vm,
		&vm->share_events_watch);
}

void share_events_ask(void *arg)
{
	struct vm *vm = arg;
	uint64_t one = 1;

	(void)!write(vm->share_events_fd, &one, sizeof(one));
}
