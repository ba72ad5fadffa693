/* Shares: see share.h. */
#include "pod/share.h"

#include "rpc/vmclient.h"

#include <stdio.h>

int share_add(int ctl, const char *name, int fd, uint32_t flags, struct err *err)
{
	struct vmctl_request req = { .op = VMCTL_SHARE_ADD };
	int r;

	snprintf(req.u.share.name, sizeof(req.u.share.name), "%s", name);
	req.u.share.flags = flags;
	r = vmclient_send(ctl, &req, &fd, 1, err);
	if (r == 0)
		r = vmclient_reply(ctl, err);
	return r;
}
