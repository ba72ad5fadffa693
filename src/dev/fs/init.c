/* INIT: what of the protocol the guest's kernel and the server use with each other. */
#include "base/auto.h"
#include "dev/fs/server.h"

/*
 * What the server wants if the kernel offers it. doc/shares.md has a table of all that kernels
 * offer, with a reason for each that is not here.
 */
static const uint64_t wanted[] = {
	FUSE_ASYNC_READ,
	FUSE_POSIX_LOCKS, /* these two not where locks are the guest's own: they cost a FLUSH */
	FUSE_FLOCK_LOCKS,
	FUSE_ATOMIC_O_TRUNC,
	FUSE_BIG_WRITES,
	FUSE_DONT_MASK, /* a default ACL beats the umask: the host's file system knows */
	FUSE_HAS_IOCTL_DIR,
	FUSE_AUTO_INVAL_DATA, /* the host may write, too */
	FUSE_DO_READDIRPLUS,
	FUSE_READDIRPLUS_AUTO,
	FUSE_ASYNC_DIO,
	FUSE_PARALLEL_DIROPS,
	FUSE_POSIX_ACL, /* else a group's mode bits count, which are an ACL's mask */
	FUSE_MAX_PAGES,
	FUSE_CACHE_SYMLINKS,
	FUSE_SUBMOUNTS, /* what is mounted below an export is a file system of its own */
	FUSE_HANDLE_KILLPRIV_V2,
	FUSE_SETXATTR_EXT,
	FUSE_INIT_EXT,
	FUSE_CREATE_SUPP_GROUP, /* who is in a directory's group may make setgid files there */
	/* A file handle is good only while the guest remembers its file: better none. */
	FUSE_NO_EXPORT_SUPPORT,
};

int fs_init(struct fs_request *r)
{
	const uint32_t *version = req_take(r, 2 * sizeof(uint32_t));
	const uint32_t *rest = req_take(r, 2 * sizeof(uint32_t)); /* max_readahead, flags */
	const uint32_t *flags2 = rest && (rest[1] & FUSE_INIT_EXT) ? req_take(r, 4) : NULL;
	struct fuse_init_out out = { .major = FUSE_KERNEL_VERSION, .minor = 36 };
	uint64_t offered, flags = 0;

	if (version[0] != FUSE_KERNEL_VERSION || !rest)
		return -EPROTO;
	offered = rest[1] | (flags2 ? (uint64_t)*flags2 << 32 : 0);
	for (size_t i = 0; i < ARRAY_LEN(wanted); i++)
		flags |= offered & wanted[i];
	if (!locks_wanted(&r->server->locks))
		flags &= ~(uint64_t)(FUSE_POSIX_LOCKS | FUSE_FLOCK_LOCKS);
	/* The agent finds directories whose events it raises by their handles: base/shadow.h. */
	if (r->server->watch)
		flags &= ~FUSE_NO_EXPORT_SUPPORT;
	r->server->setxattr_ext = flags & FUSE_SETXATTR_EXT;
	out.max_readahead = rest[0];
	out.flags = (uint32_t)flags;
	out.flags2 = (uint32_t)(flags >> 32);
	out.max_background = 64;
	out.congestion_threshold = 48;
	out.max_write = WRITE_MAX_BYTES;
	out.time_gran = 1;
	out.max_pages = WRITE_MAX_BYTES / 4096;
	return req_put(r, &out, sizeof(out));
}
