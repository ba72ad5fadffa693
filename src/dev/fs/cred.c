/*
 * Acting as the guest's user, thread by thread: raw system calls, because libc's change all
 * threads. CVE-2022-0358: supplementary groups were dropped when the worker started.
 */
#include "dev/fs/server.h"

#include <linux/capability.h>
#include <sys/syscall.h>
#include <unistd.h>

void cred_enter(const struct fs_request *r)
{
	/* The group first: afterwards we may no longer be allowed to. */
	syscall(SYS_setfsgid, r->in.gid);
	syscall(SYS_setfsuid, r->in.uid);
}

void cred_leave(const struct fs_request *r)
{
	syscall(SYS_setfsuid, r->server->uid);
	syscall(SYS_setfsgid, r->server->gid);
}

void cred_kill_setid(bool on)
{
	struct __user_cap_header_struct head = { .version = _LINUX_CAPABILITY_VERSION_3 };
	struct __user_cap_data_struct data[2];

	if (syscall(SYS_capget, &head, data) < 0)
		return;
	if (on)
		data[0].effective &= ~(1U << CAP_FSETID);
	else
		data[0].effective |= data[0].permitted & 1U << CAP_FSETID;
	(void)!syscall(SYS_capset, &head, data);
}
