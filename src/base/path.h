/* Paths: ids that become file names, and look-ups that cannot leave a root. */
#pragma once

#include "base/err.h"

#include <dirent.h>
#include <stdint.h>
#include <sys/types.h>

#define ID_MAX 1024

/*
 * Checks a container or pod id as runc does: [A-Za-z0-9_+.-], 1 to 255 characters, but not "." and
 * "..". It may look like an option: where it is an argument of a program, "--" goes before it.
 * Returns 0 or -EINVAL with err naming the id and the rule.
 */
int id_check(const char *id, struct err *err) CHECKED;

/*
 * Opens path below rootfd as if rootfd were "/": symlinks, ".." and absolute links stay inside
 * (openat2 RESOLVE_IN_ROOT | RESOLVE_NO_MAGICLINKS). flags as for open(2), O_CLOEXEC is added.
 * Returns an fd or -errno.
 */
int open_in_root(int rootfd, const char *path, int flags, mode_t mode) CHECKED;

/* mkdir -p below rootfd with the same rules, and to where dangling symlinks point; returns an
 * O_PATH fd of the last directory. */
int mkdir_in_root(int rootfd, const char *path, mode_t mode) CHECKED;

/* The same for the directory that path is in: all of it up to the last slash, or rootfd's. */
int mkdir_parent_in_root(int rootfd, const char *path, mode_t mode) CHECKED;

/* An empty file there, unless something is, with the same rules; directories above it are 0755.
 * Returns an O_PATH fd of it. */
int file_in_root(int rootfd, const char *path, mode_t mode) CHECKED;

/* mkdir -p of a path of our own (state and cache directories). Returns 0 or -errno. */
int mkdir_all(const char *path, mode_t mode) CHECKED;

/*
 * The entries of the directory dirfd, from the first one on; to be ended with closedir(). dirfd
 * stays the caller's, and its position is not touched as it would be by way of dup(). NULL with
 * errno set.
 */
DIR *dir_read(int dirfd) CHECKED;

/* Removes the tree name below dirfd, following no symlink. A missing one is success. */
int remove_tree(int dirfd, const char *name) CHECKED;
