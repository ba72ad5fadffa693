/*
 * Inside the virtio-fs server: the server's state and one request. Each worker thread has one
 * request at a time; inodes, handles and exports are shared and lock themselves.
 */
#pragma once

#include "dev/fs/export.h"
#include "dev/fs/fs.h"
#include "dev/fs/handle.h"
#include "dev/fs/inode.h"
#include "dev/fs/lock.h"
#include "dev/fs/number.h"
#include "dev/fs/protocol.h"
#include "dev/fs/stat.h"

#include <stdatomic.h>

#define WRITE_MAX_BYTES (1U << 20)
#define NAME_MAX_BYTES	255
#define XATTR_MAX_BYTES 65536
/* The largest fixed part with its strings: SETXATTR with a name and a value. */
#define BODY_MAX_BYTES (XATTR_MAX_BYTES + 4096)

struct fs_server {
	int proc_fd; /* directory /proc/self/fd */
	uid_t uid;   /* our own, between requests */
	gid_t gid;
	struct inodes inodes;
	struct handles handles;
	struct exports exports;
	struct numbers numbers;
	struct locks locks;
	struct watch *watch;	   /* NULL: no export is watched */
	bool setxattr_ext;	   /* negotiated by INIT */
	const char *beliefs_xattr; /* see fs_config */
	_Atomic uint64_t
		granted_ns; /* CLOCK_MONOTONIC_COARSE: when the guest was told to believe */
};

struct fs_request {
	struct fs_server *server;
	struct fuse_in_header in;
	uint8_t *body; /* what follows the header, copied; WRITE: only its fixed part */
	size_t body_len, body_pos;
	struct iovc data; /* WRITE: the data, in guest memory */
	struct iovc out;  /* reply payload: room behind the header */
	size_t out_len;	  /* bytes of payload written */
	bool no_reply;
	bool deferred; /* the answer comes later: see fs_answer() */
	unsigned queue;
	uint16_t head;	  /* of the chain */
	uint8_t *scratch; /* XATTR_MAX_BYTES, of the worker */
	bool parity;	  /* of watch.h: of the mark that follows the request */
};

/*
 * Serves one request; returns the bytes written to the chain, which is given back unless the
 * request is deferred. Never fails towards the device.
 */
uint32_t fs_serve(struct fs_request *r, const struct vq_chain *chain);
/* Answers what was deferred, without payload; returns the bytes written. */
uint32_t fs_answer(const struct vq_chain *chain, uint64_t unique, int error);

/* The fixed part of a request: its next n bytes, or NULL when there are not so many. */
const void *req_take(struct fs_request *r, size_t n);
/* The next NUL-terminated string, which must end within the request. */
const char *req_string(struct fs_request *r);
/* The next string as the name of a directory entry: 0, -EINVAL, -ENAMETOOLONG. */
int req_name(struct fs_request *r, const char **ret) CHECKED;
/* Appends to the reply; -EIO when the guest gave no room for it. */
int req_put(struct fs_request *r, const void *data, size_t n) CHECKED;

/*
 * The name of a descriptor in /proc/self/fd, where workers stand, for calls that take no O_PATH
 * descriptor. Returns name.
 */
#define FD_NAME_MAX 16
const char *fd_name(int fd, char name[FD_NAME_MAX]);

/*
 * A request that raises events in the guest and changes nothing here: see base/shadow.h. serve:
 * whether it was one, then *code is its reply.
 */
bool shadow_serve(struct fs_request *r, int *code);

/* The inode of a nodeid, held until inode_put(); -ESTALE when there is none, or -EROFS for `write`.
 */
int req_inode(struct fs_request *r, uint64_t nodeid, bool write, struct inode **ret) CHECKED;

/* Looks name up in parent and counts it as looked up; fills a reply entry. */
int lookup_entry(struct fs_request *r, struct inode *parent, const char *name,
	struct fuse_entry_out *ret) CHECKED;
