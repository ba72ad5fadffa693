/* What device.c (queues, packets) and dial.c (who is connected to whom) share; loop thread. */
#pragma once

#include "dev/vsock/conn.h"

#define CONNS_MAX     1024
#define BUCKETS	      256
#define LISTENERS_MAX 4
/* One for each connection, if all end at once. */
#define RESETS_MAX CONNS_MAX

struct listener {
	uint32_t port;
	vsock_accept_fn *accepted;
	void *arg;
};

/* An RST for the guest; first come, first served. */
struct reset {
	uint32_t guest_port, host_port;
	uint16_t type;
};

/*
 * The guest has sockets that nobody here knows: the machine has been restored. It is told by an
 * event, and gets no packet until it has taken that in: it would close what is connected meanwhile.
 */
enum vsock_reset {
	RESET_NONE,
	RESET_WANTED, /* waits for a buffer of the queue of events */
	RESET_TOLD,   /* the guest gives the buffer back when it has done it */
};

struct vsock {
	struct vdev dev;
	struct loop *loop;
	uint64_t guest_cid; /* also the config space */
	void (*up)(void *arg);
	void *up_arg;

	/* Of device.c. */
	bool started;
	bool busy; /* packets are being handled: vsock_pump() follows by itself */
	struct loop_fd *rx_kick, *tx_kick, *event_kick;
	enum vsock_reset told;
	uint16_t offered; /* buffers of the queue of events, when it was told */
	struct list work; /* connections that have something for the guest */
	struct reset reset[RESETS_MAX];
	unsigned reset_first, resets;
	struct vq_chain rx, tx;

	/* Of dial.c. */
	struct loop_timer *timer;
	struct list conns, dialling;
	struct list bucket[BUCKETS]; /* those that the guest knows */
	unsigned count;
	uint32_t next_port;
	struct listener listener[LISTENERS_MAX];
	unsigned listeners;
};

int dial_init(struct vsock *v) CHECKED;
/* Closes all connections; callers that still wait hear ECONNRESET. */
void dial_done(struct vsock *v);
/* Our ports go on from here: -EINVAL for one that is none of ours. */
int dial_go_on(struct vsock *v, uint64_t port) CHECKED;
/* The guest knows nothing any more. What it had sent is still written. */
void dial_reset(struct vsock *v);
struct conn *dial_find(struct vsock *v, uint32_t guest_port, uint32_t host_port);
/* The guest dials. */
void dial_request(struct vsock *v, const struct vsock_packet *p);
