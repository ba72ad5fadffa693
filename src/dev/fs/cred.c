/*
 * Acting as the guest's user, thread by thread: raw system calls, because libc's change all
 * threads. CVE-2022-0358: supplementary groups were dropped when the worker started.
 */
#include "dev/fs/server.h"

#include <errno.h>
#include <linux/capability.h>
#include <sched.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

int thread_prepare(const struct fs_server *server, int (*start)(void *arg), void *arg)
{
	if (unshare(CLONE_FS) < 0 || fchdir(server->proc_fd) < 0)
		return -errno;
	/* Who may not drop groups, as in most user namespaces of users, has none but his own. */
	if (syscall(SYS_setgroups, 0, NULL) < 0 && errno != EPERM)
		return -errno;
	return start ? start(arg) : 0;
}

static int change_caps(uint32_t add, uint32_t remove)
{
	struct __user_cap_header_struct head = { .version = _LINUX_CAPABILITY_VERSION_3 };
	struct __user_cap_data_struct data[2];

	if (syscall(SYS_capget, &head, data) < 0)
		return -errno;
	data[0].effective |= data[0].permitted & add;
	data[0].effective &= ~remove;
	return syscall(SYS_capset, &head, data) < 0 ? -errno : 0;
}

void cred_enter(const struct fs_request *r, mode_t mask)
{
	/*
	 * Whether the user may is the guest's kernel's to say, which knows his groups and what
	 * root of a user namespace may. Not CAP_FSETID: setgid bits go as they would for him.
	 */
	const uint32_t access =
		1U << CAP_DAC_OVERRIDE | 1U << CAP_DAC_READ_SEARCH | 1U << CAP_FOWNER;

	umask(mask & 0777);
	/* The group first: afterwards we may no longer be allowed to. */
	syscall(SYS_setfsgid, r->in.gid);
	syscall(SYS_setfsuid, r->in.uid);
	/* The kernel has just taken them from whoever is not root any more. */
	if (r->in.uid != r->server->uid)
		(void)!change_caps(access, 0);
}

static uint32_t word(const uint8_t *at)
{
	uint32_t value;

	memcpy(&value, at, sizeof(value));
	return value;
}

/* Of a struct fuse_supp_groups, which is copied but not aligned. */
static bool is_among(const uint8_t *groups, size_t len, gid_t gid)
{
	size_t n = len < 4 ? 0 : word(groups);

	if (n >= len / 4)
		return false;
	for (size_t i = 1; i <= n; i++)
		if (word(groups + i * 4) == gid)
			return true;
	return false;
}

/* Whether the request says that its user has a group besides his first: FUSE_CREATE_SUPP_GROUP. */
static bool has_group(const struct fs_request *r, gid_t gid)
{
	const size_t head = sizeof(struct fuse_ext_header); /* size, type */
	size_t left = ext_bytes(&r->in), size;

	if (left > r->body_len - r->body_pos)
		return false;
	for (; left >= head; left -= size) {
		const uint8_t *at = r->body + r->body_len - left;

		size = word(at);
		if (size < head || size > left)
			return false;
		if (word(at + 4) == FUSE_EXT_GROUPS && is_among(at + head, size - head, gid))
			return true;
	}
	return false;
}

void cred_enter_for_file(const struct fs_request *r, mode_t mask, const struct inode *parent)
{
	struct statx stx;
	bool in_group =
		ext_bytes(&r->in) && stat_inode(parent->fd, &stx) == 0 && has_group(r, stx.stx_gid);

	cred_enter(r, mask);
	if (in_group)
		(void)!change_caps(1U << CAP_FSETID, 0);
}

void cred_leave(const struct fs_request *r)
{
	syscall(SYS_setfsuid, r->server->uid);
	syscall(SYS_setfsgid, r->server->gid);
	umask(0);
}

void cred_kill_setid(const struct fs_request *r, bool on)
{
	/* Where nobody executes as the group, its bit stays for who is in it. */
	syscall(SYS_setfsgid, on ? r->in.gid : r->server->gid);
	(void)!change_caps(on ? 0 : 1U << CAP_FSETID, on ? 1U << CAP_FSETID : 0);
}
