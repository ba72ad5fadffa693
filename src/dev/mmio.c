/* The virtio-mmio registers (virtio 1.2, section 4.2.2): see mmio.h. Any vCPU thread. */
#include "dev/mmio.h"

#include "base/auto.h"

#include <string.h>
#include <sys/eventfd.h>

#define CONFIG_SPACE 0x100

enum reg {
	REG_MAGIC = 0x000,
	REG_VERSION = 0x004,
	REG_DEVICE_ID = 0x008,
	REG_VENDOR_ID = 0x00c,
	REG_DEVICE_FEATURES = 0x010,
	REG_DEVICE_FEATURES_SEL = 0x014,
	REG_DRIVER_FEATURES = 0x020,
	REG_DRIVER_FEATURES_SEL = 0x024,
	REG_QUEUE_SEL = 0x030,
	REG_QUEUE_NUM_MAX = 0x034,
	REG_QUEUE_NUM = 0x038,
	REG_QUEUE_READY = 0x044,
	REG_QUEUE_NOTIFY = MMIO_QUEUE_NOTIFY,
	REG_INTERRUPT_STATUS = 0x060,
	REG_INTERRUPT_ACK = 0x064,
	REG_STATUS = 0x070,
	REG_QUEUE_DESC_LOW = 0x080,
	REG_QUEUE_DESC_HIGH = 0x084,
	REG_QUEUE_DRIVER_LOW = 0x090,
	REG_QUEUE_DRIVER_HIGH = 0x094,
	REG_QUEUE_DEVICE_LOW = 0x0a0,
	REG_QUEUE_DEVICE_HIGH = 0x0a4,
	REG_SHM_LEN_LOW = 0x0b0,
	REG_SHM_BASE_HIGH = 0x0bc,
	REG_CONFIG_GENERATION = 0x0fc,
};

#define TAG	  SAVED_TAG('m', 'm', 'i', 'o')
#define STATE	  1	     /* version of what mmio_save() writes */
#define MAGIC	  0x74726976 /* "virt" */
#define VENDOR_ID 0x6e757276 /* "vrun" */

static void raise_irq(struct vdev *d, const struct vq *q)
{
	struct mmio *m = d->transport;
	uint64_t one = 1;

	(void)q; /* one line for all of the slot */

	(void)!write(m->irq_fd, &one, sizeof(one));
}

int mmio_init(struct mmio *m, struct vdev *dev)
{
	*m = (struct mmio){ .dev = NULL };
	m->irq_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	if (m->irq_fd < 0)
		return -errno;
	pthread_mutex_init(&m->lock, NULL);
	return dev ? mmio_plug(m, dev) : 0;
}

int mmio_plug(struct mmio *m, struct vdev *dev)
{
	struct vdev *none = NULL;

	dev->transport = m;
	dev->raise = raise_irq;
	/* From here on vCPUs may use it. */
	return atomic_compare_exchange_strong(&m->dev, &none, dev) ? 0 : -EBUSY;
}

void mmio_done(struct mmio *m)
{
	struct vdev *d = m->dev;

	if (m->irq_fd < 0)
		return;
	if (d)
		d->raise = NULL;
	m->dev = NULL;
	close_fd(&m->irq_fd);
	pthread_mutex_destroy(&m->lock);
}

/* With m->lock: between its check and its use no other vCPU may change queue_sel. */
static struct vq *selected(const struct mmio *m, struct vdev *d)
{
	return m->queue_sel < d->queues ? &d->queue[m->queue_sel] : NULL;
}

static uint32_t read_locked(const struct mmio *m, struct vdev *d, uint64_t reg)
{
	const struct vq *q = selected(m, d);

	switch (reg) {
	case REG_DEVICE_FEATURES:
		if (m->device_features_sel > 1)
			return 0;
		return (uint32_t)(vdev_features(d) >> (32 * m->device_features_sel));
	case REG_QUEUE_NUM_MAX:
		return q ? q->max : 0;
	case REG_QUEUE_READY:
		return q && q->ready;
	default:
		/* No shared memory regions: their length reads as -1. */
		return reg >= REG_SHM_LEN_LOW && reg <= REG_SHM_BASE_HIGH ? UINT32_MAX : 0;
	}
}

static uint32_t read_register(struct mmio *m, struct vdev *d, uint64_t reg)
{
	uint32_t value;

	switch (reg) {
	case REG_DEVICE_ID:
		return d->class->virtio_id;
	case REG_INTERRUPT_STATUS:
		return atomic_load(&d->interrupt_status);
	case REG_STATUS:
		return atomic_load(&d->status);
	case REG_CONFIG_GENERATION:
		return atomic_load(&d->config_generation);
	default:
		break;
	}
	pthread_mutex_lock(&m->lock);
	value = read_locked(m, d, reg);
	pthread_mutex_unlock(&m->lock);
	return value;
}

void mmio_read(struct mmio *m, uint64_t offset, void *data, unsigned len)
{
	struct vdev *d = m->dev;
	uint32_t value = 0;

	memset(data, 0, len);
	if (d && offset >= CONFIG_SPACE && offset < MMIO_SLOT_SIZE) {
		vdev_config_read(d, (uint32_t)(offset - CONFIG_SPACE), data, len);
		return;
	}
	if (len != 4 || offset % 4)
		return;
	if (offset == REG_MAGIC)
		value = MAGIC;
	else if (offset == REG_VERSION)
		value = 2;
	else if (offset == REG_VENDOR_ID)
		value = VENDOR_ID;
	else if (d)
		value = read_register(m, d, offset);
	memcpy(data, &value, sizeof(value));
}

