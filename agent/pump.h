/*
 * A pump moves bytes from one descriptor to another on the event loop: a vsock stream to a
 * process's stdin, its stdout to a vsock stream, both directions of a terminal.
 */
#pragma once

#include "base/loop.h"

struct pump;

/*
 * src and dst: non-blocking, each exclusively the pump's from here on, also on failure (a socket
 * that serves two pumps is duplicated). At the end of src, everything having been written, dst is
 * shut down for sending if it is a socket and closed; when dst fails, src is closed, so that a
 * writing process gets its SIGPIPE. Then end(arg) is called, once, and the pump is gone.
 */
int pump_new(struct loop *loop, int src, int dst, void (*end)(void *arg), void *arg,
	struct pump **ret) CHECKED;

/* From now on the pump ends as soon as src has nothing to read, instead of waiting for its end. */
void pump_finish(struct pump *p);

/* Stops at once, without calling end. Accepts NULL. */
void pump_free(struct pump *p);
