/*
 * A listener's file at work: between the kernel, whose requests are the seccomp agent's, and the
 * agent in the guest. Requests are answered when their answers are there, in any order. Whatever
 * goes wrong ends the process: then nobody listens, which the guest's kernel knows to deal with.
 */
#pragma once

#include "rpc/client.h"

#include <stdbool.h>

/* What is served, and with what. */
struct notify {
	const char *container, *process;
	int fuse;   /* the server's end of the file */
	int proc;   /* see standin.h */
	int rpc;    /* an RPC session of its own */
	int mnt_ns; /* to be in, or -1 */
};

struct notify_server;

/* n, rpc and told must outlive it; told is closed by it. NULL: no memory. */
struct notify_server *notify_server_new(const struct notify *n, struct rpc_client *rpc, int told);

/* Reads one request of the kernel's and deals with it. */
void notify_server_read(struct notify_server *s);
