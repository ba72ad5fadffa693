/*
 * A ttrpc client on one connected stream socket. Calls may be outstanding side by side; the owner
 * either calls synchronously or feeds rpc_client_process() from its own poll loop.
 * Single-threaded.
 */
#pragma once

#include "rpc/ttrpc.h"

struct rpc_client;

/* fd is owned by the client, also on failure. It is never blocked on, whatever its flags are. */
int rpc_client_new(int fd, struct rpc_client **ret) CHECKED;
/* Calls that are still outstanding are dropped: their done is not called. */
void rpc_client_free(struct rpc_client *c);
int rpc_client_fd(const struct rpc_client *c);
/* What to poll the descriptor for: POLLIN, and POLLOUT while requests wait for room. */
short rpc_client_events(const struct rpc_client *c);

/*
 * Calls method (of the generated service descriptor, e.g. "CreateContainer") and waits for the
 * answer. timeout_ms 0: for ever. On success *ret_reply is owned by the caller
 * (protobuf_c_message_free_unpacked); ret_reply may be NULL. err gets the status message as it is
 * (control characters made blanks), or what happened to the connection: EPIPE when the peer has
 * gone, EPROTO when it talks nonsense, ETIMEDOUT.
 */
int rpc_call(struct rpc_client *c, const ProtobufCServiceDescriptor *service, const char *method,
	const ProtobufCMessage *request, unsigned timeout_ms, ProtobufCMessage **ret_reply,
	struct err *err) CHECKED;

/*
 * The asynchronous form: done is called from rpc_client_process() (or from a later rpc_call() on
 * the same client), exactly once, with the reply (borrowed; NULL on failure) or the error. It may
 * make further calls, but not free the client. What the socket does not take at once is sent by
 * rpc_client_process().
 */
typedef void rpc_done_fn(void *arg, const ProtobufCMessage *reply, const struct err *err);
int rpc_call_start(struct rpc_client *c, const ProtobufCServiceDescriptor *service,
	const char *method, const ProtobufCMessage *request, rpc_done_fn *done, void *arg,
	struct err *err) CHECKED;

/*
 * Sends and reads what it can without blocking and completes calls. -EPIPE when the peer has gone:
 * every outstanding call has then been completed with that error.
 */
int rpc_client_process(struct rpc_client *c) CHECKED;

DEFINE_AUTO_PTR(rpc_client_free, struct rpc_client)
