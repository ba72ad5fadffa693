/*
 * The table of FUSE requests and the way of one through it. Worker threads. Requests are copied
 * before they are looked at; a handler gets only what its row says is there.
 */
#include "base/auto.h"
#include "dev/fs/server.h"
#include "dev/fs/watch.h"

#include <stdio.h>
#include <string.h>

static int fs_destroy(struct fs_request *r);

/* fixed: bytes of the request's fixed part, which must be there. */
static const struct op {
	uint32_t opcode;
	uint32_t fixed;
	fs_handler *handle;
} ops[] = {
	{ FUSE_LOOKUP, 0, fs_lookup },
	{ FUSE_FORGET, sizeof(struct fuse_forget_in), fs_forget },
	{ FUSE_GETATTR, sizeof(struct fuse_getattr_in), fs_getattr },
	{ FUSE_SETATTR, sizeof(struct fuse_setattr_in), fs_setattr },
	{ FUSE_STATX, sizeof(struct fuse_statx_in), fs_statx },
	{ FUSE_READLINK, 0, fs_readlink },
	{ FUSE_SYMLINK, 0, fs_symlink },
	{ FUSE_MKNOD, sizeof(struct fuse_mknod_in), fs_mknod },
	{ FUSE_MKDIR, sizeof(struct fuse_mkdir_in), fs_mkdir },
	{ FUSE_UNLINK, 0, fs_unlink },
	{ FUSE_RMDIR, 0, fs_rmdir },
	{ FUSE_RENAME, sizeof(struct fuse_rename_in), fs_rename },
	{ FUSE_RENAME2, sizeof(struct fuse_rename2_in), fs_rename2 },
	{ FUSE_LINK, sizeof(struct fuse_link_in), fs_link },
	{ FUSE_OPEN, sizeof(struct fuse_open_in), fs_open },
	{ FUSE_READ, sizeof(struct fuse_read_in), fs_read },
	{ FUSE_WRITE, sizeof(struct fuse_write_in), fs_write },
	{ FUSE_STATFS, 0, fs_statfs },
	{ FUSE_RELEASE, sizeof(struct fuse_release_in), fs_release },
	{ FUSE_FLUSH, sizeof(struct fuse_flush_in), fs_flush },
	{ FUSE_FSYNC, sizeof(struct fuse_fsync_in), fs_fsync },
	{ FUSE_SETXATTR, 0, fs_setxattr },
	{ FUSE_GETXATTR, sizeof(struct fuse_getxattr_in), fs_getxattr },
	{ FUSE_LISTXATTR, sizeof(struct fuse_getxattr_in), fs_listxattr },
	{ FUSE_REMOVEXATTR, 0, fs_removexattr },
	{ FUSE_GETLK, sizeof(struct fuse_lk_in), fs_getlk },
	{ FUSE_SETLK, sizeof(struct fuse_lk_in), fs_setlk },
	{ FUSE_SETLKW, sizeof(struct fuse_lk_in), fs_setlkw },
	{ FUSE_INIT, sizeof(uint32_t) * 2, fs_init },
	{ FUSE_OPENDIR, sizeof(struct fuse_open_in), fs_opendir },
	{ FUSE_READDIR, sizeof(struct fuse_read_in), fs_readdir },
	{ FUSE_READDIRPLUS, sizeof(struct fuse_read_in), fs_readdirplus },
	{ FUSE_RELEASEDIR, sizeof(struct fuse_release_in), fs_release },
	{ FUSE_FSYNCDIR, sizeof(struct fuse_fsync_in), fs_fsyncdir },
	{ FUSE_CREATE, sizeof(struct fuse_create_in), fs_create },
	{ FUSE_IOCTL, sizeof(struct fuse_ioctl_in), fs_ioctl },
	{ FUSE_INTERRUPT, sizeof(struct fuse_interrupt_in), fs_interrupt },
	{ FUSE_DESTROY, 0, fs_destroy },
	{ FUSE_BATCH_FORGET, sizeof(struct fuse_batch_forget_in), fs_batch_forget },
	{ FUSE_FALLOCATE, sizeof(struct fuse_fallocate_in), fs_fallocate },
	{ FUSE_LSEEK, sizeof(struct fuse_lseek_in), fs_lseek },
	{ FUSE_COPY_FILE_RANGE, sizeof(struct fuse_copy_file_range_in), fs_copy_file_range },
	{ FUSE_SYNCFS, sizeof(struct fuse_syncfs_in), fs_syncfs },
#if FUSE_KERNEL_MINOR_VERSION >= 37
	{ FUSE_TMPFILE, sizeof(struct fuse_create_in), fs_tmpfile },
#endif
};

