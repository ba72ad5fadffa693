/*
 * The virtio-fs device: a FUSE server (protocol 7.36, linux/fuse.h) over an export table. Each
 * export is an O_PATH descriptor that appears as one entry of a synthetic, read-only root.
 * Requests are served by worker threads of the device's own, one per request queue.
 */
#pragma once

#include "dev/vdev.h"

struct fs;

enum fs_export_flags {
	FS_EXPORT_RO = 1,
	FS_EXPORT_FILE = 2,
	/* How much the guest may believe without asking (cache.c): neither, that is FS_CACHE_AUTO.
	 */
	FS_EXPORT_CACHE_NONE = 4,
	FS_EXPORT_CACHE_ALWAYS = 8,
	FS_EXPORT_ROOT = 16,	    /* a container's root, which hardly anybody else changes */
	FS_EXPORT_LOCAL_LOCKS = 32, /* file locks are the guest's own, the host's are not seen */
	FS_EXPORT_WATCH = 64,	    /* what the host changes in it raises events in the guest */
};

struct fs_config {
	const char *tag; /* at most 36 bytes */
	/*
	 * The attribute of the synthetic root that tells, as two 64-bit numbers in the order of the
	 * machine, since how many nanoseconds the guest was told nothing that it may believe for a
	 * tick of its clock, and for how many it may still believe a name of a file that is not
	 * true. NULL: there is no such attribute.
	 */
	const char *beliefs_xattr;
	unsigned request_queues; /* 1..4 */
	int proc_self_fd;    /* O_PATH directory fd of this process's /proc/self/fd; owned by fs */
	unsigned inodes_max; /* descriptors that inodes may hold; beyond: ENFILE */
	/*
	 * Called by each worker thread before its first request (for its seccomp filter and
	 * capabilities); a failure stops the device. May be NULL.
	 */
	int (*worker_start)(void *arg);
	/*
	 * Called by any worker thread when the guest holds so many inodes that it should be asked
	 * to drop those that it only remembers. May be NULL.
	 */
	void (*crowded)(void *arg);
	/*
	 * File locks: ranges and owners that lock them; beyond: ENOLCK. 0: the guest's kernel has
	 * them to itself, and asks for none.
	 */
	unsigned locks_max;
	/*
	 * Called by any worker thread when a request has begun to wait for a lock while none did:
	 * somebody should find out which of fs_lock_waiting() have got a signal. May be NULL.
	 */
	void (*lock_waiting)(void *arg);
	/*
	 * Called by a thread of the device when there is something to tell the agent of changes by
	 * the host (base/shadow.h) and no stream to it: fs_events_stream() is wanted. NULL: no
	 * export is watched.
	 */
	void (*events)(void *arg);
	void *arg;
};

int fs_new(const struct fs_config *config, const struct gmem *gm, struct fs **ret) CHECKED;
void fs_free(struct fs *fs);
struct vdev *fs_vdev(struct fs *fs);

/*
 * Adds or removes an export; any thread. add: fd (O_PATH) is owned by fs, also on failure.
 * -EEXIST, -EINVAL (bad name), -ENOSPC. remove: -ENOENT; what the guest knows of it is closed, save
 * for requests at work: its inodes answer ESTALE, its open files EBADF.
 */
int fs_export_add(struct fs *fs, const char *name, int fd, unsigned flags) CHECKED;
int fs_export_remove(struct fs *fs, const char *name) CHECKED;

/* The guest's threads that wait for locks, by their numbers there: at most max; the count. */
unsigned fs_lock_waiting(struct fs *fs, uint32_t *tid, unsigned max);
/* Thread tid of the guest has a signal to look after: it is told so, and does not wait. */
void fs_lock_interrupt(struct fs *fs, uint32_t tid);

/*
 * The stream on which the agent reads: fd (owned) is non-blocking; -1: there is none. Any thread.
 * When it breaks it is asked for again.
 */
void fs_events_stream(struct fs *fs, int fd);
