/*
 * The virtio-mmio transport, version 2 (virtio 1.2 section 4.2.2): a register page of 4 KiB in
 * front of a vdev. The machine routes accesses here, registers each queue's kick_fd as an ioeventfd
 * on MMIO_QUEUE_NOTIFY with the queue's index, and irq_fd as an irqfd.
 */
#pragma once

#include "dev/vdev.h"

#define MMIO_SLOT_SIZE	  0x1000
#define MMIO_QUEUE_NOTIFY 0x50

struct mmio {
	/*
	 * NULL: an empty slot. It reads as device id 0, which drivers ignore (section 4.2.3.1); it
	 * may be filled while the guest runs, and then looked at again.
	 */
	struct vdev *_Atomic dev;
	int irq_fd;	      /* eventfd, written to raise the slot's edge-triggered interrupt */
	pthread_mutex_t lock; /* vCPUs may race on the registers below */
	uint32_t device_features_sel, driver_features_sel, queue_sel;
	uint64_t driver_features;
};

/* Puts dev (NULL: none) behind the registers of m and opens irq_fd. Returns 0 or -errno. */
int mmio_init(struct mmio *m, struct vdev *dev) CHECKED;
/* Fills an empty slot; any thread. -EBUSY when it is not empty. */
int mmio_plug(struct mmio *m, struct vdev *dev) CHECKED;
/* Lets go of the device, which lives on. After a failed mmio_init() it does nothing. */
void mmio_done(struct mmio *m);

/*
 * The state of a slot with its device, which is paused, as one section; and into a slot that was
 * made alike. See vdev_save().
 */
int mmio_save(struct mmio *m, struct buf *out) CHECKED;
int mmio_restore(struct mmio *m, struct saved *in) CHECKED;

/*
 * One guest access at offset (0..MMIO_SLOT_SIZE) of len 1, 2, 4 or 8 bytes. Any vCPU thread.
 * Reads that make no sense give zeroes, such writes are ignored.
 */
void mmio_read(struct mmio *m, uint64_t offset, void *data, unsigned len);
void mmio_write(struct mmio *m, uint64_t offset, const void *data, unsigned len);
