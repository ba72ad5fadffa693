/*
 * The clone of a process, in the namespaces that it is to be born in. What it joins it must join as
 * the agent, which owns all; what it makes is to belong to its user namespace, also where that is
 * another container's. Where both come together a process between the two joins, then clones.
 */
#pragma once

#include "agent/agent.h"
#include "agent/namespaces.h"

#include <sys/types.h>

struct birth {
	uint64_t clone_flags; /* CLONE_NEW*; CLONE_NEWPID to be made, not joined */
	int join_pidfd;	      /* a process whose pid namespace the child is born in, or -1 */
	int cgroup_fd;	      /* a directory to be born in, or -1 */
	/* What is joined before, of a child whose user namespace is not the agent's; else NULL. */
	const struct namespaces *joined;
};

/*
 * Returns the pid, 0 in the child, or -errno. *ret_pidfd is the child's, in the agent. The agent's
 * thread only; the child's parent is the agent in any case.
 */
pid_t birth(const struct agent *a, const struct birth *b, int *ret_pidfd) CHECKED;
