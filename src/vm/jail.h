/*
 * The confinement of vmrun-vm, in the order it is put on: jail_enter() takes every path away,
 * file-system workers keep the few capabilities that serving files needs, jail_drop_privileges()
 * takes all others from the calling thread (and the threads it makes later), seccomp.h follows.
 * vmrun starts us in a pid namespace of our own, where we are process 1.
 */
#pragma once

#include "base/err.h"

/*
 * Own mount, ipc, uts and network namespaces, an empty read-only root, no_new_privs, not dumpable,
 * no core files, as many descriptors as the hard limit allows. *ret_proc_self_fd: directory
 * descriptor (O_PATH) of our own /proc/self/fd, from which nothing else of proc can be reached.
 * Without CAP_SYS_ADMIN it does what needs no privilege, and ".." of that directory is not cut off.
 */
int jail_enter(int *ret_proc_self_fd, struct err *err) CHECKED;

/* For a file-system worker's thread: nothing but what acting for the guest's users needs. */
int jail_keep_worker_caps(void) CHECKED;

int jail_drop_privileges(struct err *err) CHECKED;
