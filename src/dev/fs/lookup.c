/* LOOKUP and FORGET, and how an entry of the host becomes one of the guest. */
#include "base/auto.h"
#include "dev/fs/server.h"
#include "dev/fs/watch.h"

#include <fcntl.h>
#include <string.h>

uint64_t guest_ino(struct fs_request *r, const struct inode *near, uint64_t ino)
{
	/* What lies in a mount below is a file system of its own, but for a file that is mounted.
	 */
	if (near->below && (near->type == S_IFDIR || !near->mount_root))
		return ino;
	return number_of(&r->server->numbers, near->dev, ino);
}

void fill_attr(struct fs_request *r, const struct inode *inode, const struct statx *s,
	struct fuse_attr *ret)
{
	*ret = (struct fuse_attr){
		.ino = guest_ino(r, inode, inode->ino),
		.size = s->stx_size,
		.blocks = s->stx_blocks,
		.atime = (uint64_t)s->stx_atime.tv_sec,
		.mtime = (uint64_t)s->stx_mtime.tv_sec,
		.ctime = (uint64_t)s->stx_ctime.tv_sec,
		.atimensec = s->stx_atime.tv_nsec,
		.mtimensec = s->stx_mtime.tv_nsec,
		.ctimensec = s->stx_ctime.tv_nsec,
		.mode = inode->below ? acl_narrow(inode, s->stx_mode) : s->stx_mode,
		.nlink = s->stx_nlink,
		.uid = s->stx_uid,
		.gid = s->stx_gid,
		.rdev = (uint32_t)((s->stx_rdev_minor & 0xff) | s->stx_rdev_major << 8 |
				   (s->stx_rdev_minor & ~0xffU) << 12),
		.blksize = s->stx_blksize,
		.flags = inode->below && inode->mount_root && inode->type == S_IFDIR
				 ? FUSE_ATTR_SUBMOUNT
				 : 0,
	};
}

/* fd (O_PATH, owned) becomes an entry of export; parent and name as for cache_entry(). */
static int learn(struct fs_request *r, struct export *export, int fd, const struct inode *parent,
	const char *name, struct fuse_entry_out *ret)
{
	struct inode *inode;
	struct statx stx;
	int code = stat_inode(fd, &stx);

	if (code < 0) {
		close(fd);
		return code;
	}
	code = inode_learn(&r->server->inodes, export, fd, &stx, &inode);
	if (code < 0)
		return code;
	*ret = (struct fuse_entry_out){ .nodeid = inode->nodeid };
	fill_attr(r, inode, &stx, &ret->attr);
	if (r->server->watch)
		watch_inode(r->server->watch, inode, r->in.nodeid == FUSE_ROOT_ID);
	cache_entry(r, inode, parent, name, ret);
	inode_put(&r->server->inodes, inode);
	return 0;
}

int lookup_fd(struct fs_request *r, struct inode *parent, int fd, struct fuse_entry_out *ret)
{
	return learn(r, parent->export, fd, NULL, NULL, ret);
}

int lookup_entry(
	struct fs_request *r, struct inode *parent, const char *name, struct fuse_entry_out *ret)
{
	int fd = openat(parent->fd, name, O_PATH | O_NOFOLLOW | O_CLOEXEC);
	int code = fd < 0 ? -errno : learn(r, parent->export, fd, parent, name, ret);

	if (code == 0 && r->server->watch)
		watch_named(r->server->watch, parent, name, ret->nodeid);
	return code;
}

static int lookup_export(struct fs_request *r, const char *name, struct fuse_entry_out *ret)
{
	struct export *e = exports_find(&r->server->exports, name);
	int fd, code;

	if (!e)
		return -ENOENT;
	fd = fcntl(e->fd, F_DUPFD_CLOEXEC, 3);
	code = fd < 0 ? -errno : learn(r, e, fd, NULL, NULL, ret);
	export_put(e);
	return code;
}

int fs_lookup(struct fs_request *r)
{
	struct fuse_entry_out out;
	struct inode *parent;
	const char *name;
	int code = req_name(r, &name);

	if (code < 0)
		return code;
	if (r->in.nodeid == FUSE_ROOT_ID) {
		code = lookup_export(r, name, &out);
	} else {
		code = req_inode(r, r->in.nodeid, false, &parent);
		if (code < 0)
			return code;
		code = lookup_entry(r, parent, name, &out);
		inode_put(&r->server->inodes, parent);
	}
	if (code < 0)
		return code;
	code = req_put(r, &out, sizeof(out));
	if (code < 0)
		inode_forget(&r->server->inodes, out.nodeid, 1);
	return code;
}

int fs_forget(struct fs_request *r)
{
	const struct fuse_forget_in *in = req_take(r, sizeof(*in));

	r->no_reply = true;
	inode_forget(&r->server->inodes, r->in.nodeid, in->nlookup);
	return 0;
}

int fs_batch_forget(struct fs_request *r)
{
	const struct fuse_batch_forget_in *in = req_take(r, sizeof(*in));

	r->no_reply = true;
	for (uint32_t i = 0; i < in->count; i++) {
		const struct fuse_forget_one *one = req_take(r, sizeof(*one));

		if (!one)
			break;
		inode_forget(&r->server->inodes, one->nodeid, one->nlookup);
	}
	return 0;
}
