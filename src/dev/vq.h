/*
 * Split virtqueues (virtio 1.2, section 2.7), device side. The guest owns the rings: indexes are
 * read once, descriptors are copied before they are checked, and a ring that breaks the rules makes
 * vq_pop() fail for good, after which the device asks for a reset.
 *
 * A queue is used by one thread at a time. Transports configure it (the fields up to `ready`) while
 * the device is stopped; devices call the functions.
 */
#pragma once

#include "dev/gmem.h"

#define VQ_SIZE_MAX 1024
/* Segments of one chain: a 1 MiB FUSE request of 4 KiB pages with its headers fits. */
#define VQ_IOV_MAX 520

struct vq {
	/* Set by the transport. */
	const struct gmem *gm;
	uint16_t size; /* entries, a power of two <= max */
	uint16_t max;
	uint64_t desc_gpa, avail_gpa, used_gpa;
	bool event_idx; /* VIRTIO_F_EVENT_IDX negotiated */
	bool indirect;	/* VIRTIO_F_INDIRECT_DESC negotiated */
	bool ready;
	int kick_fd; /* eventfd: the guest's notifications; owned by the vdev */

	/* Of vq.c. */
	uint8_t *desc, *avail, *used; /* validated for their full extent */
	uint16_t last_avail, used_idx, signalled_used;
	bool broken;
};

/*
 * A popped chain: iov[0..out) are device-readable, iov[out..out+in) device-writable. All lie in
 * guest memory and are checked; their content may change at any time (copy, then look).
 */
struct vq_chain {
	uint16_t head;
	unsigned out, in;
	uint32_t out_len, in_len; /* bytes */
	struct iovec iov[VQ_IOV_MAX];
};

/* Checks addresses, alignment and size of the configured ring and makes it ready. 0 or -EINVAL. */
int vq_start(struct vq *q) CHECKED;
/* After vq_start(): goes on at avail index `next`, and where the used ring ends. */
void vq_resume(struct vq *q, uint16_t next);
/* Forgets ring positions and addresses, keeps max, kick_fd and gm. */
void vq_reset(struct vq *q);

/* 1: *c is the next chain. 0: none. -EPROTO: the ring is broken (now and for ever). */
int vq_pop(struct vq *q, struct vq_chain *c) CHECKED;
/* A chain that was popped and not given back, once more from its head: 1 or -EPROTO. */
int vq_again(struct vq *q, uint16_t head, struct vq_chain *c) CHECKED;
/* Puts the newest popped chain back, to be popped again. */
void vq_unpop(struct vq *q);
/* Gives chain head back with `written` bytes written (at most its in_len). */
void vq_push(struct vq *q, uint16_t head, uint32_t written);
/* Whether the guest wants an interrupt for what was pushed since the last call that said so. */
bool vq_wants_interrupt(struct vq *q);

/*
 * With notifications off the guest need not kick. vq_notify_on() returns true when chains came in
 * meanwhile, in which case the caller goes on popping.
 */
void vq_notify_off(struct vq *q);
bool vq_notify_on(struct vq *q);
/* How many chains the guest has offered so far, modulo 2^16. */
uint16_t vq_offered(const struct vq *q);
/* As vq_notify_on(), but for those after the first `offered`. */
bool vq_notify_past(struct vq *q, uint16_t offered);

/*
 * Makes kick_fd readable as a notification of the guest would, and takes that back. A device that
 * has worked off its share of a turn kicks itself, so that its neighbours on the loop get theirs.
 */
void vq_kick(struct vq *q);
void vq_kick_clear(struct vq *q);

/*
 * A cursor over iovecs of a chain. Reads and writes are bounded by what is left; short ones return
 * fewer bytes.
 */
struct iovc {
	const struct iovec *iov;
	unsigned n;
	size_t offset; /* in iov[0] */
	size_t left;   /* bytes */
};

struct iovc iovc_out(const struct vq_chain *c); /* the device-readable part */
struct iovc iovc_in(const struct vq_chain *c);	/* the device-writable part */
size_t iovc_read(struct iovc *c, void *to, size_t len);
size_t iovc_write(struct iovc *c, const void *from, size_t len);
size_t iovc_skip(struct iovc *c, size_t len);
/* Fills iov (room max) with at most len bytes from the cursor on, without moving it; the count. */
unsigned iovc_peek(const struct iovc *c, size_t len, struct iovec *iov, unsigned max);
