/*
 * Listening sockets that stand for one of the host's: a process gets one with the same address
 * where that can be had, and the agent connects it for each connection that the host's socket gets.
 */
#pragma once

#include "agent/agent.h"
#include "agent/agent.pb-c.h"

#include <sys/socket.h>

/* How the agent reaches one. */
struct listener {
	unsigned number; /* of the descriptor */
	int file;	 /* O_PATH of a UNIX socket that is bound to a path, or -1 */
	struct sockaddr_storage address;
	socklen_t address_len;
};

/*
 * Makes and binds one as d says. ret: released with listener_done(). container: whose scratch
 * folder is used for a moment. Returns the socket, or -errno with err.
 */
int listener_open(const struct agent *a, const char *container, const Vmrun__Agent__Descriptor *d,
	struct listener *ret, struct err *err) CHECKED;
void listener_done(struct listener *l);

/* A connection to it, non-blocking and perhaps not there yet, or -errno. */
int listener_connect(const struct listener *l) CHECKED;
