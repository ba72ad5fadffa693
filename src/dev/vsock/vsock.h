/*
 * virtio-vsock in user space (virtio 1.2 section 5.10): stream sockets between the guest and host
 * descriptors. Everything runs in the thread of the given loop.
 */
#pragma once

#include "base/loop.h"
#include "dev/vdev.h"

struct vsock;

/*
 * Called when the guest's answer to vsock_connect() is there: 0, or a positive errno value
 * (ECONNREFUSED: nobody listens; ECONNRESET: the device was reset; ETIMEDOUT).
 */
typedef void vsock_connected_fn(void *arg, int code);

/*
 * The guest dials a host port that was opened with vsock_listen(): fd is the host's end, a
 * SOCK_STREAM socket, owned by the callee.
 */
typedef void vsock_accept_fn(void *arg, uint32_t guest_port, int fd);

/* The queues of packets; a front end may keep the third, of events, to itself. */
#define VSOCK_PACKET_QUEUES 2

/* queues: 0 for all. ready (may be NULL) is called once per DRIVER_OK. */
int vsock_new(struct loop *loop, const struct gmem *gm, uint64_t guest_cid, unsigned queues,
	void (*ready)(void *arg), void *arg, struct vsock **ret) CHECKED;
void vsock_free(struct vsock *v);
struct vdev *vsock_vdev(struct vsock *v);

/* Allows the guest to dial host port `port`. Everything else is reset. One call per port. */
int vsock_listen(struct vsock *v, uint32_t port, vsock_accept_fn *fn, void *arg) CHECKED;

/* The host's end of a connection: see VMCTL_CONNECT in rpc/vmctl.h for the rules. */
struct vsock_host_end {
	int fd;	     /* socket, pipe, terminal or regular file; owned by vsock after the call */
	int done_fd; /* -1, or held until the connection is over and everything is written */
	bool to_guest, from_guest;
	const void *preamble; /* copied; sent to the guest first */
	size_t preamble_len;  /* at most 64 bytes */
};

/*
 * Dials guest port `port`; before DRIVER_OK the dial waits. end's descriptors are owned by vsock
 * also on failure, and fn is then not called: -EINVAL (no direction, preamble too long), -ENFILE
 * (1024 connections), -ENOMEM. fn may dial again. The process ignores SIGPIPE.
 */
int vsock_connect(struct vsock *v, uint32_t port, const struct vsock_host_end *end,
	vsock_connected_fn *fn, void *arg) CHECKED;
