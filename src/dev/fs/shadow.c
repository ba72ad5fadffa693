/*
 * Answers to shadow operations (base/shadow.h): the guest's kernel is to believe that it makes a
 * change which the host has made already, or has even undone since. Nothing on the host is touched.
 *
 * What there is no inode for any more is a *ghost*: a nodeid that is in no table and tells its own
 * type. Nothing is believed for any time, so that the next look at a name finds what is really
 * there; whoever looks meanwhile may find a ghost, of which all is ESTALE.
 */
#include "base/shadow.h"

#include "base/auto.h"
#include "dev/fs/server.h"
#include "dev/fs/watch.h"

#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#define GHOST	   (1ULL << 62)
#define TYPE_SHIFT 40 /* of S_IFMT bits: above a count, below what makes it a ghost */
/* Without bits of a group: the kernel then asks for no ACL. */
#define GHOST_MODE 0700

struct shadow {
	struct fs_request *r;
	enum shadow_op op;
	uint32_t mark; /* of MOVE: which is the old name */
	bool dir;      /* the operation is on a directory */
};

static bool is_ghost(uint64_t nodeid)
{
	return nodeid & GHOST;
}

/* One per share: the kernel has but one place for a directory. */
static bool is_elsewhere(uint64_t nodeid)
{
	return (nodeid & SHADOW_ELSEWHERE_NODEID) == SHADOW_ELSEWHERE_NODEID;
}

static void ghost_attr(uint64_t nodeid, struct fuse_attr *ret)
{
	mode_t type = is_elsewhere(nodeid) ? S_IFDIR : (nodeid >> TYPE_SHIFT) & S_IFMT;

	*ret = (struct fuse_attr){
		.ino = nodeid,
		.mode = type | GHOST_MODE,
		.nlink = 1,
		.blksize = 4096,
	};
}

static int put_ghost(struct fs_request *r, uint64_t nodeid)
{
	struct fuse_entry_out out = { .nodeid = nodeid };

	ghost_attr(nodeid, &out.attr);
	return req_put(r, &out, sizeof(out));
}

/* A new one each time: the kernel would take an old one for the same file. */
static int put_new_ghost(struct fs_request *r, mode_t type)
{
	static atomic_uint count;

	return put_ghost(
		r, GHOST | (uint64_t)(type & S_IFMT) << TYPE_SHIFT | atomic_fetch_add(&count, 1));
}

/* The entry of an inode that has been looked up once more for it, which is taken back on failure.
 */
static int put_entry(struct fs_request *r, struct fuse_entry_out *out)
{
	int code;

	out->entry_valid = out->attr_valid = 0;
	out->entry_valid_nsec = out->attr_valid_nsec = 0;
	code = req_put(r, out, sizeof(*out));
	if (code < 0)
		inode_forget(&r->server->inodes, out->nodeid, 1);
	return code;
}

/*
 * What has no link any more on the host is removed in the guest by the event of that and no other:
 * its kernel lets go of what watches a file without links.
 */
static void linked(struct fuse_attr *attr)
{
	if (attr->nlink == 0)
		attr->nlink = 1;
}

/*
 * An inode that the guest knows, by its number. removing: an entry of it goes, of which the kernel
 * counts down the links; what is still linked is there once more than it will be.
 */
static int put_inode(struct fs_request *r, uint64_t nodeid, bool removing)
{
	struct inode *inode = inode_again(&r->server->inodes, nodeid);
	struct fuse_entry_out out = { .nodeid = nodeid };
	struct statx stx;
	int code;

	if (!inode)
		return -ESTALE;
	code = stat_inode(inode->fd, &stx);
	if (code == 0)
		fill_attr(r, inode, &stx, &out.attr);
	if (removing && inode->type != S_IFDIR)
		out.attr.nlink++;
	linked(&out.attr);
	inode_put(&r->server->inodes, inode);
	if (code < 0) {
		inode_forget(&r->server->inodes, nodeid, 1);
		return code;
	}
	return put_entry(r, &out);
}

/* The inode that a name stood for, if it is of the kind and, when it is to go, a directory gone. */
static uint64_t known(const struct shadow *s, const char *name, bool removing)
{
	struct fs_request *r = s->r;
	uint64_t nodeid = known_get(&r->server->watch->known, r->in.nodeid, name);
	struct inode *inode = nodeid ? inode_get(&r->server->inodes, nodeid) : NULL;
	struct statx stx;
	bool good = inode && (inode->type == S_IFDIR) == s->dir;

	/* The kernel lets nobody into a directory that it has seen removed. */
	if (good && removing && s->dir)
		good = stat_inode(inode->fd, &stx) == 0 && stx.stx_nlink == 0;
	inode_put(&r->server->inodes, inode);
	return good ? nodeid : 0;
}

