/* Messages of the control protocol as older and newer versions have them: see vmctl.h. */
#include "rpc/vmctl.h"

#include <errno.h>
#include <stdbool.h>
#include <string.h>

#define HEADER	     offsetof(struct vmctl_request, u)
#define REPLY_HEADER offsetof(struct vmctl_reply, at_ns)

size_t vmctl_request_size(uint32_t op)
{
	static const struct vmctl_request *const r;
	static const size_t bodies[VMCTL_OPS] = {
		[VMCTL_START] = sizeof(r->u.start),
		[VMCTL_ROLE] = sizeof(r->u.role),
		[VMCTL_SHARE_ADD] = sizeof(r->u.share),
		[VMCTL_SHARE_REMOVE] = sizeof(r->u.share),
		[VMCTL_CONNECT] = sizeof(r->u.connect),
		[VMCTL_DEVICE_ADD] = sizeof(r->u.device),
	};

	return HEADER + (op < VMCTL_OPS ? bodies[op] : 0);
}

static bool all_zero(const uint8_t *data, size_t len)
{
	for (size_t i = 0; i < len; i++)
		if (data[i])
			return false;
	return true;
}

int vmctl_request_read(const void *data, size_t got, struct vmctl_request *ret)
{
	size_t known;

	memset(ret, 0, sizeof(*ret));
	if (got < HEADER)
		return -EINVAL;
	memcpy(ret, data, HEADER);
	if (ret->size != got)
		return -EINVAL;
	known = vmctl_request_size(ret->op);
	if (got > known && !all_zero((const uint8_t *)data + known, got - known))
		return -E2BIG;
	memcpy(ret, data, got < known ? got : known);
	return 0;
}

int vmctl_reply_read(const void *data, size_t got, struct vmctl_reply *ret)
{
	memset(ret, 0, sizeof(*ret));
	if (got < REPLY_HEADER)
		return -EINVAL;
	memcpy(ret, data, got < sizeof(*ret) ? got : sizeof(*ret));
	if (ret->size != got)
		return -EINVAL;
	ret->msg[sizeof(ret->msg) - 1] = '\0';
	return 0;
}
