/*
 * A virtio device: class (constant data and a few functions), negotiated state, queues. The device
 * state machine and all its checks live in vdev.c; transports (mmio.c, vhost_user.c) only
 * translate register accesses or messages into the calls below.
 *
 * Threads: vdev_* calls of the transport come from any vCPU thread and serialise on vdev->lock.
 * start() and stop() of a class are called with the lock held; a device that works in another
 * thread hands over there itself (loop_call()) and stop() returns only when that thread has let go
 * of the queues.
 */
#pragma once

#include "base/saved.h"
#include "dev/vq.h"

#include <pthread.h>
#include <stdatomic.h>

#define VDEV_QUEUES_MAX 8

struct vdev;

struct vdev_class {
	const char *name;
	uint32_t virtio_id;
	unsigned queues;
	uint16_t queue_max[VDEV_QUEUES_MAX];
	/* That each of its devices offers, beyond VERSION_1, EVENT_IDX and INDIRECT_DESC. */
	uint64_t features;
	/* The driver is ready (DRIVER_OK), queues are started: begin to watch q->kick_fd. */
	int (*start)(struct vdev *d);
	/*
	 * Reset, shutdown or suspension: let go of the queues, with nothing popped that is not
	 * pushed. Also called after a failed start.
	 */
	void (*stop)(struct vdev *d);
	/* The driver starts over: forget what it knew. Stopped; NULL: there is nothing. */
	void (*reset)(struct vdev *d);
	/* A write to config space, already bounds-checked; NULL: read-only. */
	void (*config_written)(struct vdev *d, uint32_t offset, uint32_t len);
	/*
	 * What it knows beyond its queues, to and from the state of a machine; paused, and for
	 * restore as it was made. restore checks everything it reads, and takes all of it or fails
	 * with -EINVAL; save fails with -EBUSY while it cannot be saved. NULL: it knows nothing.
	 */
	int (*save)(struct vdev *d, struct buf *out);
	int (*restore)(struct vdev *d, struct saved *in);
};

/* Device status bits, virtio 1.2 section 2.1. */
#define VDEV_ACKNOWLEDGE     1
#define VDEV_DRIVER	     2
#define VDEV_DRIVER_OK	     4
#define VDEV_FEATURES_OK     8
#define VDEV_NEEDS_RESET     64
#define VDEV_FAILED	     128

#define VDEV_F_INDIRECT_DESC (1ULL << 28)
#define VDEV_F_EVENT_IDX     (1ULL << 29)
#define VDEV_F_VERSION_1     (1ULL << 32)

struct vdev {
	const struct vdev_class *class;
	void *config; /* config space; owned by the device */
	uint32_t config_len;
	unsigned queues;   /* in use; at most class->queues */
	uint64_t features; /* that this one offers, beyond those that all do */
	struct vq queue[VDEV_QUEUES_MAX];

	/* Of vdev.c and the transport. */
	pthread_mutex_t lock;
	uint64_t driver_features;
	atomic_uint status; /* changed under the lock, except that devices add NEEDS_RESET */
	bool running;	    /* start() succeeded and stop() was not called since */
	bool used;	    /* it was running since the last reset */
	atomic_uint config_generation;
	atomic_uint interrupt_status; /* bit 0 queue, bit 1 config */
	/* Transport: make the guest see interrupt_status; q: of a queue, NULL: of the config. */
	void (*raise)(struct vdev *d, const struct vq *q);
	void *transport;
};

/* What one device has beside its class; zeroed: nothing. */
struct vdev_spec {
	unsigned queues;   /* 0: all of the class */
	uint64_t features; /* that it offers beyond those of the class */
	void *config;	   /* its config space; the device's own */
	uint32_t config_len;
};

/* Prepares a device with its kick eventfds. gm must outlive it. Returns 0 or -errno. */
int vdev_init(struct vdev *d, const struct vdev_class *class, const struct gmem *gm,
	const struct vdev_spec *spec) CHECKED;
/* Stops the device and closes its eventfds. */
void vdev_done(struct vdev *d);

/* What the device offers, and the negotiated set once FEATURES_OK is set. */
uint64_t vdev_features(const struct vdev *d);
bool vdev_has(const struct vdev *d, uint64_t feature);
/* Whether a driver may have these. */
bool vdev_features_ok(const struct vdev *d, uint64_t features);

/*
 * For transports. Accesses that the state machine forbids are ignored, as the specification lets a
 * device do; nothing a guest writes here is fatal to the monitor.
 */
void vdev_set_status(struct vdev *d, uint8_t status);
void vdev_set_driver_features(struct vdev *d, uint64_t features);
/* True when queue registers may be written: FEATURES_OK set, DRIVER_OK and FAILED clear. */
bool vdev_queues_writable(const struct vdev *d);
/* QueueReady: 1 validates and freezes the ring; a bad ring leaves it not ready. */
void vdev_queue_set_ready(struct vdev *d, unsigned q, bool ready);
/*
 * A running device lets go of its queues, which keep their positions, and is where it was before
 * DRIVER_OK: set up anew and started it goes on, without a reset in between.
 */
void vdev_suspend(struct vdev *d);
/*
 * The same unseen by the driver, to whom the device only takes longer; and it goes on. For while no
 * vCPU runs.
 */
void vdev_pause(struct vdev *d);
void vdev_resume(struct vdev *d);
/*
 * The state of a paused device as one section; and into one that was made alike and that no driver
 * has touched, which is paused then: vdev_resume() goes on. Memory is the same before and after.
 * restore: -EINVAL for what no device of the kind can have saved, with which the device is of no
 * use any more. Others: -ENOMEM, and -EBUSY when the device cannot be saved now.
 */
int vdev_save(struct vdev *d, struct buf *out) CHECKED;
int vdev_restore(struct vdev *d, struct saved *in) CHECKED;
void vdev_config_read(struct vdev *d, uint32_t offset, void *to, uint32_t len);
void vdev_config_write(struct vdev *d, uint32_t offset, const void *from, uint32_t len);

/* For devices, from their own thread. */
void vdev_interrupt_queue(struct vdev *d, struct vq *q); /* if the guest wants one */
void vdev_interrupt_config(struct vdev *d);		 /* the config space has changed */
/*
 * A queue broke the rules: sets NEEDS_RESET and tells the guest, once. The device stops popping.
 * Takes no lock: a transport may hold it while it waits for the device's thread in stop().
 */
void vdev_broken(struct vdev *d);