static int put_known_or_ghost(const struct shadow *s, const char *name, bool removing)
{
	uint64_t nodeid = known(s, name, removing);

	if (nodeid && put_inode(s->r, nodeid, removing) == 0)
		return 0;
	return put_new_ghost(s->r, s->dir ? S_IFDIR : S_IFREG);
}

/* What is there now. */
static int look_up(const struct shadow *s, const char *name, struct fuse_entry_out *ret)
{
	struct inode *parent;
	int code = req_inode(s->r, s->r->in.nodeid, false, &parent);

	if (code < 0)
		return code;
	code = lookup_entry(s->r, parent, name, ret);
	inode_put(&s->r->server->inodes, parent);
	return code;
}

static int touched(const struct shadow *s, const char *name)
{
	struct fuse_entry_out out;

	if (look_up(s, name, &out) == 0) {
		if (S_ISDIR(out.attr.mode) == s->dir)
			return put_entry(s->r, &out);
		inode_forget(&s->r->server->inodes, out.nodeid, 1);
	}
	return put_known_or_ghost(s, name, false);
}

/* What a move overwrites: what the guest knew, when something else is there now. */
static int overwritten(const struct shadow *s, const char *name)
{
	struct known *k = &s->r->server->watch->known;
	uint64_t old = known_get(k, s->r->in.nodeid, name);
	struct fuse_entry_out now;

	if (!old || is_ghost(s->r->in.nodeid))
		return -ENOENT;
	if (look_up(s, name, &now) == 0) {
		inode_forget(&s->r->server->inodes, now.nodeid, 1);
		/* The look-up has said otherwise. */
		known_set(k, s->r->in.nodeid, name, old);
		if (now.nodeid == old)
			return -ENOENT;
	}
	old = known(s, name, true);
	return old && put_inode(s->r, old, true) == 0 ? 0 : -ENOENT;
}

static int by_id(const struct shadow *s, const char *name)
{
	unsigned long long nodeid;
	struct inode *share, *inode;
	int code = -ENOENT;

	if (sscanf(name, SHADOW_ID_FORMAT, &nodeid) != 1)
		return -ENOENT;
	share = inode_get(&s->r->server->inodes, s->r->in.nodeid);
	inode = inode_get(&s->r->server->inodes, nodeid);
	if (share && inode && share->export == inode->export && inode->type == S_IFDIR)
		code = put_inode(s->r, nodeid, false);
	inode_put(&s->r->server->inodes, inode);
	inode_put(&s->r->server->inodes, share);
	return code;
}

static int on_lookup(const struct shadow *s)
{
	uint64_t dir = is_elsewhere(s->r->in.nodeid) ? SHADOW_ELSEWHERE_NODEID : s->r->in.nodeid;
	const char *name;
	int code = req_name(s->r, &name);

	if (code < 0)
		return code;
	switch (s->op) {
	case SHADOW_MAKE:
		return -ENOENT;
	case SHADOW_TOUCH:
	case SHADOW_TOUCH_DIR:
		return touched(s, name);
	case SHADOW_REMOVE:
	case SHADOW_REMOVE_DIR:
		return put_known_or_ghost(s, name, true);
	case SHADOW_MOVE:
	case SHADOW_MOVE_DIR:
		if (shadow_move_mark(dir, name) == s->mark)
			return put_known_or_ghost(s, name, false);
		return overwritten(s, name);
	case SHADOW_ELSEWHERE:
		return put_ghost(s->r, SHADOW_ELSEWHERE_NODEID | s->r->in.nodeid);
	case SHADOW_BY_ID:
		return by_id(s, name);
	}
	return -ENOENT;
}

/* MKNOD, MKDIR, SYMLINK: the entry that the host has made, if it is still there. */
static int made(const struct shadow *s, const char *name, mode_t type)
{
	struct fuse_entry_out out;

	if (look_up(s, name, &out) == 0) {
		if ((out.attr.mode & S_IFMT) == (type & S_IFMT))
			return put_entry(s->r, &out);
		inode_forget(&s->r->server->inodes, out.nodeid, 1);
	}
	return put_new_ghost(s->r, type);
}

static int on_mknod(const struct shadow *s)
{
	const struct fuse_mknod_in *in = req_take(s->r, sizeof(*in));
	const char *name;
	int code = req_name(s->r, &name);

	return code < 0 ? code : made(s, name, in->mode);
}

