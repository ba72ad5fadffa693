/*
 * Events of shares: the host's monitor sends records of what has changed there, and a child of the
 * agent raises the events in the guest. It may have to wait for the file server, which the agent
 * must not.
 */
#pragma once

#include "base/err.h"

struct agent;

/* fd: the stream, owned. A handler of vsock.c. */
int share_events_serve(struct agent *a, int fd) CHECKED;
