/*
 * Bound UNIX sockets: where a bind's source is one, the container gets a socket of the agent's,
 * with the same mode and owner, and each connection to it becomes a stream to the host, whose relay
 * connects the socket there.
 */
#pragma once

#include "agent/agent.pb-c.h"
#include "agent/mounts.h"
#include "rpc/server.h"

struct process;
struct sockets;

/*
 * Puts a socket of our own in the place of each in s. *ret is the caller's, also on failure; it
 * stays NULL when there is none.
 */
int sockets_open(struct agent *a, const Vmrun__Agent__CreateContainerRequest *request,
	struct mount_sources *s, struct sockets **ret, struct err *err) CHECKED;
/* Closes listeners and connections. Accepts NULL. */
void sockets_free(struct sockets *s);

/* Answers r with the next connection; refused: see NextSocketRequest. s may be NULL. */
void sockets_next(struct sockets *s, uint64_t refused, struct rpc_request *r);
/*
 * The other way round: joins fd, a connection to a listener of the process `of` (non-blocking, and
 * taken also on failure), to the host's stream with the token. refused: as above. *s is made if it
 * is NULL. Answers request when there is room for another. Returns 0, or -errno with the request
 * yet to be answered.
 */
int sockets_connect(struct sockets **s, struct agent *a, const struct process *of, int fd,
	uint64_t token, uint64_t refused, struct rpc_request *request) CHECKED;

/*
 * A process has ended, with its container if it is the first: its connections get nothing more, and
 * end when what it has written is passed on. Accepts NULL.
 */
void sockets_process_ended(struct sockets *s, const struct process *of, bool is_first);
/* Accepts NULL. */
void sockets_conn_closed(struct sockets *s, const struct rpc_conn *conn);
