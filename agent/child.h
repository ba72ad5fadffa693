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
#include "base/id_map.h"

#include <limits.h>
#include <stdnoreturn.h>

struct child {
	const struct agent *agent;
	const Vmrun__Agent__Process *spec;
	const Vmrun__Agent__CreateContainerRequest *create; /* NULL: an exec */
	const struct execution *execution;		    /* the container's */
	int gate;					    /* see gate.h */
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

/* In the agent, before anything is made. */
int child_check(const Vmrun__Agent__Process *spec, struct err *err) CHECKED;

/* In the agent: makes the pipes that the process gets its own. maps: of its user namespace. */
int child_give_pipes(
	const struct child *child, const struct id_maps *maps, struct err *err) CHECKED;

/* In the agent: releases what was collected for it. */
void child_done(struct child *child);

/* Runs in the child. */
noreturn void child_run(struct child *child);
