/* Asking the guest to forget files: see forget.h. FUSE has no request for it; the agent has. */
#include "vm/forget.h"

#include "base/auto.h"
#include "base/log.h"
#include "rpc/ports.h"
#include "vm/guest_dial.h"
#include "vm/vm.h"

#include <string.h>

static void asked(void *arg, int code)
{
	(void)arg;
	if (code)
		log_debug("the guest cannot be asked to forget files: %s", strerror(code));
}

/* The connection is the message: our end is closed at once. */
static void ask(void *arg)
{
	struct vm *vm = arg;
	int fd, r = guest_dial(vm->devices.vsock, VSOCK_PORT_FORGET, false, asked, NULL, &fd);

	if (r < 0)
		asked(NULL, -r);
	else
		close_fd(&fd);
}

int forget_init(struct vm *vm)
{
	return loop_bell_new(vm->loop, "forget", ask, vm, &vm->forget);
}

void forget_ask(void *arg)
{
	const struct vm *vm = arg;

	loop_bell_ring(vm->forget);
}
