/* Asking the guest to forget files: see forget.h. FUSE has no request for it; the agent has. */
#include "vm/forget.h"

#include "base/fd.h"
#include "base/log.h"
#include "rpc/ports.h"
#include "vm/vm.h"

#include <string.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <unistd.h>

static void asked(void *arg, int code)
{
	(void)arg;
	if (code)
		log_debug("the guest cannot be asked to forget files: %s", strerror(code));
}

/* The connection is the message: our end is closed at once. */
static void on_ask(void *arg, int fd, uint32_t events)
{
	struct vm *vm = arg;
	struct vsock_host_end end = { .done_fd = -1, .to_guest = true };
	uint64_t count;
	int sv[2];

	(void)events;
	(void)!read(fd, &count, sizeof(count));
	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, sv) < 0)
		return;
	close(sv[1]);
	end.fd = sv[0];
	if (vsock_connect(vm->devices.vsock, VSOCK_PORT_FORGET, &end, asked, NULL) < 0)
		log_debug("the guest cannot be asked to forget files");
}

int forget_init(struct vm *vm)
{
	vm->forget_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	if (vm->forget_fd < 0)
		return -errno;
	return loop_fd_add(
		vm->loop, "forget", vm->forget_fd, EPOLLIN, on_ask, vm, &vm->forget_watch);
}

void forget_ask(void *arg)
{
	struct vm *vm = arg;
	uint64_t one = 1;

	(void)!write(vm->forget_fd, &one, sizeof(one));
}
