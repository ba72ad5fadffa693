/* Packets of virtio-vsock (virtio 1.2, section 5.10.6). */
#pragma once

#include <assert.h>
#include <stdint.h>

#define VSOCK_CID_HOST	  2
#define VSOCK_TYPE_STREAM 1

enum vsock_op {
	VSOCK_OP_REQUEST = 1,
	VSOCK_OP_RESPONSE = 2,
	VSOCK_OP_RST = 3,
	VSOCK_OP_SHUTDOWN = 4,
	VSOCK_OP_RW = 5,
	VSOCK_OP_CREDIT_UPDATE = 6,
	VSOCK_OP_CREDIT_REQUEST = 7,
};

/* Flags of SHUTDOWN, from its sender's point of view. */
#define VSOCK_SHUTDOWN_RECEIVE 1U
#define VSOCK_SHUTDOWN_SEND    2U
#define VSOCK_SHUTDOWN_BOTH    3U

/* What the queue of events carries. */
enum vsock_event_id {
	VSOCK_EVENT_TRANSPORT_RESET = 0, /* all connections are gone; the CID may be another */
};

struct vsock_event {
	uint32_t id;
} __attribute__((packed));

struct vsock_packet {
	uint64_t src_cid, dst_cid;
	uint32_t src_port, dst_port;
	uint32_t len;
	uint16_t type, op;
	uint32_t flags;
	uint32_t buf_alloc, fwd_cnt;
} __attribute__((packed));

static_assert(sizeof(struct vsock_packet) == 44, "the header of the specification");
