/*
 * One stream connection: its two directions, credit, shutdown. It turns packets of the guest into
 * bytes for the host's end and back. Used by device.c and dial.c; loop thread.
 */
#pragma once

#include "base/list.h"
#include "dev/vsock/host.h"
#include "dev/vsock/packet.h"
#include "dev/vsock/vsock.h"

#define PREAMBLE_MAX_BYTES 64

enum conn_state {
	CONN_DIALLING, /* REQUEST is unanswered, or not even sent */
	CONN_OPEN,
	CONN_GONE, /* the guest knows it no more; bytes for the host may still wait */
};

/* Control packets that wait for room in the guest's queue. */
enum conn_pending {
	PENDING_REQUEST = 1 << 0,
	PENDING_RESPONSE = 1 << 1,
	PENDING_SHUTDOWN = 1 << 2,
	PENDING_CREDIT = 1 << 3,
};

struct conn {
	struct vsock *vsock;
	enum conn_state state;
	uint32_t guest_port, host_port;
	struct host host;
	unsigned pending;	 /* enum conn_pending */
	uint32_t shutdown;	 /* flags that the guest is or will be told */
	uint32_t guest_shutdown; /* flags that the guest has told us */

	/* Guest to host. Counters wrap; rx_cnt - fwd_cnt is what waits in the host's ring. */
	bool receiving; /* the host's end takes bytes */
	uint32_t rx_cnt, fwd_cnt, fwd_told;

	/* Host to guest. */
	bool sending; /* the host's end gives bytes and the guest takes them */
	bool credit_asked;
	uint32_t tx_cnt, peer_alloc, peer_fwd;
	uint8_t preamble[PREAMBLE_MAX_BYTES];
	unsigned preamble_len, preamble_sent;

	vsock_connected_fn *connected;
	void *connected_arg;
	int64_t deadline_ms; /* while dialling */

	struct list all, bucket, dialling;
	struct list work; /* has something for the guest */
};

/* Where c waits for its turn, and how the guest is told that it is over. Of device.c. */
void vsock_queue_work(struct vsock *v, struct conn *c);
void vsock_queue_reset(struct vsock *v, uint32_t guest_port, uint32_t host_port, uint16_t type);
/* Moves what waits into the guest's buffers; within a callback, the outer call does that. */
void vsock_pump(struct vsock *v);
struct loop *vsock_loop(const struct vsock *v);
uint64_t vsock_guest_cid(const struct vsock *v);
/* Takes c out of all tables of dial.c: the guest knows it no more. */
void vsock_forget(struct conn *c);
/* Of dial.c: c is neither known nor of use any more. */
void conn_free(struct conn *c);

/* The guest has answered, or has dialled: begins to move bytes. */
void conn_open(struct conn *c);
/* Tells vsock_connect()'s caller, once. code: 0 or a positive errno value. */
void conn_answer(struct conn *c, int code);

/* One packet of the guest's, data behind its header. May free c. */
void conn_packet_in(struct conn *c, const struct vsock_packet *p, struct iovc *data);

/*
 * Builds the next packet for the guest in *p, its data written to `in` behind the header. false:
 * there is none now.
 */
bool conn_packet_out(struct conn *c, const struct iovc *in, struct vsock_packet *p);

/* The guest knows c no more (RST came, or the device was reset): what it had sent is written. */
void conn_gone(struct conn *c);

/*
 * After anything has happened to c: closes the host's end when both directions are over, queues c
 * if it has something for the guest, frees it if nobody needs it. The last thing done with c.
 */
void conn_settle(struct conn *c);
