/* A guest's driver for tests: see fakeguest.h. */
#include "tests/unit/fakeguest.h"

#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

enum {
	R_DRIVER_FEATURES = 0x20,
	R_DRIVER_FEATURES_SEL = 0x24,
	R_QUEUE_SEL = 0x30,
	R_QUEUE_NUM_MAX = 0x34,
	R_QUEUE_NUM = 0x38,
	R_QUEUE_READY = 0x44,
	R_INTERRUPT_STATUS = 0x60,
	R_INTERRUPT_ACK = 0x64,
	R_STATUS = 0x70,
	R_DESC = 0x80,
	R_AVAIL = 0x90,
	R_USED = 0xa0,
};

static void must(bool ok)
{
	if (!ok)
		abort();
}

void fg_init(struct fakeguest *g)
{
	*g = (struct fakeguest){ .next = FG_RAM_GPA, .slot.irq_fd = -1 };
	g->ram = mmap(
		NULL, FG_RAM_BYTES, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	must(g->ram != MAP_FAILED);
	must(gm_add(&g->gm, FG_RAM_GPA, FG_RAM_BYTES, g->ram) == 0);
}

void fg_attach(struct fakeguest *g, struct vdev *dev)
{
	must(mmio_init(&g->slot, dev) == 0);
}

void fg_done(struct fakeguest *g)
{
	/* As a guest that lets go of the device, before its memory goes. */
	if (g->slot.dev)
		fg_write32(g, R_STATUS, 0);
	mmio_done(&g->slot);
	munmap(g->ram, FG_RAM_BYTES);
}

void fg_move(struct fakeguest *g, struct vdev *to)
{
	struct buf state = { 0 };
	struct saved in;

	vdev_pause(g->slot.dev);
	must(mmio_save(&g->slot, &state) == 0);
	mmio_done(&g->slot);
	must(mmio_init(&g->slot, to) == 0);
	in = saved_read(state.data, state.len);
	must(mmio_restore(&g->slot, &in) == 0);
	must(saved_close(&in) == 0);
	vdev_resume(to);
	buf_done(&state);
}

uint32_t fg_read32(struct fakeguest *g, uint32_t offset)
{
	uint32_t value;

	mmio_read(&g->slot, offset, &value, sizeof(value));
	return value;
}

void fg_write32(struct fakeguest *g, uint32_t offset, uint32_t value)
{
	mmio_write(&g->slot, offset, &value, sizeof(value));
}

static void write64(struct fakeguest *g, uint32_t offset, uint64_t value)
{
	fg_write32(g, offset, (uint32_t)value);
	fg_write32(g, offset + 4, (uint32_t)(value >> 32));
}

void fg_negotiate(struct fakeguest *g, uint64_t features)
{
	features |= VDEV_F_VERSION_1;
	fg_write32(g, R_STATUS, 0);
	fg_write32(g, R_STATUS, VDEV_ACKNOWLEDGE);
	fg_write32(g, R_STATUS, VDEV_ACKNOWLEDGE | VDEV_DRIVER);
	fg_write32(g, R_DRIVER_FEATURES_SEL, 0);
	fg_write32(g, R_DRIVER_FEATURES, (uint32_t)features);
	fg_write32(g, R_DRIVER_FEATURES_SEL, 1);
	fg_write32(g, R_DRIVER_FEATURES, (uint32_t)(features >> 32));
	fg_write32(g, R_STATUS, VDEV_ACKNOWLEDGE | VDEV_DRIVER | VDEV_FEATURES_OK);
	must(fg_read32(g, R_STATUS) & VDEV_FEATURES_OK);
}

void fg_setup_queue(struct fakeguest *g, unsigned queue, uint16_t size)
{
	struct fg_queue *q = &g->queue[queue];

	*q = (struct fg_queue){ .size = size, .free = size };
	for (uint16_t i = 0; i < size; i++)
		q->next[i] = (uint16_t)(i + 1);
	q->desc = fg_alloc(g, 16 * (uint64_t)size);
	q->avail = fg_alloc(g, 6 + 2 * (uint64_t)size);
	q->used = fg_alloc(g, 6 + 8 * (uint64_t)size);
	fg_write32(g, R_QUEUE_SEL, queue);
	fg_write32(g, R_QUEUE_NUM, size);
	write64(g, R_DESC, q->desc);
	write64(g, R_AVAIL, q->avail);
	write64(g, R_USED, q->used);
	fg_write32(g, R_QUEUE_READY, 1);
	must(fg_read32(g, R_QUEUE_READY) == 1);
}

void fg_start(struct fakeguest *g, uint64_t features)
{
	fg_negotiate(g, features);
	for (unsigned i = 0; i < g->slot.dev->queues; i++) {
		fg_write32(g, R_QUEUE_SEL, i);
		fg_setup_queue(g, i, (uint16_t)fg_read32(g, R_QUEUE_NUM_MAX));
	}
	fg_write32(g, R_STATUS, VDEV_ACKNOWLEDGE | VDEV_DRIVER | VDEV_FEATURES_OK | VDEV_DRIVER_OK);
	must(!(fg_read32(g, R_STATUS) & VDEV_NEEDS_RESET));
}

uint64_t fg_alloc(struct fakeguest *g, uint64_t len)
{
	uint64_t gpa = g->next;

	g->next += (len + 15) & ~15ULL;
	must(g->next <= FG_RAM_GPA + FG_RAM_BYTES);
	return gpa;
}

void *fg_at(struct fakeguest *g, uint64_t gpa)
{
	void *p = gm_ptr(&g->gm, gpa, 1);

	must(p);
	return p;
}

static uint16_t load16(struct fakeguest *g, uint64_t gpa)
{
	return __atomic_load_n((uint16_t *)fg_at(g, gpa), __ATOMIC_ACQUIRE);
}

uint16_t fg_post(struct fakeguest *g, unsigned queue, const struct fg_buf *bufs, unsigned n)
{
	struct fg_queue *q = &g->queue[queue];
	uint16_t head = q->free_head, at = head;

	must(n > 0 && n <= q->free);
	for (unsigned i = 0; i < n; i++) {
		uint8_t *d = fg_at(g, q->desc + 16 * (uint64_t)at);
		uint16_t flags = (uint16_t)((i + 1 < n ? 1 : 0) | (bufs[i].writable ? 2 : 0));

		memcpy(d, &bufs[i].gpa, 8);
		memcpy(d + 8, &bufs[i].len, 4);
		memcpy(d + 12, &flags, 2);
		memcpy(d + 14, &q->next[at], 2);
		at = q->next[at];
	}
	q->free_head = at;
	q->free = (uint16_t)(q->free - n);
	q->count[head] = (uint16_t)n;
	memcpy(fg_at(g, q->avail + 4 + 2 * (uint64_t)(q->avail_idx % q->size)), &head, 2);
	__atomic_store_n((uint16_t *)fg_at(g, q->avail + 2), ++q->avail_idx, __ATOMIC_RELEASE);
	return head;
}

void fg_kick(struct fakeguest *g, unsigned queue)
{
	fg_write32(g, MMIO_QUEUE_NOTIFY, queue);
}

bool fg_used(struct fakeguest *g, unsigned queue, uint16_t *head, uint32_t *len)
{
	struct fg_queue *q = &g->queue[queue];
	uint32_t elem[2];
	uint16_t last;

	if (load16(g, q->used + 2) == q->last_used)
		return false;
	memcpy(elem, fg_at(g, q->used + 4 + 8 * (uint64_t)(q->last_used % q->size)), 8);
	must(elem[0] < q->size && q->count[elem[0]] > 0);
	q->last_used++;
	/* Interrupt me for the next one, should EVENT_IDX be in use. */
	memcpy(fg_at(g, q->avail + 4 + 2 * (uint64_t)q->size), &q->last_used, 2);
	*head = (uint16_t)elem[0];
	*len = elem[1];
	last = *head;
	for (uint16_t i = 1; i < q->count[*head]; i++)
		last = q->next[last];
	q->next[last] = q->free_head;
	q->free_head = *head;
	q->free = (uint16_t)(q->free + q->count[*head]);
	q->count[*head] = 0;
	return true;
}

bool fg_wait(struct fakeguest *g, unsigned queue, int timeout_ms)
{
	struct fg_queue *q = &g->queue[queue];
	struct pollfd p = { .fd = g->slot.irq_fd, .events = POLLIN };
	uint32_t status;

	while (load16(g, q->used + 2) == q->last_used) {
		if (poll(&p, 1, timeout_ms) != 1)
			return load16(g, q->used + 2) != q->last_used;
		fg_interrupt(g, &status);
	}
	return true;
}

bool fg_interrupt(struct fakeguest *g, uint32_t *status)
{
	uint64_t count;

	*status = 0;
	if (read(g->slot.irq_fd, &count, sizeof(count)) != sizeof(count))
		return false;
	*status = fg_read32(g, R_INTERRUPT_STATUS);
	fg_write32(g, R_INTERRUPT_ACK, *status);
	return true;
}