static int fs_destroy(struct fs_request *r)
{
	/* After an unmount no FORGET comes for what was known. */
	handles_clear(&r->server->handles, NULL);
	locks_clear(&r->server->locks, NULL);
	inodes_clear(&r->server->inodes, NULL);
	return 0;
}

const void *req_take(struct fs_request *r, size_t n)
{
	const void *p = r->body + r->body_pos;

	if (r->body_len - r->body_pos < n)
		return NULL;
	r->body_pos += n;
	return p;
}

const char *req_string(struct fs_request *r)
{
	const char *s = (const char *)r->body + r->body_pos;
	const char *end = memchr(s, '\0', r->body_len - r->body_pos);

	if (!end)
		return NULL;
	r->body_pos += (size_t)(end - s) + 1;
	return s;
}

int req_name(struct fs_request *r, const char **ret)
{
	const char *name = req_string(r);

	if (!name || !*name || strchr(name, '/') || strcmp(name, ".") == 0 ||
		strcmp(name, "..") == 0)
		return -EINVAL;
	if (strlen(name) > NAME_MAX_BYTES)
		return -ENAMETOOLONG;
	*ret = name;
	return 0;
}

int req_put(struct fs_request *r, const void *data, size_t n)
{
	if (r->out.left < n)
		return -EIO;
	r->out_len += iovc_write(&r->out, data, n);
	return 0;
}

const char *fd_name(int fd, char name[FD_NAME_MAX])
{
	snprintf(name, FD_NAME_MAX, "%d", fd);
	return name;
}

int req_inode(struct fs_request *r, uint64_t nodeid, bool write, struct inode **ret)
{
	struct inode *inode = inode_get(&r->server->inodes, nodeid);

	if (!inode)
		return nodeid == FUSE_ROOT_ID && write ? -EROFS : -ESTALE;
	if (atomic_load(&inode->export->removed)) {
		inode_put(&r->server->inodes, inode);
		return -ESTALE;
	}
	if (write && (inode->export->flags & FS_EXPORT_RO)) {
		inode_put(&r->server->inodes, inode);
		return -EROFS;
	}
	*ret = inode;
	return 0;
}

/* Copies what the handlers look at; WRITE data stays in guest memory, for the kernel to read. */
static bool copy_body(struct fs_request *r, struct iovc *in)
{
	size_t n = in->left;

	if (r->in.opcode == FUSE_WRITE && n > sizeof(struct fuse_write_in))
		n = sizeof(struct fuse_write_in);
	if (n > BODY_MAX_BYTES)
		return false;
	r->body_len = iovc_read(in, r->body, n);
	r->body_pos = 0;
	r->data = *in;
	return true;
}

/* What the guest changes itself must not come back to it as a change by the host. */
static int handle(struct fs_request *r, fs_handler *handler)
{
	bool watched;
	int code;

	if (!r->server->watch)
		return handler(r);
	if (shadow_serve(r, &code))
		return code;
	watched = watch_before(r);
	code = handler(r);
	if (watched)
		watch_after(r, code);
	return code;
}

static int dispatch(struct fs_request *r, struct iovc *in)
{
	for (size_t i = 0; i < ARRAY_LEN(ops); i++) {
		if (ops[i].opcode != r->in.opcode)
			continue;
		if (!copy_body(r, in) || r->body_len < ops[i].fixed)
			return -EINVAL;
		return handle(r, ops[i].handle);
	}
	return -ENOSYS;
}

static uint32_t answer(const struct vq_chain *chain, uint64_t unique, int error, size_t payload)
{
	struct iovc head = iovc_in(chain);
	struct fuse_out_header out = {
		.len = (uint32_t)(sizeof(out) + payload),
		.error = error,
		.unique = unique,
	};

	if (head.left < sizeof(out))
		return 0;
	iovc_write(&head, &out, sizeof(out));
	return out.len;
}

uint32_t fs_answer(const struct vq_chain *chain, uint64_t unique, int error)
{
	return answer(chain, unique, error, 0);
}

uint32_t fs_serve(struct fs_request *r, const struct vq_chain *chain)
{
	struct iovc in = iovc_out(chain);
	int error;

	r->no_reply = r->deferred = false;
	r->head = chain->head;
	r->out_len = 0;
	r->out = iovc_in(chain);
	if (iovc_read(&in, &r->in, sizeof(r->in)) != sizeof(r->in))
		return 0;
	iovc_skip(&r->out, sizeof(struct fuse_out_header));
	error = dispatch(r, &in);
	return r->no_reply || r->deferred
		       ? 0
		       : answer(chain, r->in.unique, error, error ? 0 : r->out_len);
}
