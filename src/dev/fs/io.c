/* Open files: data goes between the host's file and guest memory without a copy of ours. */
#include "base/auto.h"
#include "dev/fs/binding.h"
#include "dev/fs/server.h"

#include <fcntl.h>
#include <string.h>
#include <sys/uio.h>
#include <unistd.h>

/* What of the guest's open flags concerns the host: creation and blocking are the guest's business.
 */
#define OPEN_FLAGS (O_ACCMODE | O_APPEND | O_TRUNC | O_SYNC | O_DSYNC)

int open_inode(struct fs_request *r, const struct inode *inode, int flags)
{
	char number[FD_NAME_MAX];
	int fd;

	/* CVE-2020-35517: a device node or fifo of the rootfs is never opened on the host. */
	if (inode->type != S_IFREG && inode->type != S_IFDIR)
		return -EACCES;
	fd_name(inode->fd, number);
	fd = openat(r->server->proc_fd, number, flags | O_CLOEXEC);
	return fd < 0 ? -errno : fd;
}

static bool wants_write(uint32_t flags)
{
	return (flags & O_ACCMODE) != O_RDONLY || (flags & O_TRUNC);
}

static int put_open(struct fs_request *r, struct inode *inode, int fd)
{
	struct fuse_open_out out = {
		.open_flags = cache_open_flags(inode, fd) | lock_open_flags(inode, fd),
	};
	int code = handle_add(&r->server->handles, inode->export, fd, false, &out.fh);

	if (code < 0)
		return code;
	code = req_put(r, &out, sizeof(out));
	if (code < 0)
		handle_remove(&r->server->handles, out.fh);
	return code;
}

static int open_with_kill(
	struct fs_request *r, struct inode *inode, uint32_t flags, uint32_t open_flags)
{
	bool kill = open_flags & FUSE_OPEN_KILL_SUIDGID;
	int fd;

	if (kill)
		cred_kill_setid(r, true);
	fd = open_inode(r, inode, (int)(flags & OPEN_FLAGS));
	if (kill)
		cred_kill_setid(r, false);
	return fd;
}

int fs_open(struct fs_request *r)
{
	const struct fuse_open_in *in = req_take(r, sizeof(*in));
	struct inode *inode;
	int fd, code = req_inode(r, r->in.nodeid, wants_write(in->flags), &inode);

	if (code < 0)
		return code;
	if (binding_is_stale(r->server, inode))
		fd = -ESTALE;
	else if (inode->type == S_IFREG)
		fd = open_with_kill(r, inode, in->flags, in->open_flags);
	else
		fd = -EACCES;
	code = fd < 0 ? fd : put_open(r, inode, fd);
	inode_put(&r->server->inodes, inode);
	return code;
}

/* Replies with an entry below parent and a handle; both are taken back if that fails. */
static int put_created(
	struct fs_request *r, const struct inode *parent, struct fuse_entry_out *entry, int fd)
{
	struct fuse_open_out out = { .open_flags = FOPEN_KEEP_CACHE };
	int code = handle_add(&r->server->handles, parent->export, fd, false, &out.fh);

	if (code < 0) {
		inode_forget(&r->server->inodes, entry->nodeid, 1);
		return code;
	}
	lock_created(r, entry->nodeid);
	code = req_put(r, entry, sizeof(*entry));
	if (code == 0)
		code = req_put(r, &out, sizeof(out));
	if (code < 0) {
		handle_remove(&r->server->handles, out.fh);
		inode_forget(&r->server->inodes, entry->nodeid, 1);
	}
	return code;
}

static int open_existing(
	struct fs_request *r, const struct fuse_create_in *in, const struct fuse_entry_out *entry)
{
	struct inode *inode;
	int fd, code = req_inode(r, entry->nodeid, wants_write(in->flags), &inode);

	if (code < 0)
		return code;
	fd = inode->type == S_IFREG ? open_with_kill(r, inode, in->flags, in->open_flags) : -EACCES;
	inode_put(&r->server->inodes, inode);
	return fd;
}

/* Makes a new file, and only that: what is there already is opened through its inode, if at all. */
static int create_in(struct fs_request *r, const struct fuse_create_in *in, struct inode *parent,
	const char *name, struct fuse_entry_out *entry)
{
	int flags = (int)(in->flags & OPEN_FLAGS & ~(uint32_t)O_TRUNC);
	int fd, code;

	cred_enter_for_file(r, in->umask, parent);
	fd = openat(parent->fd, name, flags | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC,
		in->mode & 07777);
	code = fd < 0 ? -errno : 0;
	cred_leave(r);
	if (code < 0 && (code != -EEXIST || (in->flags & O_EXCL)))
		return code;
	code = lookup_entry(r, parent, name, entry);
	if (code < 0) {
		close_fd(&fd);
		return code;
	}
	if (fd >= 0)
		return fd;
	fd = open_existing(r, in, entry);
	if (fd < 0)
		inode_forget(&r->server->inodes, entry->nodeid, 1);
	return fd;
}

