/*
 * The device state machine (virtio 1.2, sections 2.1 and 3.1), shared by all transports: see
 * vdev.h. Everything a driver may not do at a moment is ignored here, once.
 */
#include "dev/vdev.h"

#include "base/auto.h"

#include <string.h>
#include <sys/eventfd.h>

#define COMMON_FEATURES	 (VDEV_F_VERSION_1 | VDEV_F_EVENT_IDX | VDEV_F_INDIRECT_DESC)

#define INTERRUPT_QUEUE	 1U
#define INTERRUPT_CONFIG 2U

int vdev_init(struct vdev *d, const struct vdev_class *class, const struct gmem *gm,
	const struct vdev_spec *spec)
{
	*d = (struct vdev){
		.class = class,
		.config = spec->config,
		.config_len = spec->config_len,
		.queues = spec->queues ? spec->queues : class->queues,
		.features = class->features | spec->features,
	};
	if (d->queues > class->queues || d->queues > VDEV_QUEUES_MAX) {
		d->class = NULL;
		return -EINVAL;
	}
	pthread_mutex_init(&d->lock, NULL);
	for (unsigned i = 0; i < d->queues; i++) {
		struct vq *q = &d->queue[i];

		*q = (struct vq){ .gm = gm, .max = class->queue_max[i], .kick_fd = -1 };
	}
	for (unsigned i = 0; i < d->queues; i++) {
		d->queue[i].kick_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
		if (d->queue[i].kick_fd < 0) {
			int r = -errno;

			vdev_done(d);
			return r;
		}
	}
	return 0;
}

static void stop(struct vdev *d)
{
	if (!d->running)
		return;
	d->running = false;
	d->class->stop(d);
}

void vdev_done(struct vdev *d)
{
	if (!d->class)
		return;
	pthread_mutex_lock(&d->lock);
	stop(d);
	pthread_mutex_unlock(&d->lock);
	for (unsigned i = 0; i < d->queues; i++)
		close_fd(&d->queue[i].kick_fd);
	pthread_mutex_destroy(&d->lock);
	d->class = NULL;
}

uint64_t vdev_features(const struct vdev *d)
{
	return d->features | COMMON_FEATURES;
}

bool vdev_has(const struct vdev *d, uint64_t feature)
{
	return (atomic_load(&d->status) & VDEV_FEATURES_OK) && (d->driver_features & feature);
}

static void reset(struct vdev *d)
{
	/* First of all: after it no other thread touches queues, status or interrupts. */
	stop(d);
	if (d->used && d->class->reset)
		d->class->reset(d);
	d->used = false;
	for (unsigned i = 0; i < d->queues; i++)
		vq_reset(&d->queue[i]);
	d->driver_features = 0;
	atomic_store(&d->status, 0);
	atomic_store(&d->interrupt_status, 0);
}

static void kick_all(struct vdev *d)
{
	/* A notification may have come before the device watched for it. */
	for (unsigned i = 0; i < d->queues; i++)
		vq_kick(&d->queue[i]);
}

static void start(struct vdev *d)
{
	d->used = true;
	if (d->class->start(d) < 0) {
		d->class->stop(d);
		vdev_broken(d);
		return;
	}
	d->running = true;
	kick_all(d);
}

bool vdev_features_ok(const struct vdev *d, uint64_t features)
{
	return (features & VDEV_F_VERSION_1) && !(features & ~vdev_features(d));
}

/* One new status bit, the older ones kept: the order of section 3.1.1. */
static void add_status(struct vdev *d, unsigned old, unsigned added)
{
	bool legal = (added == VDEV_ACKNOWLEDGE && old == 0) ||
		     (added == VDEV_DRIVER && (old & VDEV_ACKNOWLEDGE)) ||
		     (added == VDEV_FEATURES_OK && (old & VDEV_DRIVER) &&
			     vdev_features_ok(d, d->driver_features)) ||
		     (added == VDEV_DRIVER_OK && (old & VDEV_FEATURES_OK));

	if (!legal && added != VDEV_FAILED)
		return;
	atomic_fetch_or(&d->status, added);
	if (added == VDEV_DRIVER_OK)
		start(d);
	else if (added == VDEV_FAILED)
		stop(d);
}