/* Puts the entry for an O_PATH descriptor (owned) found below parent. */
int lookup_fd(
	struct fs_request *r, struct inode *parent, int fd, struct fuse_entry_out *ret) CHECKED;
void fill_attr(struct fs_request *r, const struct inode *inode, const struct statx *stx,
	struct fuse_attr *ret);
/* The number that the guest sees for host inode number ino on the device of `near`. */
uint64_t guest_ino(struct fs_request *r, const struct inode *near, uint64_t ino);

/* A real descriptor for a regular file or directory; anything else is -EACCES, never opened. */
int open_inode(struct fs_request *r, const struct inode *inode, int flags) CHECKED;

/* What was locked through a file that is closed is free. */
void release_locks(struct fs_request *r, uint64_t fh);
/* FOPEN_* flags for inode, which was opened as fd. */
uint32_t lock_open_flags(struct inode *inode, int fd);
/* A file was made, and is open for writing. */
void lock_created(struct fs_request *r, uint64_t nodeid);

/*
 * The mode bits of inode for a guest whose kernel does not look at its ACL: nobody gets more than
 * by the ACL. mode: the host's.
 */
uint32_t acl_narrow(const struct inode *inode, uint32_t mode);

/*
 * Says in a reply, whose attributes are filled, how long the guest may believe it: that inode is
 * called name in parent. parent: NULL for an export's root, and for a file without a name.
 */
void cache_entry(struct fs_request *r, struct inode *inode, const struct inode *parent,
	const char *name, struct fuse_entry_out *ret);
void cache_attr(struct fs_request *r, struct inode *inode, struct fuse_attr_out *ret);
/* FOPEN_KEEP_CACHE if fd, just opened, holds what the guest has cached of inode; else 0. */
uint32_t cache_open_flags(struct inode *inode, int fd);
/* The clock by which beliefs are dated. */
uint64_t cache_now_ns(void);
/* Nanoseconds since the guest was told anything that it may believe for a tick. Any thread. */
uint64_t cache_age_ns(struct fs_server *server);

/*
 * What a thread that touches files does first: a working directory of its own, /proc/self/fd, no
 * groups, then what the program wants (start; may be NULL). 0 or -errno.
 */
int thread_prepare(const struct fs_server *server, int (*start)(void *arg), void *arg) CHECKED;

/*
 * Acts as the request's user and group, with the umask that he has, for what is created next; and
 * back. Per thread.
 */
void cred_enter(const struct fs_request *r, mode_t mask);
/* The same for a file that is made in parent, and may be setgid for parent's group. */
void cred_enter_for_file(const struct fs_request *r, mode_t mask, const struct inode *parent);
void cred_leave(const struct fs_request *r);
/*
 * Without CAP_FSETID, and with the request's group, writes and truncations clear setuid bits as
 * they would for the user. (Of his other groups nothing is known.)
 */
void cred_kill_setid(const struct fs_request *r, bool on);

/* Handlers: 0, or a negative errno that becomes the reply. By theme in their files. */
typedef int fs_handler(struct fs_request *r);
fs_handler fs_init, fs_ioctl;
fs_handler fs_lookup, fs_forget, fs_batch_forget, fs_getattr, fs_setattr, fs_statx, fs_statfs;
fs_handler fs_readlink, fs_symlink, fs_mknod, fs_mkdir, fs_unlink, fs_rmdir, fs_rename, fs_rename2,
	fs_link;
fs_handler fs_open, fs_create, fs_tmpfile, fs_read, fs_write, fs_release, fs_fsync, fs_fallocate,
	fs_lseek, fs_copy_file_range, fs_syncfs;
fs_handler fs_getlk, fs_setlk, fs_setlkw, fs_flush, fs_interrupt;
fs_handler fs_opendir, fs_readdir, fs_readdirplus, fs_fsyncdir;
fs_handler fs_setxattr, fs_getxattr, fs_listxattr, fs_removexattr;
