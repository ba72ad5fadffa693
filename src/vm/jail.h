/*
 * The confinement of vmrun-vm, in the order it is put on: jail_enter() takes every path away,
 * file-system workers keep the few capabilities that serving files needs, jail_drop_privileges()
 * takes all others from the calling thread (and the threads it makes later), seccomp.h follows.
 */
#pragma once

#include "base/err.h"

/*
 * Own mount, ipc, uts and network namespaces, an empty read-only root, no_new_privs, not dumpable,
 * no core files. *ret_proc_self_fd: O_PATH directory of our own /proc/self/fd, from a private
 * instance of proc. Without root it does what needs no privilege.
 */
int jail_enter(int *ret_proc_self_fd, struct err *err) CHECKED;

/* For a file-system worker's thread: nothing but what acting for the guest's users needs. */
int jail_keep_worker_caps(void) CHECKED;

int jail_drop_privileges(struct err *err) CHECKED;
