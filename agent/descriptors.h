/*
 * What a process gets beside its standard streams (the API's Descriptor): opened by the agent,
 * placed at their numbers by the child.
 */
#pragma once

#include "agent/agent.h"
#include "agent/agent.pb-c.h"
#include "base/err.h"
#include "rpc/ports.h"

struct acceptors;
struct stdio;

/* The process's ends, the first for number 3. */
struct descriptors {
	int fd[DESCRIPTORS_MAX];
	unsigned count;
};

/* The process that they are for, which keeps what belongs to it. */
struct descriptors_owner {
	struct agent *agent;
	const char *container; /* its container's id */
	struct stdio *io;
	struct acceptors *acceptors;
};

/* Opens those of spec. ret is released with descriptors_done(), also on failure. */
int descriptors_open(const struct descriptors_owner *owner, const Vmrun__Agent__Process *spec,
	struct descriptors *ret, struct err *err) CHECKED;
void descriptors_done(struct descriptors *d);

/* In the child: at their numbers. *keep: what else stays, moved out of their way. */
int descriptors_place(
	struct descriptors *d, int *const *keep, size_t keep_count, struct err *err) CHECKED;
