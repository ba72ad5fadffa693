/*
 * Names that the guest believes for a second, not for a tick only. Those of files, because Linux
 * forgets a file and all that it has cached of it when nobody uses it and its name is not believed
 * any more; and in a container's root those of directories and symlinks as well, since each path
 * begins with some. The server looks after these names itself: when a file is opened, and when
 * somebody wants to know whether all beliefs are true.
 */
#pragma once

#include "dev/fs/inode.h"

#include <linux/fuse.h>

struct fs_server;

#define BINDING_SECONDS 1

/*
 * The guest is told that parent has inode (held) by that name, which it may believe. Returns false
 * if it had better not: memory is out.
 */
bool binding_set(struct inodes *t, struct inode *inode, uint64_t parent, const char *name);
/* The guest is told these attributes of a directory, which it may believe as long as its name. */
void binding_attributes(struct inodes *t, struct inode *inode, const struct fuse_attr *attr);

/*
 * Whether the guest opens the inode (held) by a name that is not its any more. It is to be told so
 * once (ESTALE), upon which Linux looks up all names of the path again; if it then opens the same
 * inode, it has not come by a name but by a descriptor (/proc/PID/fd).
 */
bool binding_is_stale(struct fs_server *server, struct inode *inode);

/* The guest itself has given a file this name in dir: not by LOOKUP, so it was not told. */
void binding_moved(struct fs_server *server, const struct inode *dir, const char *name);

/* For how many nanoseconds the guest may still believe a name that is not true; 0: all are. */
uint64_t bindings_wait_ns(struct fs_server *server);
