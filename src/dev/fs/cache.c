/*
 * What the guest may believe of a file without asking again, and for how long.
 *
 * Nothing can tell Linux's virtio-fs that a file has changed on the host, so it has to ask. By
 * default it asks for each name but those of directories whenever a path is walked; what is told of
 * directories, of attributes, and by READDIRPLUS is good for one tick of the guest's clock, the
 * least that is not nothing, so that a burst of requests asks once. Cached content survives an open
 * when the file is the one that was opened before.
 */
#include "base/auto.h"
#include "dev/fs/server.h"

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

static uint64_t now_ns(clockid_t clock)
{
	struct timespec ts;

	clock_gettime(clock, &ts);
	return ns_of(ts.tv_sec, (uint32_t)ts.tv_nsec);
}

/* The guest now believes something for a tick: see cache_age(). */
static void granted(struct fs_server *server)
{
	atomic_store_explicit(
		&server->granted_ns, now_ns(CLOCK_MONOTONIC_COARSE), memory_order_relaxed);
}

uint64_t cache_age_ns(struct fs_server *server)
{
	return now_ns(CLOCK_MONOTONIC_COARSE) -
	       atomic_load_explicit(&server->granted_ns, memory_order_relaxed);
}

void cache_entry(
	struct fs_request *r, const struct inode *inode, bool listed, struct fuse_entry_out *ret)
{
	switch (export_cache(inode->export)) {
	case FS_CACHE_NONE:
		return;
	case FS_CACHE_ALWAYS:
		ret->entry_valid = ret->attr_valid = ALWAYS_SECONDS;
		return;
	default:
		if (listed || inode->type == S_IFDIR)
			ret->entry_valid_nsec = TICK_NS;
		ret->attr_valid_nsec = TICK_NS;
		granted(r->server);
	}
}

void cache_attr(struct fs_request *r, const struct inode *inode, struct fuse_attr_out *ret)
{
	switch (export_cache(inode->export)) {
	case FS_CACHE_NONE:
		return;
	case FS_CACHE_ALWAYS:
		ret->attr_valid = ALWAYS_SECONDS;
		return;
	default:
		ret->attr_valid_nsec = TICK_NS;
		granted(r->server);
	}
}

/* When the open file has changed last; 0: too lately to be known again. */
static uint64_t settled_change(int fd)
{
	struct statx stx;
	uint64_t change, now = now_ns(CLOCK_REALTIME_COARSE);

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
