/*
 * A ttrpc server: connections on an event loop, requests dispatched through a protobuf-c service.
 * A handler may answer later (a parked Wait), in any order. Single-threaded (the loop's thread).
 */
#pragma once

#include "base/loop.h"
#include "rpc/ttrpc.h"

struct rpc_server;
struct rpc_conn;
struct rpc_request;

/*
 * service: a service struct that protoc-c generated, its handlers filled in (one that is NULL is
 * answered 12, Unimplemented). A handler gets the `struct rpc_request *` to answer as its closure
 * data; it makes no use of the closure function. The request message stays valid until the request
 * is answered.
 *
 * conn_closed is told when a connection has ended: rpc_request_conn() still says so of its
 * requests then, and NULL later; answers to them are dropped. Neither a handler nor conn_closed
 * may free the server.
 */
int rpc_server_new(struct loop *loop, ProtobufCService *service,
	void (*conn_closed)(void *arg, struct rpc_conn *conn), void *arg,
	struct rpc_server **ret) CHECKED;
/* Ends all connections; requests that are still unanswered may be answered later. */
void rpc_server_free(struct rpc_server *s);

/* How many unanswered requests a connection may have (64): further ones are refused with 8. */
void rpc_server_limit(struct rpc_server *s, unsigned outstanding_max);

/*
 * Serves fd, a connected stream socket, owned by the server from here on, also on failure. Who may
 * connect is for the caller to check before.
 */
int rpc_server_add(struct rpc_server *s, int fd) CHECKED;

/* The connection a request came on: an identity that is valid until conn_closed; then NULL. */
struct rpc_conn *rpc_request_conn(const struct rpc_request *r);

/*
 * Each request is answered exactly once, by one of these, also when its connection has ended
 * (the answer is then dropped): these free r.
 */
void rpc_reply(struct rpc_request *r, const ProtobufCMessage *reply);
void rpc_reply_error(struct rpc_request *r, enum rpc_code code, const char *message);
/* By errno value (rpc_code_from_errno). */
void rpc_reply_err(struct rpc_request *r, const struct err *err);
