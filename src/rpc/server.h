/*
 * A ttrpc server: connections on an event loop, requests dispatched through a protobuf-c service.
 * A handler may answer later (a parked Wait), in any order. Single-threaded (the loop's thread).
 */
#pragma once

#include "base/loop.h"
#include "rpc/ttrpc.h"

struct rpc_server;
struct rpc_conn;

/*
 * service: a protobuf-c service instance whose handlers are written against rpc_reply(): in a
 * handler, closure_data is the `struct rpc_request *` to answer (the closure function is for the
 * server itself; handlers use the calls below).
 */
struct rpc_request;

/* conn_closed is told when a connection has ended, after which its requests need no answer. */
int rpc_server_new(struct loop *loop, ProtobufCService *service,
	void (*conn_closed)(void *arg, struct rpc_conn *conn), void *arg,
	struct rpc_server **ret) CHECKED;
void rpc_server_free(struct rpc_server *s);

/* Serves fd, a connected stream socket, owned by the server from here on. */
int rpc_server_add(struct rpc_server *s, int fd) CHECKED;

/* The connection a request came on: an identity that is valid until conn_closed. */
struct rpc_conn *rpc_request_conn(const struct rpc_request *r);

/*
 * Each request is answered exactly once, by one of these, also when its connection has ended
 * (the answer is then dropped). Both free r.
 */
void rpc_reply(struct rpc_request *r, const ProtobufCMessage *reply);
void rpc_reply_error(struct rpc_request *r, enum rpc_code code, const char *message);
/* By errno value (rpc_code_from_errno). */
void rpc_reply_err(struct rpc_request *r, const struct err *err);
