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
struct process;
struct sockets;

/* Puts a socket of our own in the place of each in s. c->sockets is NULL when there is none. */
int sockets_open(struct container *c, const Vmrun__Agent__CreateContainerRequest *request,
	struct mount_sources *s, struct err *err) CHECKED;
/* Closes listeners and connections. Accepts NULL. */
void sockets_free(struct sockets *s);

/* Answers r with the next connection; refused: see NextSocketRequest. */
void sockets_next(struct container *c, uint64_t refused, struct rpc_request *r);
/*
 * The other way round: joins fd, a connection to a listener of p's (non-blocking, and taken also on
 * failure), to the host's stream with the token. refused: as above. Answers request when there is
 * room for another. Returns 0, or -errno with the request yet to be answered.
 */
int sockets_connect(const struct process *p, int fd, uint64_t token, uint64_t refused,
	struct rpc_request *request) CHECKED;

/*
 * p has ended, with its container if it is the first: its connections get nothing more, and end
 * when what it has written is passed on. Accepts NULL.
 */
void sockets_process_ended(struct sockets *s, const struct process *p);
/* Accepts NULL. */
void sockets_conn_closed(struct sockets *s, const struct rpc_conn *conn);
