/*
 * A FUSE client for tests of the virtio-fs device: requests built by hand go through the queues of
 *a fakeguest to a device that shares a tree of its own in a temporary directory. Calls wait for the
 * answer; what a test does not expect fails it. The tree:
 *
 *	rw/	export "rw"		other/	export "other"
 *	ro/	export "ro", read-only	file	export "file", a single file
 *	volume/	export "volume", watched
 *	outside/ and outside/secret	exported nowhere
 */
#pragma once

#include "dev/fs/fs.h"
#include "tests/unit/fakeguest.h"
#include "tests/unit/unit.h"

#include <linux/fuse.h>
#include <stdatomic.h>
#include <sys/stat.h>

#define FF_ROOM	    (256U << 10) /* for a reply, unless told otherwise */
#define FF_NO_REPLY 1
#define FF_INODES   64
#define FF_LOCKS    200
#define FF_SECRET   "what no guest may see"

struct fakefuse {
	struct fakeguest g;
	struct fs *fs;
	char dir[64];
	unsigned queue;	   /* requests go here: 1 or 2; 0: as FORGETs do */
	uint32_t room;	   /* for a reply with its header */
	uint32_t segment;  /* cut buffers into descriptors of so many bytes; 0: do not */
	uint32_t uid, gid; /* who asks */
	uint64_t in_gpa, out_gpa, unique;
	uint32_t used;		/* bytes of the last reply, with its header */
	const uint8_t *reply;	/* its payload */
	uint32_t len;		/* of that */
	uint64_t rw, ro, other; /* nodeids of exports, looked up by ff_begin() */
	unsigned fds;
	atomic_uint lock_waiting; /* how often a first request has begun to wait for a lock */
	atomic_uint crowded;	  /* how often the server would have the guest forget inodes */
};

struct ff_part {
	const void *data;
	size_t len;
};

extern unsigned ff_locks_max; /* of the next ff_begin(): FF_LOCKS */

/* cmocka fixtures: *state is the one fakefuse, INIT is done. The end checks for leaks. */
int ff_begin(void **state);
int ff_end(void **state);
/* The machine goes on with another device that shares the same, whose exports are looked up. */
void ff_move(struct fakefuse *f);

/* A host path below the tree; valid until the fourth call from here. */
const char *ff_path(struct fakefuse *f, const char *path);
void ff_put_file(struct fakefuse *f, const char *path, const char *text);
bool ff_exists(struct fakefuse *f, const char *path);
unsigned ff_open_fds(void);

/* Sends n bytes of a whole request. The reply's error, negative or 0, or FF_NO_REPLY. */
int ff_raw(struct fakefuse *f, const void *request, size_t n);
/* As many parts as there are up to one without data. */
int ff_send(struct fakefuse *f, uint32_t opcode, uint64_t nodeid, const struct ff_part *parts);
/* The fixed part (may be NULL) and up to two names (with their NUL; NULL: none). */
int ff_call(struct fakefuse *f, uint32_t opcode, uint64_t nodeid, const void *fixed, size_t len,
	const char *name, const char *name2);
#define FF(f, opcode, nodeid, fixed, name)                                                         \
	ff_call(f, opcode, nodeid, &(fixed), sizeof(fixed), name, NULL)
#define FF_NAME(f, opcode, nodeid, name) ff_call(f, opcode, nodeid, NULL, 0, name, NULL)

/* These return what ff_call() does. */
int ff_init(struct fakefuse *f, uint32_t flags);
int ff_lookup_error(struct fakefuse *f, uint64_t parent, const char *name);
int ff_open_error(struct fakefuse *f, uint64_t nodeid, uint32_t flags);
int ff_create_error(struct fakefuse *f, uint64_t parent, const char *name, uint32_t flags);
int ff_read_error(struct fakefuse *f, uint64_t fh, uint64_t offset, uint32_t size);
int ff_write_error(struct fakefuse *f, uint64_t fh, uint64_t offset, const char *text);
int ff_getattr_error(struct fakefuse *f, uint64_t nodeid);
int ff_setattr_error(struct fakefuse *f, uint64_t nodeid, struct fuse_setattr_in in);
int ff_rename2(struct fakefuse *f, uint64_t from, const char *old, uint64_t to, const char *new,
	uint32_t flags);
int ff_link(struct fakefuse *f, uint64_t nodeid, uint64_t parent, const char *name);
int ff_symlink(struct fakefuse *f, uint64_t parent, const char *name, const char *target);
int ff_mknod(struct fakefuse *f, uint64_t parent, const char *name, uint32_t mode, uint32_t rdev);
int ff_mkdir(struct fakefuse *f, uint64_t parent, const char *name, uint32_t mode);
int ff_tmpfile(struct fakefuse *f, uint64_t parent, uint32_t flags);
int ff_setxattr(struct fakefuse *f, uint64_t nodeid, const char *name, const char *value);
int ff_getxattr(struct fakefuse *f, uint64_t nodeid, const char *name, uint32_t size);

/* These succeed and return what they are asked for. */
struct fuse_entry_out ff_entry(struct fakefuse *f); /* of the last reply */
uint64_t ff_lookup(struct fakefuse *f, uint64_t parent, const char *name);
uint64_t ff_open(struct fakefuse *f, uint64_t nodeid, uint32_t flags);
uint64_t ff_opendir(struct fakefuse *f, uint64_t nodeid);
/* The new file's handle, its nodeid too unless NULL. */
uint64_t ff_create(struct fakefuse *f, uint64_t parent, const char *name, uint64_t *nodeid);
struct fuse_attr ff_getattr(struct fakefuse *f, uint64_t nodeid);
void ff_write(struct fakefuse *f, uint64_t fh, uint64_t offset, const char *text);
void ff_check_text(struct fakefuse *f, uint64_t fh, const char *text); /* is all there is */
void ff_release(struct fakefuse *f, uint64_t fh);
void ff_forget(struct fakefuse *f, uint64_t nodeid, uint64_t n);
