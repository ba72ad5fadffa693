/*
 * A guest's driver for tests of devices: memory, rings and registers, driven by hand over the mmio
 * transport. A misuse by the test aborts. Used like this:
 *
 *	struct fakeguest g;
 *
 *	fg_init(&g);				memory; make the device with &g.gm
 *	fg_attach(&g, rng_vdev(rng));		behind mmio registers
 *	fg_start(&g, 0);			negotiates, sets up all queues, DRIVER_OK
 *	gpa = fg_alloc(&g, 64);
 *	fg_post(&g, 0, (struct fg_buf[]){ { gpa, 64, true } }, 1);
 *	fg_kick(&g, 0);				then run the device: loop_turn(), or fg_wait(&g, 0,
 *ms) fg_used(&g, 0, &head, &len);		true: chain `head` came back with len bytes
 *	... look at fg_at(&g, gpa) ...
 *	fg_done(&g);				before the device is freed
 */
#pragma once

#include "dev/mmio.h"

#define FG_RAM_GPA   0x100000
#define FG_RAM_BYTES (16U << 20)

struct fg_buf {
	uint64_t gpa;
	uint32_t len;
	bool writable; /* by the device; such buffers come last in a chain */
};

struct fg_queue {
	uint16_t size, avail_idx, last_used;
	uint64_t desc, avail, used;
	uint16_t next[VQ_SIZE_MAX];  /* the free list, and the links of posted chains */
	uint16_t count[VQ_SIZE_MAX]; /* descriptors of the chain posted at this head */
	uint16_t free_head, free;
};

struct fakeguest {
	struct gmem gm;
	uint8_t *ram;
	uint64_t next; /* free memory from here on */
	struct mmio slot;
	struct fg_queue queue[VDEV_QUEUES_MAX];
};

void fg_init(struct fakeguest *g);
void fg_attach(struct fakeguest *g, struct vdev *dev);
void fg_done(struct fakeguest *g);
/*
 * The machine goes on elsewhere, with `to` (made like the device that it has had) in its place, and
 * what its rings hold still there. The old one is paused and stays the caller's.
 */
void fg_move(struct fakeguest *g, struct vdev *to);

uint32_t fg_read32(struct fakeguest *g, uint32_t offset);
void fg_write32(struct fakeguest *g, uint32_t offset, uint32_t value);

/* From reset to DRIVER_OK with VERSION_1 and these features. */
void fg_start(struct fakeguest *g, uint64_t features);
void fg_negotiate(struct fakeguest *g, uint64_t features);		 /* up to FEATURES_OK */
void fg_setup_queue(struct fakeguest *g, unsigned queue, uint16_t size); /* up to QueueReady */

/* Zeroed memory at a multiple of 16 that stays until fg_done(), and its host address. */
uint64_t fg_alloc(struct fakeguest *g, uint64_t len);
void *fg_at(struct fakeguest *g, uint64_t gpa);

/* Makes a chain available, its head is returned; the device hears of it by fg_kick(). */
uint16_t fg_post(struct fakeguest *g, unsigned queue, const struct fg_buf *bufs, unsigned n);
void fg_kick(struct fakeguest *g, unsigned queue);
/* The next used chain, its descriptors are free again. */
bool fg_used(struct fakeguest *g, unsigned queue, uint16_t *head, uint32_t *len);
/* For devices with threads: waits for a used chain (not taken). false: none within timeout_ms. */
bool fg_wait(struct fakeguest *g, unsigned queue, int timeout_ms);
/* Whether an interrupt came since the last call; acknowledges what it said. */
bool fg_interrupt(struct fakeguest *g, uint32_t *status);
