/* Requests about file locks, and what the end of an open file means for them: see lock.h. */
#include "dev/fs/server.h"

#include <fcntl.h>

static int read_request(const struct fuse_lk_in *in, struct lock_request *ret)
{
	bool flock = in->lk_flags & FUSE_LK_FLOCK;

	if (in->lk.type != F_RDLCK && in->lk.type != F_WRLCK && in->lk.type != F_UNLCK)
		return -EINVAL;
	if (in->lk.end > LOCK_END || in->lk.start > in->lk.end)
		return -EINVAL;
	*ret = (struct lock_request){
		.flock = flock,
		.unlock = in->lk.type == F_UNLCK,
		.range = {
			.start = flock ? 0 : in->lk.start,
			.end = flock ? LOCK_END : in->lk.end,
			.write = in->lk.type == F_WRLCK,
			.pid = in->lk.pid,
		},
		.owner = in->owner,
		.fh = in->fh,
	};
	return 0;
}

/* The open file that a request names, and its inode; both are held. */
static int req_file(struct fs_request *r, uint64_t fh, struct inode **inode, struct handle **h)
{
	int code = req_inode(r, r->in.nodeid, false, inode);

	if (code < 0)
		return code;
	*h = handle_get(&r->server->handles, fh, false);
	if (*h && (*h)->export == (*inode)->export)
		return 0;
	handle_put(&r->server->handles, *h);
	inode_put(&r->server->inodes, *inode);
	return -EBADF;
}

static int set_lock(struct fs_request *r, bool wait)
{
	const struct fuse_lk_in *in = req_take(r, sizeof(*in));
	struct lock_reply reply = {
		.unique = r->in.unique,
		.tid = r->in.pid,
		.queue = r->queue,
		.head = r->head,
	};
	struct lock_request request;
	struct inode *inode;
	struct handle *h;
	int code = read_request(in, &request);

	if (code == 0)
		code = req_file(r, in->fh, &inode, &h);
	if (code < 0)
		return code;
	if (!request.flock)
		atomic_store(&inode->lockable, true);
	code = locks_set(&r->server->locks, inode, h, &request, wait ? &reply : NULL);
	inode_put(&r->server->inodes, inode);
	if (code == -EINPROGRESS) {
		r->deferred = true;
		return 0;
	}
	handle_put(&r->server->handles, h);
	return code;
}

int fs_setlk(struct fs_request *r)
{
	return set_lock(r, false);
}

int fs_setlkw(struct fs_request *r)
{
	return set_lock(r, true);
}

int fs_getlk(struct fs_request *r)
{
	const struct fuse_lk_in *in = req_take(r, sizeof(*in));
	struct fuse_lk_out out = { .lk = in->lk };
	struct lock_request request;
	struct inode *inode;
	struct handle *h;
	int code = read_request(in, &request);

	if (code == 0 && (request.unlock || request.flock))
		code = -EINVAL;
	if (code == 0)
		code = req_file(r, in->fh, &inode, &h);
	if (code < 0)
		return code;
	code = locks_get(&r->server->locks, inode, h, &request);
	inode_put(&r->server->inodes, inode);
	handle_put(&r->server->handles, h);
	if (code < 0)
		return code;
	out.lk.type = F_UNLCK;
	if (!request.unlock)
		out.lk = (struct fuse_file_lock){
			.start = request.range.start,
			.end = request.range.end,
			.type = request.range.write ? F_WRLCK : F_RDLCK,
			.pid = request.range.pid,
		};
	return req_put(r, &out, sizeof(out));
}

int fs_flush(struct fs_request *r)
{
	const struct fuse_flush_in *in = req_take(r, sizeof(*in));
	struct inode *inode;

	/* The guest asks no more. */
	if (!locks_wanted(&r->server->locks))
		return -ENOSYS;
	inode = inode_get(&r->server->inodes, r->in.nodeid);
	if (inode)
		locks_flush(&r->server->locks, inode, in->lock_owner);
	inode_put(&r->server->inodes, inode);
	return 0;
}

void release_locks(struct fs_request *r, uint64_t fh)
{
	struct inode *inode = inode_get(&r->server->inodes, r->in.nodeid);

	if (inode)
		locks_release(&r->server->locks, inode, fh);
	inode_put(&r->server->inodes, inode);
}

/* Over virtio-fs no guest sends it so far. */
int fs_interrupt(struct fs_request *r)
{
	const struct fuse_interrupt_in *in = req_take(r, sizeof(*in));

	if (in->unique)
		locks_interrupt(&r->server->locks, 0, in->unique);
	r->no_reply = true;
	return 0;
}

void lock_created(struct fs_request *r, uint64_t nodeid)
{
	struct inode *inode = inode_get(&r->server->inodes, nodeid);

	if (inode)
		atomic_store(&inode->lockable, true);
	inode_put(&r->server->inodes, inode);
}

/*
 * With FOPEN_NOFLUSH the guest does not say when a process closes a descriptor: a request less. So
 * are files opened for reading, as programs and libraries are, of which nobody is likely to have
 * locked a range: never open for writing, never locked. Who then does lock one for reading has it
 * until the open file is closed for good.
 */
uint32_t lock_open_flags(struct inode *inode, int fd)
{
#ifdef FOPEN_NOFLUSH
	if (atomic_load(&inode->lockable))
		return 0;
	if ((fcntl(fd, F_GETFL) & O_ACCMODE) == O_RDONLY)
		return FOPEN_NOFLUSH;
	atomic_store(&inode->lockable, true);
#endif
	return 0;
}
