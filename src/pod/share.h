/* Host trees that the pod shares with its guest: served by vmrun-vm. */
#pragma once

#include "base/err.h"

#include <stdint.h>

/*
 * Gives one to the vmrun-vm of ctl under a name of its own: fd (O_PATH) stays the caller's; flags
 * are VMCTL_SHARE_*.
 */
int share_add(int ctl, const char *name, int fd, uint32_t flags, struct err *err) CHECKED;
