/*
 * One stream connection: its two directions, credit, and the host's end of it. Used by device.c,
 * which moves packets; everything in the loop's thread.
 */
#pragma once

#include "base/buf.h"
#include "base/list.h"
#include "base/loop.h"
#include "dev/vq.h"
#include "dev/vsock/packet.h"
#include "dev/vsock/vsock.h"

/* What the guest may have in flight to us, for each connection. */
#define CONN_BUFFER_BYTES (256U << 10)

/* Control packets that wait to be sent to the guest. */
enum conn_pending {
	PENDING_REQUEST = 1 << 0,
	PENDING_RESPONSE = 1 << 1,
	PENDING_SHUTDOWN = 1 << 2,
	PENDING_CREDIT = 1 << 3,
};

enum host_kind {
	HOST_SOCKET,   /* never blocks: MSG_DONTWAIT */
	HOST_NONBLOCK, /* O_NONBLOCK is set on its description */
	HOST_BLOCKING, /* shared with somebody who wants it blocking: a little at a time, after poll
			*/
	HOST_FILE,     /* regular file or null device: always ready */
};

struct conn {
	struct vsock *vsock;
	uint32_t guest_port, host_port;
	bool connecting;   /* REQUEST sent or to be sent, no answer yet */
	bool reset;	   /* the guest knows no such connection any more */
	unsigned pending;  /* enum conn_pending */
	uint32_t shutdown; /* flags that we have told or shall tell the guest */

	/* Guest to host. */
	bool receiving;	 /* the guest may still send, and the host's end still takes it */
	bool guest_done; /* the guest has shut down its sending side */
	struct buf out;	 /* received, not yet written to the host's end */
	uint32_t rx_cnt, fwd_cnt, fwd_told;

	/* Host to guest. */
	bool sending; /* the host's end may still give bytes, and the guest takes them */
	bool readable;
	bool preamble_only; /* the host's end has no bytes of its own for the guest */
	struct buf preamble;
	uint32_t tx_cnt, peer_alloc, peer_fwd;

	int fd, done_fd;
	enum host_kind kind;
	struct loop_fd *lf; /* NULL for HOST_FILE */
	uint32_t events;

	vsock_connected_fn *connected;
	void *connected_arg;
	uint64_t deadline_ms;

	struct list bucket; /* of the look-up table */
	struct list ready;  /* has something for the guest; on vsock's list or alone */
};

/* Takes the host's end; nothing is read or written before conn_watch(). */
void conn_attach(struct conn *c, const struct vsock_host_end *end);
/* Begins to watch it, calling fn(c, ...) when it is ready. Returns 0 or -errno. */
int conn_watch(struct conn *c, struct loop *loop, loop_fd_fn *fn) CHECKED;
/* Lets go of the host's end. */
void conn_detach(struct conn *c);

/* Bytes that the guest can take now. */
uint32_t conn_credit(const struct conn *c);
/* Whether there is something to send to the guest. */
bool conn_has_work(const struct conn *c);
/* Both directions have ended and everything is written. */
bool conn_over(const struct conn *c);

/* Arms the host's descriptor for exactly what can make progress. */
void conn_update_events(struct conn *c);

/*
 * Reads from the host's end (or the preamble) into iov. > 0 bytes; 0 end of file; -EAGAIN; another
 * error counts as end of file for the caller.
 */
ssize_t conn_read(struct conn *c, const struct iovec *iov, unsigned n);

/* The host's end gives no more bytes, or the guest takes no more. */
void conn_end_sending(struct conn *c);
/* The host's end takes no more bytes: what is buffered is dropped, the guest is told. */
void conn_end_receiving(struct conn *c);

/* Takes n bytes of a packet from the guest: writes what the host's end takes, keeps the rest. */
int conn_receive(struct conn *c, struct iovc *data, size_t n) CHECKED;
/* Writes kept bytes; half-closes the host's end when the guest is done and all is written. */
void conn_flush(struct conn *c);
