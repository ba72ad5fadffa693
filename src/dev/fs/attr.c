/* GETATTR, STATX, SETATTR, STATFS. */
#include "base/auto.h"
#include "dev/fs/server.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <sys/statfs.h>
#include <unistd.h>

/* stx: the host's, too. */
static int attr_of(
	struct fs_request *r, struct inode *inode, struct statx *stx, struct fuse_attr_out *ret)
{
	int code = stat_inode(inode->fd, stx);

	*ret = (struct fuse_attr_out){ .attr_valid = 0 };
	if (code < 0)
		return code;
	fill_attr(r, inode, stx, &ret->attr);
	cache_attr(r, inode, ret);
	return 0;
}

static int put_attr(struct fs_request *r, struct inode *inode)
{
	struct fuse_attr_out out;
	struct statx stx;
	int code = attr_of(r, inode, &stx, &out);

	return code < 0 ? code : req_put(r, &out, sizeof(out));
}

/* The request's inode, or the root of all. */
static int asked_for(struct fs_request *r, struct statx *stx, struct fuse_attr_out *ret)
{
	struct inode *inode;
	int code;

	if (r->in.nodeid == FUSE_ROOT_ID) {
		*stx = (struct statx){ .stx_mask = STATX_BASIC_STATS };
		*ret = (struct fuse_attr_out){
			.attr_valid = 1,
			.attr = { .ino = FUSE_ROOT_ID,
				.mode = S_IFDIR | 0555,
				.nlink = 2,
				.blksize = 4096 },
		};
		return 0;
	}
	code = req_inode(r, r->in.nodeid, false, &inode);
	if (code < 0)
		return code;
	code = attr_of(r, inode, stx, ret);
	inode_put(&r->server->inodes, inode);
	return code;
}

int fs_getattr(struct fs_request *r)
{
	struct fuse_attr_out out;
	struct statx stx;
	int code = asked_for(r, &stx, &out);

	return code < 0 ? code : req_put(r, &out, sizeof(out));
}

/* Linux 6.6 and later ask so when a program wants to know the time of birth. */
int fs_statx(struct fs_request *r)
{
	struct fuse_attr_out attr;
	struct statx stx;
	int code = asked_for(r, &stx, &attr);
	const struct fuse_attr *a = &attr.attr;
	struct fuse_statx_out out;

	if (code < 0)
		return code;
	out = (struct fuse_statx_out){
		.attr_valid = attr.attr_valid,
		.attr_valid_nsec = attr.attr_valid_nsec,
		.stat = {
			.mask = STATX_BASIC_STATS | (stx.stx_mask & STATX_BTIME),
			.blksize = a->blksize,
			.nlink = a->nlink,
			.uid = a->uid,
			.gid = a->gid,
			.mode = (uint16_t)a->mode,
			.ino = a->ino,
			.size = a->size,
			.blocks = a->blocks,
			.atime = { .tv_sec = (int64_t)a->atime, .tv_nsec = a->atimensec },
			.btime = { .tv_sec = stx.stx_btime.tv_sec,
				.tv_nsec = stx.stx_btime.tv_nsec },
			.ctime = { .tv_sec = (int64_t)a->ctime, .tv_nsec = a->ctimensec },
			.mtime = { .tv_sec = (int64_t)a->mtime, .tv_nsec = a->mtimensec },
			.rdev_major = stx.stx_rdev_major,
			.rdev_minor = stx.stx_rdev_minor,
		},
	};
	return req_put(r, &out, sizeof(out));
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
		cred_kill_setid(r, true);
	if (code == 0 && ftruncate(fd, (off_t)in->size) < 0)
		code = -errno;
	if (kill)
		cred_kill_setid(r, false);
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
