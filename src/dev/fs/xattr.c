/*
 * Extended attributes. The calls take no O_PATH descriptor, so workers stand in /proc/self/fd
 * (their own working directory, see device.c) and name the inode's descriptor by its number.
 */
#include "base/auto.h"
#include "dev/fs/server.h"

#include <stdio.h>
#include <sys/xattr.h>

static const char *number_of(const struct inode *inode, char number[16])
{
	snprintf(number, 16, "%d", inode->fd);
	return number;
}

int fs_setxattr(struct fs_request *r)
{
	size_t fixed = r->server->setxattr_ext ? sizeof(struct fuse_setxattr_in)
					       : FUSE_COMPAT_SETXATTR_IN_SIZE;
	const struct fuse_setxattr_in *in = req_take(r, fixed);
	const char *name = in ? req_string(r) : NULL;
	const void *value = name ? req_take(r, in->size) : NULL;
	struct inode *inode;
	char number[16];
	int code;

	if (!value)
		return -EINVAL;
	code = req_inode(r, r->in.nodeid, true, &inode);
	if (code < 0)
		return code;
	if (setxattr(number_of(inode, number), name, value, in->size, (int)in->flags) < 0)
		code = -errno;
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

int fs_getxattr(struct fs_request *r)
{
	const struct fuse_getxattr_in *in = req_take(r, sizeof(*in));
	const char *name = req_string(r);
	struct inode *inode;
	char number[16];
	ssize_t n;
	int code;

	if (!name)
		return -EINVAL;
	if (r->in.nodeid == FUSE_ROOT_ID)
		return -ENODATA;
	code = req_inode(r, r->in.nodeid, false, &inode);
	if (code < 0)
		return code;
	n = getxattr(number_of(inode, number), name, r->scratch, XATTR_MAX_BYTES);
	code = n < 0 ? -errno : put_value(r, in->size, n);
	inode_put(&r->server->inodes, inode);
	return code;
}

int fs_listxattr(struct fs_request *r)
{
	const struct fuse_getxattr_in *in = req_take(r, sizeof(*in));
	struct inode *inode;
	char number[16];
	ssize_t n;
	int code;

	if (r->in.nodeid == FUSE_ROOT_ID)
		return put_value(r, in->size, 0);
	code = req_inode(r, r->in.nodeid, false, &inode);
	if (code < 0)
		return code;
	n = listxattr(number_of(inode, number), (char *)r->scratch, XATTR_MAX_BYTES);
	code = n < 0 ? -errno : put_value(r, in->size, n);
	inode_put(&r->server->inodes, inode);
	return code;
}

int fs_removexattr(struct fs_request *r)
{
	const char *name = req_string(r);
	struct inode *inode;
	char number[16];
	int code;

	if (!name)
		return -EINVAL;
	code = req_inode(r, r->in.nodeid, true, &inode);
	if (code < 0)
		return code;
	if (removexattr(number_of(inode, number), name) < 0)
		code = -errno;
	inode_put(&r->server->inodes, inode);
	return code;
}
