/*
 * The state of a device as bytes: see vdev_save(). What the guest has negotiated and where its
 * rings are is checked as if the guest came with it anew.
 */
#include "dev/vdev.h"

#include <string.h>

#define TAG	      SAVED_TAG('v', 'd', 'e', 'v')
#define STATE_VERSION 1

static int save_queue(const struct vq *q, struct buf *out)
{
	const uint64_t numbers[] = {
		q->size,
		q->desc_gpa,
		q->avail_gpa,
		q->used_gpa,
		q->ready,
		q->last_avail,
		q->used_idx,
		q->signalled_used,
		q->broken,
	};
	int r = 0;

	for (size_t i = 0; r == 0 && i < ARRAY_LEN(numbers); i++)
		r = saved_put(out, numbers[i]);
	return r;
}

static int save_common(struct vdev *d, struct buf *out)
{
	const uint64_t numbers[] = {
		d->class->virtio_id,
		d->queues,
		atomic_load(&d->status),
		d->driver_features,
		d->used,
		atomic_load(&d->config_generation),
		atomic_load(&d->interrupt_status),
		d->config_len,
	};
	int r = 0;

	for (size_t i = 0; r == 0 && i < ARRAY_LEN(numbers); i++)
		r = saved_put(out, numbers[i]);
	if (r == 0)
		r = saved_put_bytes(out, d->config, d->config_len);
	for (unsigned i = 0; r == 0 && i < d->queues; i++)
		r = save_queue(&d->queue[i], out);
	return r;
}

int vdev_save(struct vdev *d, struct buf *out)
{
	AUTO(buf_done) struct buf body = { 0 };
	int r;

	pthread_mutex_lock(&d->lock);
	r = d->running ? -EBUSY : save_common(d, &body);
	if (r == 0 && d->class->save)
		r = d->class->save(d, &body);
	pthread_mutex_unlock(&d->lock);
	return r ? r : saved_section(out, TAG, STATE_VERSION, &body);
}

/* The combinations that vdev_set_status() lets a driver reach. */
static bool is_legal(unsigned status)
{
	unsigned chain = status & ~(unsigned)(VDEV_FAILED | VDEV_NEEDS_RESET);

	return chain == 0 || chain == VDEV_ACKNOWLEDGE ||
	       chain == (VDEV_ACKNOWLEDGE | VDEV_DRIVER) ||
	       chain == (VDEV_ACKNOWLEDGE | VDEV_DRIVER | VDEV_FEATURES_OK) ||
	       chain == (VDEV_ACKNOWLEDGE | VDEV_DRIVER | VDEV_FEATURES_OK | VDEV_DRIVER_OK);
}

static void restore_queue(struct vdev *d, struct vq *q, struct saved *in)
{
	bool ready, negotiated = atomic_load(&d->status) & VDEV_FEATURES_OK;

	q->size = (uint16_t)saved_get(in, q->max);
	q->desc_gpa = saved_get(in, UINT64_MAX);
	q->avail_gpa = saved_get(in, UINT64_MAX);
	q->used_gpa = saved_get(in, UINT64_MAX);
	ready = saved_get(in, 1);
	q->event_idx = negotiated && (d->driver_features & VDEV_F_EVENT_IDX);
	q->indirect = negotiated && (d->driver_features & VDEV_F_INDIRECT_DESC);
	if (ready && (!negotiated || in->wrong || vq_start(q) < 0))
		in->wrong = true;
	q->last_avail = (uint16_t)saved_get(in, UINT16_MAX);
	q->used_idx = (uint16_t)saved_get(in, UINT16_MAX);
	q->signalled_used = (uint16_t)saved_get(in, UINT16_MAX);
	q->broken = saved_get(in, 1);
	/* No more can be under way than there are entries. */
	if ((uint16_t)(q->last_avail - q->used_idx) > q->size)
		in->wrong = true;
}

/* What the guest can write is its; all else must be the same device. */
static void restore_config(struct vdev *d, struct saved *in)
{
	if (in->left < d->config_len || (!d->class->config_written && d->config_len &&
						memcmp(in->at, d->config, d->config_len) != 0))
		in->wrong = true;
	else
		saved_get_bytes(in, d->config, d->config_len);
}

static void restore_common(struct vdev *d, struct saved *in)
{
	unsigned status;

	if (saved_get(in, UINT32_MAX) != d->class->virtio_id ||
		saved_get(in, VDEV_QUEUES_MAX) != d->queues)
		in->wrong = true;
	status = (unsigned)saved_get(in, UINT8_MAX);
	d->driver_features = saved_get(in, UINT64_MAX);
	d->used = saved_get(in, 1);
	atomic_store(&d->config_generation, (unsigned)saved_get(in, UINT32_MAX));
	atomic_store(&d->interrupt_status, (unsigned)saved_get(in, 3));
	if (!is_legal(status) ||
		((status & VDEV_FEATURES_OK) && !vdev_features_ok(d, d->driver_features)))
		in->wrong = true;
	atomic_store(&d->status, in->wrong ? 0 : status);
	if (saved_get(in, d->config_len) != d->config_len)
		in->wrong = true;
	restore_config(d, in);
	for (unsigned i = 0; i < d->queues; i++)
		restore_queue(d, &d->queue[i], in);
}

int vdev_restore(struct vdev *d, struct saved *in)
{
	struct saved body = saved_open(in, TAG, STATE_VERSION);
	int r = 0;

	pthread_mutex_lock(&d->lock);
	if (d->running || d->used || atomic_load(&d->status))
		body.wrong = true;
	restore_common(d, &body);
	if (!body.wrong && d->class->restore)
		r = d->class->restore(d, &body);
	if (r == 0)
		r = saved_close(&body);
	pthread_mutex_unlock(&d->lock);
	return r;
}
