/*
 * A duplex joins a descriptor of the container's side to a stream of the host's that is yet to
 * come, in one or both directions. Used for bound sockets, for listening ones, and for pipes and
 * sockets that a process was given.
 */
#pragma once

#include "agent/agent.h"

#include <stdbool.h>

enum duplex_direction {
	DUPLEX_TO_HOST = 1,
	DUPLEX_FROM_HOST = 2,
};

struct duplex;

/*
 * fd: non-blocking, the duplex's from here on, also on failure. Claims the token in *ret, which
 * must stay valid until end(arg) is called: once, from the loop, when nothing more is passed on in
 * any direction. The caller frees the duplex then. directions: enum duplex_direction. Returns 0 or
 * -errno.
 */
int duplex_new(struct agent *a, int fd, uint64_t token, unsigned directions, void (*end)(void *arg),
	void *arg, struct duplex **ret) CHECKED;
/* Does not call end. Accepts NULL. */
void duplex_free(struct duplex *d);

/* The host's stream has not come yet. */
bool duplex_waits(const struct duplex *d);

/* Nothing more from the host. May call end. */
void duplex_end_input(struct duplex *d);
/* Nor from the container but what it has written already. May call end. */
void duplex_finish(struct duplex *d);
