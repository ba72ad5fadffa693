/*
 * The child between clone and exec: it turns itself into the container's process. Everything it
 * needs was collected by the agent before the clone, so it never asks back.
 */
#pragma once

#include "agent/agent.h"
#include "agent/agent.pb-c.h"
#include "agent/descriptors.h"
#include "agent/mounts.h"
#include "agent/namespaces.h"
#include "agent/scheduling.h"

#include <limits.h>
#include <stdnoreturn.h>

struct child {
	const struct agent *agent;
	const Vmrun__Agent__Process *spec;
	const Vmrun__Agent__CreateContainerRequest *create; /* NULL: an exec */
	const struct execution *execution;		    /* the container's */
	int gate;					    /* see launch.h */
	int stdio[3];					    /* -1: /dev/null */
	struct descriptors descriptors;
	struct namespaces namespaces;
	struct mount_sources sources; /* of a create */
	/* Made by the child itself. */
	int slave; /* its terminal */
	bool in_cwd;
	int hook_input; /* see hooks.h */
	int listener;	/* of its filter, or -1 */
	char program[PATH_MAX];
};

/* Runs in the child. */
noreturn void child_run(struct child *child);