static void set_low(uint64_t *address, uint32_t value)
{
	*address = (*address & ~0xffffffffULL) | value;
}

static void set_high(uint64_t *address, uint32_t value)
{
	*address = (*address & 0xffffffffULL) | (uint64_t)value << 32;
}

/* Ring geometry: accepted only between FEATURES_OK and DRIVER_OK, and not once a ring is ready. */
static void write_queue_register(const struct mmio *m, struct vdev *d, uint64_t reg, uint32_t value)
{
	struct vq *q = selected(m, d);

	pthread_mutex_lock(&d->lock);
	if (q && !q->ready && vdev_queues_writable(d)) {
		switch (reg) {
		case REG_QUEUE_NUM:
			q->size = value <= q->max ? (uint16_t)value : 0;
			break;
		case REG_QUEUE_DESC_LOW:
			set_low(&q->desc_gpa, value);
			break;
		case REG_QUEUE_DESC_HIGH:
			set_high(&q->desc_gpa, value);
			break;
		case REG_QUEUE_DRIVER_LOW:
			set_low(&q->avail_gpa, value);
			break;
		case REG_QUEUE_DRIVER_HIGH:
			set_high(&q->avail_gpa, value);
			break;
		case REG_QUEUE_DEVICE_LOW:
			set_low(&q->used_gpa, value);
			break;
		case REG_QUEUE_DEVICE_HIGH:
			set_high(&q->used_gpa, value);
			break;
		default:
			break;
		}
	}
	pthread_mutex_unlock(&d->lock);
}

static void write_driver_features(struct mmio *m, struct vdev *d, uint32_t value)
{
	if (m->driver_features_sel == 0)
		set_low(&m->driver_features, value);
	else if (m->driver_features_sel == 1)
		set_high(&m->driver_features, value);
	else
		return;
	vdev_set_driver_features(d, m->driver_features);
}

static void notify(struct vdev *d, uint32_t queue)
{
	/* Where the machine has registered an ioeventfd the access never comes here. */
	if (queue < d->queues)
		vq_kick(&d->queue[queue]);
}

static void write_locked(struct mmio *m, struct vdev *d, uint64_t reg, uint32_t value)
{
	switch (reg) {
	case REG_DEVICE_FEATURES_SEL:
		m->device_features_sel = value;
		break;
	case REG_DRIVER_FEATURES_SEL:
		m->driver_features_sel = value;
		break;
	case REG_DRIVER_FEATURES:
		write_driver_features(m, d, value);
		break;
	case REG_QUEUE_SEL:
		m->queue_sel = value;
		break;
	case REG_QUEUE_READY:
		vdev_queue_set_ready(d, m->queue_sel, value == 1);
		break;
	case REG_STATUS:
		if (value > UINT8_MAX)
			break;
		if (value == 0)
			m->driver_features = 0;
		vdev_set_status(d, (uint8_t)value);
		break;
	default:
		write_queue_register(m, d, reg, value);
		break;
	}
}

void mmio_write(struct mmio *m, uint64_t offset, const void *data, unsigned len)
{
	struct vdev *d = m->dev;
	uint32_t value;

	if (!d)
		return;
	if (offset >= CONFIG_SPACE && offset < MMIO_SLOT_SIZE) {
		vdev_config_write(d, (uint32_t)(offset - CONFIG_SPACE), data, len);
		return;
	}
	if (len != 4 || offset % 4)
		return;
	memcpy(&value, data, sizeof(value));
	if (offset == REG_QUEUE_NOTIFY) {
		notify(d, value);
	} else if (offset == REG_INTERRUPT_ACK) {
		atomic_fetch_and(&d->interrupt_status, ~value);
	} else {
		pthread_mutex_lock(&m->lock);
		write_locked(m, d, offset, value);
		pthread_mutex_unlock(&m->lock);
	}
}

int mmio_save(struct mmio *m, struct buf *out)
{
	AUTO(buf_done) struct buf body = { 0 };
	struct vdev *d = m->dev;
	int r = saved_put(&body, d != NULL);

	pthread_mutex_lock(&m->lock);
	if (r == 0)
		r = saved_put(&body, m->device_features_sel);
	if (r == 0)
		r = saved_put(&body, m->driver_features_sel);
	if (r == 0)
		r = saved_put(&body, m->queue_sel);
	if (r == 0)
		r = saved_put(&body, m->driver_features);
	pthread_mutex_unlock(&m->lock);
	if (r == 0 && d)
		r = vdev_save(d, &body);
	return r ? r : saved_section(out, TAG, STATE, &body);
}

int mmio_restore(struct mmio *m, struct saved *in)
{
	struct saved body = saved_open(in, TAG, STATE);
	struct vdev *d = m->dev;
	int r = 0;

	if (saved_get(&body, 1) != (d != NULL))
		body.wrong = true;
	pthread_mutex_lock(&m->lock);
	m->device_features_sel = (uint32_t)saved_get(&body, UINT32_MAX);
	m->driver_features_sel = (uint32_t)saved_get(&body, UINT32_MAX);
	m->queue_sel = (uint32_t)saved_get(&body, UINT32_MAX);
	m->driver_features = saved_get(&body, UINT64_MAX);
	pthread_mutex_unlock(&m->lock);
	if (d)
		r = vdev_restore(d, &body);
	return r ? r : saved_close(&body);
}
