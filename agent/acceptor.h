/*
 * Listening sockets that stand for one of the host's: a process gets one with the same address
 * where that can be had, and the agent connects it for each connection that the host's socket gets.
 */
#pragma once

#include "agent/agent.h"
#include "agent/agent.pb-c.h"

#include <sys/socket.h>

/* How the agent reaches one. */
struct acceptor {
	unsigned number; /* of the descriptor */
	int file;	 /* O_PATH of a UNIX socket that is bound to a path, or -1 */
	struct sockaddr_storage address;
	socklen_t address_len;
};

/* Those of a process. */
struct acceptors {
	struct acceptor *list;
	size_t count;
};

/*
 * Makes and binds one as d says. ret: released with acceptor_done(). container: whose scratch
 * folder is used for a moment. Returns the socket, or -errno with err.
 */
int acceptor_open(const struct agent *a, const char *container, const Vmrun__Agent__Descriptor *d,
	struct acceptor *ret, struct err *err) CHECKED;
void acceptor_done(struct acceptor *l);

/* A connection to it, non-blocking and perhaps not there yet, or -errno. */
int acceptor_connect(const struct acceptor *l) CHECKED;

/* The same of the one with this number; err says when there is none. */
int acceptors_connect(const struct acceptors *all, unsigned number, struct err *err) CHECKED;
void acceptors_done(struct acceptors *all);
