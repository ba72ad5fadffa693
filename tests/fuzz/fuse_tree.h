/*
 * The tree of fuzz_fuse, below a temporary directory: rw/, volume/, ro/ and file are shared,
 * outside/ is not and, as ro/, must stay as it is. The server works in a chroot to that directory,
 * so it can touch nothing else of the host, and a symlink that leads out finds outside/.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#define FT_SECRET "what no guest may see"

struct fuse_tree {
	char base[64]; /* its path */
	int base_fd, proc_fd;
};

extern struct fuse_tree fuse_tree;

/* Makes it; atexit() removes it. */
void ft_make(void);
/* rw/, volume/ and file, as they are at the start of each input. Aborts if it finds a device node
 * there. */
void ft_renew(void);
/* Into the chroot, with /proc/self/fd as the working directory, and back. */
void ft_enter(void);
void ft_leave(void);
/* Nothing outside of rw/, volume/ and file was changed. */
void ft_check(void);
/* A number for what there is below a folder of the tree; called between ft_enter() and ft_leave().
 */
uint64_t ft_print_of(const char *name);
/* Or it is a bug: the tree is removed, and the program traps. */
void ft_require(bool ok);