int fs_create(struct fs_request *r)
{
	const struct fuse_create_in *in = req_take(r, sizeof(*in));
	struct fuse_entry_out entry;
	struct inode *parent;
	const char *name;
	int fd, code = req_name(r, &name);

	if (code == 0)
		code = req_inode(r, r->in.nodeid, true, &parent);
	if (code < 0)
		return code;
	fd = create_in(r, in, parent, name, &entry);
	code = fd < 0 ? fd : put_created(r, parent, &entry, fd);
	inode_put(&r->server->inodes, parent);
	return code;
}

int fs_tmpfile(struct fs_request *r)
{
	const struct fuse_create_in *in = req_take(r, sizeof(*in));
	struct fuse_entry_out entry;
	struct inode *parent;
	char number[FD_NAME_MAX];
	int fd, path_fd, code = req_inode(r, r->in.nodeid, true, &parent);

	if (code < 0)
		return code;
	cred_enter_for_file(r, in->umask, parent);
	fd = openat(parent->fd, ".", (int)(in->flags & OPEN_FLAGS) | O_TMPFILE | O_CLOEXEC,
		in->mode & 07777);
	code = fd < 0 ? -errno : 0;
	cred_leave(r);
	if (code == 0) {
		fd_name(fd, number);
		path_fd = openat(r->server->proc_fd, number, O_PATH | O_CLOEXEC);
		code = path_fd < 0 ? -errno : lookup_fd(r, parent, path_fd, &entry);
	}
	if (code < 0)
		close_fd(&fd);
	else
		code = put_created(r, parent, &entry, fd);
	inode_put(&r->server->inodes, parent);
	return code;
}

int fs_read(struct fs_request *r)
{
	const struct fuse_read_in *in = req_take(r, sizeof(*in));
	struct handle *h = handle_get(&r->server->handles, in->fh, false);
	struct iovec iov[VQ_IOV_MAX];
	unsigned n;
	ssize_t got;
	int code;

	if (!h)
		return -EBADF;
	n = iovc_peek(&r->out, in->size, iov, VQ_IOV_MAX);
	do
		got = in->offset > INT64_MAX ? 0 : preadv(h->fd, iov, (int)n, (off_t)in->offset);
	while (got < 0 && errno == EINTR);
	code = got < 0 ? -errno : 0;
	if (got > 0)
		r->out_len += iovc_skip(&r->out, (size_t)got);
	handle_put(&r->server->handles, h);
	return code;
}

int fs_write(struct fs_request *r)
{
	const struct fuse_write_in *in = req_take(r, sizeof(*in));
	struct handle *h = handle_get(&r->server->handles, in->fh, false);
	bool kill = in->write_flags & FUSE_WRITE_KILL_SUIDGID;
	struct fuse_write_out out = { 0 };
	struct iovec iov[VQ_IOV_MAX];
	unsigned n;
	ssize_t done;
	int code;

	if (!h)
		return -EBADF;
	n = iovc_peek(&r->data, in->size, iov, VQ_IOV_MAX);
	if (kill)
		cred_kill_setid(r, true);
	do
		done = pwritev(h->fd, iov, (int)n, (off_t)in->offset);
	while (done < 0 && errno == EINTR);
	code = done < 0 ? -errno : 0;
	if (kill)
		cred_kill_setid(r, false);
	handle_put(&r->server->handles, h);
	if (code < 0)
		return code;
	out.size = (uint32_t)done;
	return req_put(r, &out, sizeof(out));
}

int fs_release(struct fs_request *r)
{
	const struct fuse_release_in *in = req_take(r, sizeof(*in));

	release_locks(r, in->fh);
	handle_remove(&r->server->handles, in->fh);
	return 0;
}

static int sync_handle(struct fs_request *r, bool dir)
{
	const struct fuse_fsync_in *in = req_take(r, sizeof(*in));
	struct handle *h = handle_get(&r->server->handles, in->fh, dir);
	int code = 0;

	if (!h)
		return -EBADF;
	if (h->fd >= 0 &&
		(in->fsync_flags & FUSE_FSYNC_FDATASYNC ? fdatasync(h->fd) : fsync(h->fd)) < 0)
		code = -errno;
	handle_put(&r->server->handles, h);
	return code;
}

