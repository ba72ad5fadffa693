/*
 * What vmrun-proxy gives up before it reads the first byte that may come from a guest: it keeps the
 * descriptors that it was given, and little else.
 */
#pragma once

#include "base/err.h"

/*
 * No capabilities and no way to get any, no file system but the directory record_dir_fd (-1: none),
 * no system calls but those that the proxy makes. Kernels without Landlock keep the file system:
 * that is the container's own, and what uid 0 without capabilities may do from record_dir_fd.
 */
int confine(int record_dir_fd, struct err *err) CHECKED;

/*
 * The same for the relay, which also connects UNIX sockets, whoever may by their mode, as the
 * container's own root could: it keeps CAP_DAC_OVERRIDE.
 */
int confine_relay(struct err *err) CHECKED;

/*
 * The same for the server of a seccomp listener's file, which also forks the processes that stand
 * for those in the guest.
 */
int confine_notify(struct err *err) CHECKED;
