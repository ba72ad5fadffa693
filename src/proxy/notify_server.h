/*
 * A listener's file at work: between the kernel, whose requests are the seccomp agent's, and the
 * agent in the guest. Requests are answered when their answers are there, in any order. Whatever
 * goes wrong ends the process: then nobody listens, which the guest's kernel knows to deal with.
 */
#pragma once

#include "rpc/client.h"

#include <stdbool.h>

struct notify;
struct notify_server;

/* n, rpc and told (see notify.h) must outlive it; told is closed by it. NULL: no memory. */
struct notify_server *notify_server_new(const struct notify *n, struct rpc_client *rpc, int told);

/* Reads one request of the kernel's and deals with it. */
void notify_server_read(struct notify_server *s);
