/*
 * What a process gets beside its standard streams (the API's Descriptor): opened by the agent,
 * placed at their numbers by the child.
 */
#pragma once

#include "agent/agent.pb-c.h"
#include "base/err.h"
#include "rpc/ports.h"
#include "rpc/server.h"

struct acceptor;
struct process;

/* The process's ends, the first for number 3. */
struct descriptors {
	int fd[DESCRIPTORS_MAX];
	unsigned count;
};

/* Opens those of spec for p, which keeps what belongs to it: streams, ways to listeners. ret is
 * released with descriptors_done(), also on failure. */
int descriptors_open(struct process *p, const Vmrun__Agent__Process *spec, struct descriptors *ret,
	struct err *err) CHECKED;
void descriptors_done(struct descriptors *d);

/* For the listener that in names: connects it and joins the connection to the stream. Answers r, or
 * returns -errno with err. */
int descriptors_connect(struct process *p, const Vmrun__Agent__ConnectSocketRequest *in,
	struct rpc_request *r, struct err *err) CHECKED;

/* In the child: at their numbers. *keep: what else stays, moved out of their way. */
int descriptors_place(
	struct descriptors *d, int *const *keep, size_t keep_count, struct err *err) CHECKED;

/* Part of process_free(). */
void descriptors_forget(struct process *p);
