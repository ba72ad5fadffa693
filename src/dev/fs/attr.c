/* GETATTR, SETATTR, STATFS. */
#include "base/auto.h"
#include "dev/fs/server.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <sys/statfs.h>
#include <unistd.h>

static int put_attr(struct fs_request *r, struct inode *inode)
{
	struct fuse_attr_out out = { 0 };
	struct statx stx;
	int code = stat_inode(inode->fd, &stx);

	if (code < 0)
		return code;
	fill_attr(r, inode, &stx, &out.attr);
	cache_attr(r, inode, &out);
	return req_put(r, &out, sizeof(out));
}

int fs_getattr(struct fs_request *r)
{
	struct inode *inode;
	int code;

	if (r->in.nodeid == FUSE_ROOT_ID) {
		struct fuse_attr_out root = {
			.attr_valid = 1,
			.attr = { .ino = FUSE_ROOT_ID,
				.mode = S_IFDIR | 0555,
				.nlink = 2,
				.blksize = 4096 },
		};

		return req_put(r, &root, sizeof(root));
	}
	code = req_inode(r, r->in.nodeid, false, &inode);
	if (code < 0)
		return code;
	code = put_attr(r, inode);
	inode_put(&r->server->inodes, inode);
	return code;
}

static int set_mode(struct fs_request *r, const struct inode *inode, mode_t mode)
{
	char number[FD_NAME_MAX];

	/* An O_PATH descriptor takes no fchmod(); a symlink has no mode to change. */
	if (inode->type == S_IFLNK)
		return -EOPNOTSUPP;
	fd_name(inode->fd, number);
	return fchmodat(r->server->proc_fd, number, mode & 07777, 0) < 0 ? -errno : 0;
}

static int set_owner(const struct inode *inode, const struct fuse_setattr_in *in)
{
	uid_t uid = in->valid & FATTR_UID ? in->uid : (uid_t)-1;
	gid_t gid = in->valid & FATTR_GID ? in->gid : (gid_t)-1;

	return fchownat(inode->fd, "", uid, gid, AT_EMPTY_PATH | AT_SYMLINK_NOFOLLOW) < 0 ? -errno
											  : 0;
}

static int set_size(
	struct fs_request *r, const struct inode *inode, const struct fuse_setattr_in *in)
{
	struct handle *h =
		in->valid & FATTR_FH ? handle_get(&r->server->handles, in->fh, false) : NULL;
	bool kill = in->valid & FATTR_KILL_SUIDGID;
	AUTO_CLOSE int opened = -1;
	int fd, code = 0;

	if (in->size > INT64_MAX)
		code = -EFBIG;
	if (code == 0 && !h) {
		opened = open_inode(r, inode, O_WRONLY);
		code = opened < 0 ? opened : 0;
	}
	fd = h ? h->fd : opened;
	if (kill)
		cred_kill_setid(true);
	if (code == 0 && ftruncate(fd, (off_t)in->size) < 0)
		code = -errno;
	if (kill)
		cred_kill_setid(false);
	handle_put(&r->server->handles, h);
	return code;
}

static struct timespec time_of(
	uint32_t valid, uint32_t set, uint32_t now, uint64_t sec, uint32_t nsec)
{
	if (!(valid & set))
		return (struct timespec){ 0, UTIME_OMIT };
	if (valid & now)
		return (struct timespec){ 0, UTIME_NOW };
	return (struct timespec){ (time_t)sec, nsec < 1000000000 ? (long)nsec : 0 };
}

static int set_times(
	struct fs_request *r, const struct inode *inode, const struct fuse_setattr_in *in)
{
	struct timespec ts[2] = {
		time_of(in->valid, FATTR_ATIME, FATTR_ATIME_NOW, in->atime, in->atimensec),
		time_of(in->valid, FATTR_MTIME, FATTR_MTIME_NOW, in->mtime, in->mtimensec),
	};
	char number[FD_NAME_MAX];

	if (utimensat(inode->fd, "", ts, AT_EMPTY_PATH) == 0)
		return 0;
	if (errno != EINVAL || inode->type == S_IFLNK)
		return -errno;
	fd_name(inode->fd, number);
	return utimensat(r->server->proc_fd, number, ts, 0) < 0 ? -errno : 0;
}

int fs_setattr(struct fs_request *r)
{
	const struct fuse_setattr_in *in = req_take(r, sizeof(*in));
	struct inode *inode;
	int code = req_inode(r, r->in.nodeid, true, &inode);

	if (code < 0)
		return code;
	/* Ownership before mode: a change of owner clears setuid, which a given mode may set again.
	 */
	if (in->valid & (FATTR_UID | FATTR_GID))
		code = set_owner(inode, in);
	if (code == 0 && (in->valid & FATTR_MODE))
		code = set_mode(r, inode, in->mode);
	if (code == 0 && (in->valid & FATTR_SIZE))
		code = set_size(r, inode, in);
	if (code == 0 && (in->valid & (FATTR_ATIME | FATTR_MTIME)))
		code = set_times(r, inode, in);
	if (code == 0)
		code = put_attr(r, inode);
	inode_put(&r->server->inodes, inode);
	return code;
}

int fs_statfs(struct fs_request *r)
{
	struct fuse_statfs_out out = {
		.st = { .bsize = 4096, .frsize = 4096, .namelen = NAME_MAX_BYTES }
	};
	struct inode *inode;
	struct statfs st;
	int code;

	if (r->in.nodeid == FUSE_ROOT_ID)
		return req_put(r, &out, sizeof(out));
	code = req_inode(r, r->in.nodeid, false, &inode);
	if (code < 0)
		return code;
	code = fstatfs(inode->fd, &st) < 0 ? -errno : 0;
	inode_put(&r->server->inodes, inode);
	if (code < 0)
		return code;
	out.st = (struct fuse_kstatfs){
		.blocks = st.f_blocks,
		.bfree = st.f_bfree,
		.bavail = st.f_bavail,
		.files = st.f_files,
		.ffree = st.f_ffree,
		.bsize = (uint32_t)st.f_bsize,
		.namelen = (uint32_t)st.f_namelen,
		.frsize = (uint32_t)st.f_frsize,
	};
	return req_put(r, &out, sizeof(out));
}
