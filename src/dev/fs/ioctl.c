/*
 * IOCTL: the flags of a file (lsattr, chattr), and nothing else. Each request is named here; what
 * the host's file system would do with another one, no guest is to find out.
 */
#include "base/auto.h"
#include "dev/fs/server.h"

#include <linux/fs.h>
#include <string.h>
#include <sys/ioctl.h>

/*
 * What a guest may change: how the file is kept, not who may do what with it. An immutable file,
 * say, would be one that the host cannot remove.
 */
#define HARMLESS                                                                                   \
	(FS_SYNC_FL | FS_DIRSYNC_FL | FS_NODUMP_FL | FS_NOATIME_FL | FS_COMPR_FL | FS_NOCOMP_FL |  \
		FS_NOCOW_FL | FS_NOTAIL_FL | FS_TOPDIR_FL)

union value {
	unsigned flags; /* of FS_IOC_GETFLAGS, whose number says long */
	struct fsxattr attributes;
};

static int get_flags(int fd, union value *v)
{
	return ioctl(fd, FS_IOC_GETFLAGS, &v->flags) < 0 ? -errno : 0;
}

static int set_flags(int fd, union value *v)
{
	union value old;
	int code = get_flags(fd, &old);

	if (code < 0)
		return code;
	if ((old.flags ^ v->flags) & ~(unsigned)HARMLESS)
		return -EPERM;
	return ioctl(fd, FS_IOC_SETFLAGS, &v->flags) < 0 ? -errno : 0;
}

static int get_attributes(int fd, union value *v)
{
	return ioctl(fd, FS_IOC_FSGETXATTR, &v->attributes) < 0 ? -errno : 0;
}

static const struct request {
	uint32_t number;
	size_t in, out;
	int (*serve)(int fd, union value *v);
} requests[] = {
	{ (uint32_t)FS_IOC_GETFLAGS, 0, sizeof(unsigned), get_flags },
	{ (uint32_t)FS_IOC_SETFLAGS, sizeof(unsigned), 0, set_flags },
	{ (uint32_t)FS_IOC_FSGETXATTR, 0, sizeof(struct fsxattr), get_attributes },
};

static int serve(struct fs_request *r, const struct request *request, int fd, const void *in)
{
	struct fuse_ioctl_out out = { 0 };
	union value v = { 0 };
	int code;

	memcpy(&v, in, request->in);
	code = request->serve(fd, &v);
	if (code == 0)
		code = req_put(r, &out, sizeof(out));
	return code ? code : req_put(r, &v, request->out);
}

int fs_ioctl(struct fs_request *r)
{
	const struct fuse_ioctl_in *in = req_take(r, sizeof(*in));
	const void *data = req_take(r, in->in_size);
	const struct request *request = NULL;
	bool write, dir = in->flags & FUSE_IOCTL_DIR;
	struct inode *inode;
	struct handle *h;
	int code;

	for (size_t i = 0; i < ARRAY_LEN(requests); i++)
		if (requests[i].number == in->cmd)
			request = &requests[i];
	if (!request)
		return -ENOTTY;
	if (!data || in->in_size < request->in || in->out_size < request->out)
		return -EINVAL;
	write = request->in > 0;
	/* The handle may be open for reading only: it is the share that says whether it is
	 * writable. */
	code = req_inode(r, r->in.nodeid, write, &inode);
	if (code < 0)
		return code;
	h = handle_get(&r->server->handles, in->fh, dir);
	code = h && h->fd >= 0 && h->export == inode->export ? serve(r, request, h->fd, data)
							     : -EBADF;
	handle_put(&r->server->handles, h);
	inode_put(&r->server->inodes, inode);
	return code;
}
