/* Requests that make, remove, link and rename directory entries. */
#include "base/auto.h"
#include "dev/fs/binding.h"
#include "dev/fs/server.h"

#include <fcntl.h>
#include <limits.h>
#include <stdio.h> /* renameat2() */
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

/* Replies with the entry that was just made in parent. */
static int reply_entry(struct fs_request *r, struct inode *parent, const char *name)
{
	struct fuse_entry_out out;
	int code = lookup_entry(r, parent, name, &out);

	if (code < 0)
		return code;
	code = req_put(r, &out, sizeof(out));
	if (code < 0)
		inode_forget(&r->server->inodes, out.nodeid, 1);
	return code;
}

/* The parent (for writing) and the next name of the request. */
static int parent_and_name(struct fs_request *r, struct inode **parent, const char **name)
{
	int code = req_name(r, name);

	return code < 0 ? code : req_inode(r, r->in.nodeid, true, parent);
}

int fs_readlink(struct fs_request *r)
{
	char target[PATH_MAX];
	struct inode *inode;
	ssize_t n;
	int code = req_inode(r, r->in.nodeid, false, &inode);

	if (code < 0)
		return code;
	n = readlinkat(inode->fd, "", target, sizeof(target));
	code = n < 0 ? -errno : req_put(r, target, (size_t)n);
	inode_put(&r->server->inodes, inode);
	return code;
}

int fs_symlink(struct fs_request *r)
{
	struct inode *parent;
	const char *name, *target;
	int code = parent_and_name(r, &parent, &name);

	if (code < 0)
		return code;
	target = req_string(r);
	if (!target || !*target) {
		code = -EINVAL;
	} else {
		cred_enter(r, 0);
		code = symlinkat(target, parent->fd, name) < 0 ? -errno : 0;
		cred_leave(r);
		if (code == 0)
			code = reply_entry(r, parent, name);
	}
	inode_put(&r->server->inodes, parent);
	return code;
}

/* Device nodes would be devices of the host: only the whiteout of overlayfs, which is none. */
static bool mknod_allowed(mode_t mode, uint32_t rdev)
{
	switch (mode & S_IFMT) {
	case 0:
	case S_IFREG:
	case S_IFIFO:
	case S_IFSOCK:
		return true;
	case S_IFCHR:
		return rdev == 0;
	default:
		return false;
	}
}

int fs_mknod(struct fs_request *r)
{
	const struct fuse_mknod_in *in = req_take(r, sizeof(*in));
	struct inode *parent;
	const char *name;
	int code;

	if (!mknod_allowed(in->mode, in->rdev))
		return -EPERM;
	code = parent_and_name(r, &parent, &name);
	if (code < 0)
		return code;
	cred_enter_for_file(r, in->umask, parent);
	code = mknodat(parent->fd, name, in->mode, makedev(0, 0)) < 0 ? -errno : 0;
	cred_leave(r);
	if (code == 0)
		code = reply_entry(r, parent, name);
	inode_put(&r->server->inodes, parent);
	return code;
}

int fs_mkdir(struct fs_request *r)
{
	const struct fuse_mkdir_in *in = req_take(r, sizeof(*in));
	struct inode *parent;
	const char *name;
	int code = parent_and_name(r, &parent, &name);

	if (code < 0)
		return code;
	cred_enter(r, in->umask);
	code = mkdirat(parent->fd, name, in->mode) < 0 ? -errno : 0;
	cred_leave(r);
	if (code == 0)
		code = reply_entry(r, parent, name);
	inode_put(&r->server->inodes, parent);
	return code;
}

static int remove_name(struct fs_request *r, int flags)
{
	struct inode *parent;
	const char *name;
	int code = parent_and_name(r, &parent, &name);

	if (code < 0)
		return code;
	code = unlinkat(parent->fd, name, flags) < 0 ? -errno : 0;
	inode_put(&r->server->inodes, parent);
	return code;
}

int fs_unlink(struct fs_request *r)
{
	return remove_name(r, 0);
}

int fs_rmdir(struct fs_request *r)
{
	return remove_name(r, AT_REMOVEDIR);
}

/*
 * A mount with mapped ids takes no new entry from who has no id there, as we may not; then it is
 * the request's user whose ids count.
 */
static int as_who_is_mapped(
	struct fs_request *r, int (*change)(const void *names), const void *names)
{
	int code = change(names);

	if (code != -EOVERFLOW)
		return code;
	cred_enter(r, 0);
	code = change(names);
	cred_leave(r);
	return code;
}

struct renaming {
	int from;
	const char *old_name;
	int to;
	const char *new_name;
	unsigned flags;
};

static int do_rename(const void *names)
{
	const struct renaming *n = names;

	return renameat2(n->from, n->old_name, n->to, n->new_name, n->flags) < 0 ? -errno : 0;
}

struct linking {
	int proc_fd;
	const char *number;
	int to;
	const char *name;
};

static int do_link(const void *names)
{
	const struct linking *n = names;

	return linkat(n->proc_fd, n->number, n->to, n->name, AT_SYMLINK_FOLLOW) < 0 ? -errno : 0;
}

static int rename_entry(struct fs_request *r, uint64_t new_dir, unsigned flags)
{
	struct inode *from, *to = NULL;
	const char *old_name, *new_name;
	int code = parent_and_name(r, &from, &old_name);

	if (code < 0)
		return code;
	code = req_name(r, &new_name);
	if (code == 0)
		code = req_inode(r, new_dir, true, &to);
	/* Two exports may lie on one host file system; to the guest they are two. */
	if (code == 0 && from->export != to->export)
		code = -EXDEV;
	if (code == 0) {
		struct renaming names = { from->fd, old_name, to->fd, new_name, flags };

		code = as_who_is_mapped(r, do_rename, &names);
		if (code == 0)
			binding_moved(r->server, to, new_name);
		if (code == 0 && (flags & RENAME_EXCHANGE))
			binding_moved(r->server, from, old_name);
	}
	inode_put(&r->server->inodes, to);
	inode_put(&r->server->inodes, from);
	return code;
}

int fs_rename(struct fs_request *r)
{
	const struct fuse_rename_in *in = req_take(r, sizeof(*in));

	return rename_entry(r, in->newdir, 0);
}

int fs_rename2(struct fs_request *r)
{
	const struct fuse_rename2_in *in = req_take(r, sizeof(*in));

	if (in->flags & ~(uint32_t)(RENAME_NOREPLACE | RENAME_EXCHANGE | RENAME_WHITEOUT))
		return -EINVAL;
	return rename_entry(r, in->newdir, in->flags);
}

int fs_link(struct fs_request *r)
{
	const struct fuse_link_in *in = req_take(r, sizeof(*in));
	struct inode *parent, *inode = NULL;
	const char *name;
	char number[FD_NAME_MAX];
	int code = parent_and_name(r, &parent, &name);

	if (code < 0)
		return code;
	code = req_inode(r, in->oldnodeid, true, &inode);
	if (code == 0 && inode->export != parent->export)
		code = -EXDEV;
	if (code == 0) {
		struct linking names = { r->server->proc_fd, number, parent->fd, name };

		fd_name(inode->fd, number);
		code = as_who_is_mapped(r, do_link, &names);
	}
	if (code == 0)
		code = reply_entry(r, parent, name);
	inode_put(&r->server->inodes, inode);
	inode_put(&r->server->inodes, parent);
	return code;
}
