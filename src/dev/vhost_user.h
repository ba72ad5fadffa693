/*
 * The vhost-user transport, back end's side: a device of ours for another monitor, over a UNIX
 * socket (QEMU's docs/interop/vhost-user.rst). The front end is trusted no more than the guest that
 * it runs: sizes, indexes, addresses and descriptors are checked, and one that breaks the protocol
 * is disconnected.
 */
#pragma once

#include "base/loop.h"
#include "dev/vdev.h"

struct vhost_user;

/* The front end is gone; why is NULL when it closed the socket, else what it did wrong. */
typedef void vhost_user_gone_fn(void *arg, const char *why);

/*
 * Serves dev to the front end at the other end of socket fd (owned), in the loop's thread. gm is
 * the table that dev was made with, empty: the front end's memory is mapped and put into it. It
 * must be of a memfd that is sealed against shrinking, so that no access of ours can fault. gone is
 * called at most once; the caller then frees. Returns 0 or -errno.
 */
int vhost_user_new(struct loop *loop, struct vdev *dev, struct gmem *gm, int fd,
	vhost_user_gone_fn *gone, void *arg, struct vhost_user **ret) CHECKED;
/* Stops the device, and takes the memory away from it. Before the device goes. */
void vhost_user_free(struct vhost_user *v);