int fs_fsync(struct fs_request *r)
{
	return sync_handle(r, false);
}

int fs_fsyncdir(struct fs_request *r)
{
	return sync_handle(r, true);
}

/*
 * For changes of content of which the protocol does not say whether they end setuid: only root is
 * taken for somebody with CAP_FSETID.
 */
static void kill_setid_of_users(const struct fs_request *r, bool on)
{
	if (r->in.uid != r->server->uid)
		cred_kill_setid(r, on);
}

int fs_fallocate(struct fs_request *r)
{
	const struct fuse_fallocate_in *in = req_take(r, sizeof(*in));
	struct handle *h = handle_get(&r->server->handles, in->fh, false);
	int code = 0;

	if (!h)
		return -EBADF;
	if (in->offset > INT64_MAX || in->length > INT64_MAX)
		code = -EFBIG;
	kill_setid_of_users(r, true);
	if (code == 0 && fallocate(h->fd, (int)in->mode, (off_t)in->offset, (off_t)in->length) < 0)
		code = -errno;
	kill_setid_of_users(r, false);
	handle_put(&r->server->handles, h);
	return code;
}

int fs_lseek(struct fs_request *r)
{
	const struct fuse_lseek_in *in = req_take(r, sizeof(*in));
	struct handle *h;
	struct fuse_lseek_out out;
	off_t at;

	if (in->whence != SEEK_DATA && in->whence != SEEK_HOLE)
		return -EINVAL;
	h = handle_get(&r->server->handles, in->fh, false);
	if (!h)
		return -EBADF;
	/* A negative offset, too: what that is, the host's file system says. */
	at = lseek(h->fd, (off_t)in->offset, (int)in->whence);
	if (at < 0)
		at = -errno;
	handle_put(&r->server->handles, h);
	if (at < 0)
		return (int)at;
	out.offset = (uint64_t)at;
	return req_put(r, &out, sizeof(out));
}

int fs_copy_file_range(struct fs_request *r)
{
	const struct fuse_copy_file_range_in *in = req_take(r, sizeof(*in));
	struct handle *from = handle_get(&r->server->handles, in->fh_in, false);
	struct handle *to = handle_get(&r->server->handles, in->fh_out, false);
	off_t from_at = (off_t)in->off_in, to_at = (off_t)in->off_out;
	size_t len = in->len < WRITE_MAX_BYTES * 64UL ? in->len : WRITE_MAX_BYTES * 64UL;
	struct fuse_write_out out = { 0 };
	ssize_t done = -1;
	int code = -EBADF;

	if (from && to) {
		kill_setid_of_users(r, true);
		done = copy_file_range(from->fd, &from_at, to->fd, &to_at, len, 0);
		code = done < 0 ? -errno : 0;
		kill_setid_of_users(r, false);
	}
	handle_put(&r->server->handles, from);
	handle_put(&r->server->handles, to);
	if (code < 0)
		return code;
	out.size = (uint32_t)done;
	return req_put(r, &out, sizeof(out));
}

/* The synthetic root stands for the files that are exports: their file systems are written out. */
static int sync_files(struct fs_request *r)
{
	struct export *e;
	int code = 0;

	for (size_t i = 0; (e = exports_at(&r->server->exports, i)); i++) {
		if ((e->flags & (FS_EXPORT_RO | FS_EXPORT_FILE)) == FS_EXPORT_FILE) {
			char number[FD_NAME_MAX];
			AUTO_CLOSE int fd = -1;

			fd_name(e->fd, number);
			fd = openat(r->server->proc_fd, number, O_RDONLY | O_CLOEXEC);
			if (fd >= 0 && syncfs(fd) < 0)
				code = -errno;
		}
		export_put(e);
	}
	return code;
}

/* The guest's sync(2) and syncfs(2): once for each of its file systems, by the nodeid of its root.
 */
int fs_syncfs(struct fs_request *r)
{
	AUTO_CLOSE int fd = -1;
	struct inode *inode;
	int code;

	if (r->in.nodeid == FUSE_ROOT_ID)
		return sync_files(r);
	code = req_inode(r, r->in.nodeid, false, &inode);
	if (code < 0)
		return code;
	if (!(inode->export->flags & FS_EXPORT_RO)) {
		fd = open_inode(r, inode, O_RDONLY);
		code = fd < 0 ? fd : syncfs(fd) < 0 ? -errno : 0;
	}
	inode_put(&r->server->inodes, inode);
	return code;
}
