/*
 * Extended attributes. The calls take no O_PATH descriptor, so workers stand in /proc/self/fd
 * (their own working directory, see device.c) and name the inode's descriptor by its number.
 */
#include "base/auto.h"
#include "dev/fs/binding.h"
#include "dev/fs/server.h"

#include <string.h>
#include <sys/xattr.h>

#define ACL_PREFIX "system.posix_acl_"

/* An ACL of someone outside the file's group takes its setgid bit away, as chmod(2) would. */
static int set_value(struct fs_request *r, const struct fuse_setxattr_in *in, bool kill_sgid,
	const char *number, const char *name, const void *value)
{
	int code;

	if (kill_sgid) {
		cred_enter(r, 0);
		cred_kill_setid(r, true);
	}
	code = setxattr(number, name, value, in->size, (int)in->flags) < 0 ? -errno : 0;
	if (kill_sgid) {
		cred_kill_setid(r, false);
		cred_leave(r);
	}
	return code;
}

int fs_setxattr(struct fs_request *r)
{
	size_t fixed = r->server->setxattr_ext ? sizeof(struct fuse_setxattr_in)
					       : FUSE_COMPAT_SETXATTR_IN_SIZE;
	const struct fuse_setxattr_in *in = req_take(r, fixed);
	const char *name = in ? req_string(r) : NULL;
	const void *value = name ? req_take(r, in->size) : NULL;
	bool kill_sgid =
		r->server->setxattr_ext && in && (in->setxattr_flags & FUSE_SETXATTR_ACL_KILL_SGID);
	struct inode *inode;
	char number[FD_NAME_MAX];
	int code;

	if (!value)
		return -EINVAL;
	code = req_inode(r, r->in.nodeid, true, &inode);
	if (code < 0)
		return code;
	code = set_value(r, in, kill_sgid, fd_name(inode->fd, number), name, value);
	inode_put(&r->server->inodes, inode);
	return code;
}

/* size 0 asks how long the answer is. */
static int put_value(struct fs_request *r, uint32_t size, ssize_t n)
{
	struct fuse_getxattr_out out = { .size = (uint32_t)n };

	if (size == 0)
		return req_put(r, &out, sizeof(out));
	if (n > size)
		return -ERANGE;
	return req_put(r, r->scratch, (size_t)n);
}

static int root_value(struct fs_request *r, const char *name, uint32_t size)
{
	uint64_t beliefs[2];

	if (!r->server->beliefs_xattr || strcmp(name, r->server->beliefs_xattr) != 0)
		return -ENODATA;
	beliefs[0] = cache_age_ns(r->server);
	beliefs[1] = bindings_wait_ns(r->server);
	memcpy(r->scratch, beliefs, sizeof(beliefs));
	return put_value(r, size, sizeof(beliefs));
}

int fs_getxattr(struct fs_request *r)
{
	const struct fuse_getxattr_in *in = req_take(r, sizeof(*in));
	const char *name = req_string(r);
	struct inode *inode;
	char number[FD_NAME_MAX];
	ssize_t n;
	int code;

	if (!name)
		return -EINVAL;
	if (r->in.nodeid == FUSE_ROOT_ID)
		return root_value(r, name, in->size);
	code = req_inode(r, r->in.nodeid, false, &inode);
	if (code < 0)
		return code;
	n = getxattr(fd_name(inode->fd, number), name, r->scratch, XATTR_MAX_BYTES);
	code = n < 0 ? -errno : put_value(r, in->size, n);
	/* Otherwise the guest's kernel would refuse each access that an ACL might decide. */
	if (code == -EOPNOTSUPP && strncmp(name, ACL_PREFIX, strlen(ACL_PREFIX)) == 0)
		code = -ENODATA;
	inode_put(&r->server->inodes, inode);
	return code;
}

int fs_listxattr(struct fs_request *r)
{
	const struct fuse_getxattr_in *in = req_take(r, sizeof(*in));
	struct inode *inode;
	char number[FD_NAME_MAX];
	ssize_t n;
	int code;

	if (r->in.nodeid == FUSE_ROOT_ID)
		return put_value(r, in->size, 0);
	code = req_inode(r, r->in.nodeid, false, &inode);
	if (code < 0)
		return code;
	n = listxattr(fd_name(inode->fd, number), (char *)r->scratch, XATTR_MAX_BYTES);
	code = n < 0 ? -errno : put_value(r, in->size, n);
	inode_put(&r->server->inodes, inode);
	return code;
}

int fs_removexattr(struct fs_request *r)
{
	const char *name = req_string(r);
	struct inode *inode;
	char number[FD_NAME_MAX];
	int code;

	if (!name)
		return -EINVAL;
	code = req_inode(r, r->in.nodeid, true, &inode);
	if (code < 0)
		return code;
	if (removexattr(fd_name(inode->fd, number), name) < 0)
		code = -errno;
	inode_put(&r->server->inodes, inode);
	return code;
}
