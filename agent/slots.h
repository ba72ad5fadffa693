/*
 * Slots of the machine that were empty when the guest booted. The kernel has looked at each once,
 * found nothing (device id 0) and let go of it; when the host has put a device there, it has to be
 * told to look again.
 */
#pragma once

#include "base/err.h"

#include <stdint.h>

struct slot_device {
	char name[32];	 /* of the virtio device: "virtio5" */
	char driver[32]; /* that has it; "": none */
};

/*
 * sysfs: a directory, /sys. Lets the kernel look at a slot, unless it has its device already.
 * -ENOENT: there is no such slot; -EBUSY: it is empty.
 */
int slot_bind(int sysfs, uint32_t slot, struct slot_device *ret, struct err *err) CHECKED;