void vdev_set_status(struct vdev *d, uint8_t status)
{
	unsigned old;

	pthread_mutex_lock(&d->lock);
	old = atomic_load(&d->status);
	if (status == 0)
		reset(d);
	/* Bits are only ever added; after FAILED only a reset helps. NEEDS_RESET is ours. */
	else if (!(old & ~status & ~VDEV_NEEDS_RESET) && !(old & VDEV_FAILED))
		add_status(d, old, status & ~old);
	pthread_mutex_unlock(&d->lock);
}

void vdev_suspend(struct vdev *d)
{
	pthread_mutex_lock(&d->lock);
	stop(d);
	atomic_fetch_and(&d->status, ~(unsigned)VDEV_DRIVER_OK);
	pthread_mutex_unlock(&d->lock);
}

void vdev_pause(struct vdev *d)
{
	pthread_mutex_lock(&d->lock);
	stop(d);
	pthread_mutex_unlock(&d->lock);
}

void vdev_resume(struct vdev *d)
{
	pthread_mutex_lock(&d->lock);
	if (!d->running && (atomic_load(&d->status) & VDEV_DRIVER_OK) &&
		!(atomic_load(&d->status) & (VDEV_FAILED | VDEV_NEEDS_RESET)))
		start(d);
	/* One that was on its way may have been lost; a guest looks what it was for. */
	if (atomic_load(&d->interrupt_status) && d->raise)
		d->raise(d, NULL);
	pthread_mutex_unlock(&d->lock);
}

void vdev_set_driver_features(struct vdev *d, uint64_t features)
{
	pthread_mutex_lock(&d->lock);
	if ((atomic_load(&d->status) & (VDEV_DRIVER | VDEV_FEATURES_OK | VDEV_FAILED)) ==
		VDEV_DRIVER)
		d->driver_features = features;
	pthread_mutex_unlock(&d->lock);
}

bool vdev_queues_writable(const struct vdev *d)
{
	return (atomic_load(&d->status) & (VDEV_FEATURES_OK | VDEV_DRIVER_OK | VDEV_FAILED)) ==
	       VDEV_FEATURES_OK;
}

void vdev_queue_set_ready(struct vdev *d, unsigned q, bool ready)
{
	pthread_mutex_lock(&d->lock);
	if (q < d->queues && vdev_queues_writable(d)) {
		struct vq *vq = &d->queue[q];

		vq->event_idx = d->driver_features & VDEV_F_EVENT_IDX;
		vq->indirect = d->driver_features & VDEV_F_INDIRECT_DESC;
		if (!ready)
			vq_reset(vq);
		else if (!vq->ready)
			(void)!vq_start(vq);
	}
	pthread_mutex_unlock(&d->lock);
}

void vdev_config_read(struct vdev *d, uint32_t offset, void *to, uint32_t len)
{
	memset(to, 0, len);
	pthread_mutex_lock(&d->lock);
	if (len && offset <= d->config_len && len <= d->config_len - offset)
		memcpy(to, (const uint8_t *)d->config + offset, len);
	pthread_mutex_unlock(&d->lock);
}

void vdev_config_write(struct vdev *d, uint32_t offset, const void *from, uint32_t len)
{
	pthread_mutex_lock(&d->lock);
	if (d->class->config_written && len && offset <= d->config_len &&
		len <= d->config_len - offset) {
		memcpy((uint8_t *)d->config + offset, from, len);
		d->class->config_written(d, offset, len);
	}
	pthread_mutex_unlock(&d->lock);
}

void vdev_interrupt_queue(struct vdev *d, struct vq *q)
{
	if (!vq_wants_interrupt(q))
		return;
	atomic_fetch_or(&d->interrupt_status, INTERRUPT_QUEUE);
	if (d->raise)
		d->raise(d, q);
}

void vdev_interrupt_config(struct vdev *d)
{
	atomic_fetch_add(&d->config_generation, 1);
	atomic_fetch_or(&d->interrupt_status, INTERRUPT_CONFIG);
	if (d->raise)
		d->raise(d, NULL);
}

void vdev_broken(struct vdev *d)
{
	if (!(atomic_fetch_or(&d->status, VDEV_NEEDS_RESET) & VDEV_NEEDS_RESET))
		vdev_interrupt_config(d);
}
