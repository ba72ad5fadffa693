/* Checks of what a guest says: see notification.h. */
#include "proxy/notification.h"

#include "base/auto.h"

#include <limits.h>
#include <string.h>

static int take_area(const Vmrun__Agent__MemoryCopy *in, struct notification *to)
{
	uint64_t end;

	if (in->address % STANDIN_PAGE || in->data.len == 0 || in->data.len > STANDIN_AREA_MAX ||
		__builtin_add_overflow(in->address, STANDIN_AREA_MAX, &end))
		return -EPROTO;
	if (end > STANDIN_TOP)
		return 0;
	to->areas[to->area_count++] = (struct standin_area){
		.address = in->address,
		.data = in->data.data,
		.len = in->data.len,
	};
	return 0;
}

int notification_take(const Vmrun__Agent__NextNotificationResponse *in, struct notification *ret)
{
	int r = 0;

	if (in->n_args != ARRAY_LEN(ret->notif.data.args) || in->n_memory > STANDIN_AREAS ||
		in->n_gone > NOTIFICATIONS_MAX || strlen(in->cwd) >= PATH_MAX)
		return -EPROTO;
	*ret = (struct notification){
		.notif = {
			.id = in->id,
			.pid = in->pid,
			.flags = in->flags,
			.data = {
				.nr = in->nr,
				.arch = in->arch,
				.instruction_pointer = in->instruction_pointer,
			},
		},
		/* As the kernel names a directory that the process's root does not lead to. */
		.cwd = *in->cwd == '/' ? in->cwd : "",
	};
	memcpy(ret->notif.data.args, in->args, sizeof(ret->notif.data.args));
	for (size_t i = 0; r == 0 && i < in->n_memory; i++)
		r = take_area(in->memory[i], ret);
	return r;
}
