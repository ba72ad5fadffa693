/*
 * What the guest may believe of a file without asking again, and for how long.
 *
 * Nothing can tell Linux's virtio-fs that a file has changed on the host, so it has to ask. By
 * default what it is told of directories, symlinks and attributes is good for one tick of its
 * clock, the least that is not nothing, so that a burst of requests asks once; the name of a file
 * is good for longer, and looked after here (binding.h). Cached content survives an open when the
 * file is as it was when it was opened before.
 */
#include "base/auto.h"
#include "dev/fs/binding.h"
#include "dev/fs/server.h"

#include <sys/stat.h>
#include <time.h>

#define ALWAYS_SECONDS 86400
/* The guest rounds up to its next tick. */
#define TICK_NS 1

/*
 * A file that is changed twice within the resolution of its file system's timestamps looks the same
 * after both changes. So only what has not changed for longer than that is known again: two seconds
 * where timestamps are whole seconds (FAT's are even ones), else two ticks of the slowest host.
 */
#define FINE_NS	  20000000ULL
#define COARSE_NS 2000000000ULL

static uint64_t ns_of(int64_t sec, uint32_t nsec)
{
	return (uint64_t)sec * 1000000000 + nsec;
}

static uint64_t clock_ns(clockid_t clock)
{
	struct timespec ts;

	clock_gettime(clock, &ts);
	return ns_of(ts.tv_sec, (uint32_t)ts.tv_nsec);
}

uint64_t cache_now_ns(void)
{
	return clock_ns(CLOCK_MONOTONIC_COARSE);
}

/* The guest now believes something for a tick: see cache_age(). */
static void granted(struct fs_server *server)
{
	atomic_store_explicit(&server->granted_ns, cache_now_ns(), memory_order_relaxed);
}

uint64_t cache_age_ns(struct fs_server *server)
{
	return cache_now_ns() - atomic_load_explicit(&server->granted_ns, memory_order_relaxed);
}

/* A file with several names may be believed to have one that is not looked after. */
static bool name_is_believed(const struct inode *inode, const struct fuse_attr *attr)
{
	switch (inode->type) {
	case S_IFREG:
		return attr->nlink == 1;
	case S_IFDIR:
	case S_IFLNK:
		return inode->export->flags & FS_EXPORT_ROOT;
	default:
		return false;
	}
}

/* Of a directory whose name is believed: its times as well, which programs seldom look at. */
static bool attributes_are_believed(const struct inode *inode)
{
	return inode->type == S_IFDIR && (inode->export->flags & FS_EXPORT_ROOT) && !inode->below;
}

/*
 * Many requests end setuid (FUSE_HANDLE_KILLPRIV_V2), and Linux does not look at the mode again
 * after all of them: of files that have such a bit it believes nothing.
 */
static bool mode_may_end(const struct fuse_attr *attr)
{
	return S_ISREG(attr->mode) && (attr->mode & (S_ISUID | S_ISGID));
}

static void grant_entry(struct fs_request *r, struct inode *inode, const struct inode *parent,
	const char *name, struct fuse_entry_out *ret)
{
	switch (export_cache(inode->export)) {
	case FS_CACHE_NONE:
		return;
	case FS_CACHE_ALWAYS:
		ret->entry_valid = ret->attr_valid = ALWAYS_SECONDS;
		return;
	default:
		if (parent && name_is_believed(inode, &ret->attr) &&
			binding_set(&r->server->inodes, inode, parent->nodeid, name))
			ret->entry_valid = BINDING_SECONDS;
		else
			ret->entry_valid_nsec = TICK_NS;
		if (ret->entry_valid && attributes_are_believed(inode)) {
			binding_attributes(&r->server->inodes, inode, &ret->attr);
			ret->attr_valid = BINDING_SECONDS;
		} else {
			ret->attr_valid_nsec = TICK_NS;
		}
		if (ret->entry_valid_nsec || ret->attr_valid_nsec)
			granted(r->server);
	}
}

void cache_entry(struct fs_request *r, struct inode *inode, const struct inode *parent,
	const char *name, struct fuse_entry_out *ret)
{
	grant_entry(r, inode, parent, name, ret);
	if (mode_may_end(&ret->attr))
		ret->attr_valid = ret->attr_valid_nsec = 0;
}

void cache_attr(struct fs_request *r, struct inode *inode, struct fuse_attr_out *ret)
{
	if (mode_may_end(&ret->attr))
		return;
	switch (export_cache(inode->export)) {
	case FS_CACHE_NONE:
		return;
	case FS_CACHE_ALWAYS:
		ret->attr_valid = ALWAYS_SECONDS;
		return;
	default:
		/* Looked after with its name, if it has one. */
		if (attributes_are_believed(inode))
			binding_attributes(&r->server->inodes, inode, &ret->attr);
		ret->attr_valid_nsec = TICK_NS;
		granted(r->server);
	}
}

/* When the open file has changed last; 0: too lately to be known again. */
static uint64_t settled_change(int fd)
{
	struct statx stx;
	uint64_t change, now = clock_ns(CLOCK_REALTIME_COARSE);

	if (stat_inode(fd, &stx) < 0)
		return 0;
	change = ns_of(stx.stx_ctime.tv_sec, stx.stx_ctime.tv_nsec);
	return change + (stx.stx_ctime.tv_nsec ? FINE_NS : COARSE_NS) < now ? change : 0;
}

uint32_t cache_open_flags(struct inode *inode, int fd)
{
	uint64_t change;

	switch (export_cache(inode->export)) {
	case FS_CACHE_NONE:
		return 0;
	case FS_CACHE_ALWAYS:
		return FOPEN_KEEP_CACHE;
	default:
		change = settled_change(fd);
		return atomic_exchange(&inode->opened_change, change) == change && change
			       ? FOPEN_KEEP_CACHE
			       : 0;
	}
}
