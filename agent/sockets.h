/*
 * Bound UNIX sockets: where a bind's source is one, the container gets a socket of the agent's,
 * with the same mode and owner, and each connection to it becomes a stream to the host, whose relay
 * connects the socket there.
 */
#pragma once

#include "agent/agent.pb-c.h"
#include "agent/mounts.h"
#include "rpc/server.h"

struct container;
struct sockets;

/* Puts a socket of our own in the place of each in s. c->sockets is NULL when there is none. */
int sockets_open(struct container *c, const Vmrun__Agent__CreateContainerRequest *request,
	struct mount_sources *s, struct err *err) CHECKED;
/* Closes listeners and connections. Accepts NULL. */
void sockets_free(struct sockets *s);

/* Answers r with the next connection; refused: see NextSocketRequest. */
void sockets_next(struct container *c, uint64_t refused, struct rpc_request *r);
/* Accepts NULL. */
void sockets_conn_closed(struct sockets *s, const struct rpc_conn *conn);
