/* virtio-rng (virtio 1.2, section 5.4): the guest's entropy source. Runs on the given loop. */
#pragma once

#include "base/loop.h"
#include "dev/vdev.h"

struct rng;

/* Returns 0 or -errno. gm and loop outlive the device. */
int rng_new(struct loop *loop, const struct gmem *gm, struct rng **ret) CHECKED;
void rng_free(struct rng *r);
struct vdev *rng_vdev(struct rng *r);
