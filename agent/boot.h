/*
 * What PID 1 does before it can serve, one function per step, in the order of main.c's table. None
 * of it is needed (or run) in unit tests.
 */
#pragma once

#include "base/err.h"

#define BOOT_CGROUP_ROOT "/sys/fs/cgroup/vmrun"
#define BOOT_SCRATCH	 "/run/vmrun/scratch"

/* Moves to a tmpfs as "/": pivot_root, which containers need, does not work from an initramfs. */
int boot_root(struct err *err) CHECKED;
/* /proc, /sys, /dev and what is below them. */
int boot_filesystems(struct err *err) CHECKED;
/* The modules of /modules.list; one that fails is only logged, what needs it will tell. Then the
 * initramfs is emptied: its memory is free, and nothing of the agent can be found there. */
int boot_modules(struct err *err) CHECKED;
int boot_limits(struct err *err) CHECKED;
int boot_cgroups(struct err *err) CHECKED;
int boot_network(struct err *err) CHECKED;
int boot_shares(struct err *err) CHECKED;