static int on_mkdir(const struct shadow *s)
{
	const char *name;
	int code = req_take(s->r, sizeof(struct fuse_mkdir_in)) ? req_name(s->r, &name) : -EINVAL;

	return code < 0 ? code : made(s, name, S_IFDIR);
}

static int on_symlink(const struct shadow *s)
{
	const char *name;
	int code = req_name(s->r, &name);

	return code < 0 ? code : made(s, name, S_IFLNK);
}

static int on_remove(const struct shadow *s)
{
	const char *name;
	int code = req_name(s->r, &name);

	if (code == 0)
		known_remove(&s->r->server->watch->known, s->r->in.nodeid, name);
	return code;
}

static int on_rename(const struct shadow *s)
{
	size_t fixed = s->r->in.opcode == FUSE_RENAME ? sizeof(struct fuse_rename_in)
						      : sizeof(struct fuse_rename2_in);
	const struct fuse_rename_in *in = req_take(s->r, fixed);
	const char *from, *to;
	int code = req_name(s->r, &from);

	if (code == 0)
		code = req_name(s->r, &to);
	if (code < 0)
		return code;
	if (is_ghost(in->newdir))
		known_remove(&s->r->server->watch->known, s->r->in.nodeid, from);
	else
		known_move(&s->r->server->watch->known, s->r->in.nodeid, from, in->newdir, to);
	return 0;
}

static int on_open(const struct shadow *s)
{
	/* No handle has the number 0. Without KEEP_CACHE the guest drops what it has read. */
	struct fuse_open_out out = { .fh = 0 };

	return req_put(s->r, &out, sizeof(out));
}

/* The attributes as they are, which the kernel takes for those that it has set. */
static int on_attr(const struct shadow *s)
{
	struct fuse_attr_out out = { .attr_valid = 0 };
	struct inode *inode;
	struct statx stx;
	int code;

	if (is_ghost(s->r->in.nodeid)) {
		ghost_attr(s->r->in.nodeid, &out.attr);
		return req_put(s->r, &out, sizeof(out));
	}
	code = req_inode(s->r, s->r->in.nodeid, false, &inode);
	if (code < 0)
		return code;
	code = stat_inode(inode->fd, &stx);
	if (code == 0)
		fill_attr(s->r, inode, &stx, &out.attr);
	linked(&out.attr);
	inode_put(&s->r->server->inodes, inode);
	return code < 0 ? code : req_put(s->r, &out, sizeof(out));
}

static int (*handler_of(const struct fs_request *r))(const struct shadow *s)
{
	switch (r->in.opcode) {
	case FUSE_LOOKUP:
		/* Shares themselves are looked up as ever. */
		return r->in.nodeid == FUSE_ROOT_ID ? NULL : on_lookup;
	case FUSE_MKNOD:
		return on_mknod;
	case FUSE_MKDIR:
		return on_mkdir;
	case FUSE_SYMLINK:
		return on_symlink;
	case FUSE_UNLINK:
	case FUSE_RMDIR:
		return on_remove;
	case FUSE_RENAME:
	case FUSE_RENAME2:
		return on_rename;
	case FUSE_OPEN:
		return on_open;
	case FUSE_SETATTR:
	case FUSE_GETATTR:
		return on_attr;
	default:
		return NULL;
	}
}

/* In shares that are not watched such a gid is one like any other. */
static bool is_watched(struct fs_request *r)
{
	struct inode *inode =
		is_ghost(r->in.nodeid) ? NULL : inode_get(&r->server->inodes, r->in.nodeid);
	bool watched = inode ? inode->export->flags & FS_EXPORT_WATCH : is_ghost(r->in.nodeid);

	inode_put(&r->server->inodes, inode);
	return watched;
}

bool shadow_serve(struct fs_request *r, int *code)
{
	struct shadow s = {
		.r = r,
		.op = (enum shadow_op)(r->in.gid >> 20 & 0xf),
		.mark = r->in.gid & 0xfffff,
	};
	int (*handler)(const struct shadow *);

	if ((r->in.gid & SHADOW_GID_MASK) != SHADOW_GID)
		return false;
	handler = handler_of(r);
	if (!handler || !is_watched(r))
		return false;
	s.dir = s.op == SHADOW_TOUCH_DIR || s.op == SHADOW_REMOVE_DIR || s.op == SHADOW_MOVE_DIR;
	*code = handler(&s);
	return true;
}
