/* The stream of changes by the host: see share_events.h. */
#include "vm/share_events.h"

#include "base/log.h"
#include "rpc/ports.h"
#include "vm/guest_dial.h"
#include "vm/vm.h"

#include <string.h>

/* A stream that the guest has refused has ended; the device asks for another in time. */
static void connected(void *arg, int code)
{
	struct vm *vm = arg;

	if (!code)
		return;
	log_debug("the guest takes no events of shares: %s", strerror(code));
	fs_events_stream(vm->devices.volumes, -1);
}

static void give_stream(void *arg)
{
	struct vm *vm = arg;
	int fd = -1;

	(void)!guest_dial(vm->devices.vsock, VSOCK_PORT_SHARE_EVENTS, false, connected, vm, &fd);
	fs_events_stream(vm->devices.volumes, fd);
}

int share_events_init(struct vm *vm)
{
	return loop_bell_new(vm->loop, "share events", give_stream, vm, &vm->share_events);
}

void share_events_ask(void *arg)
{
	const struct vm *vm = arg;

	loop_bell_ring(vm->share_events);
}
