/* The birth of a process: the clone, and the agent's part of the conversation with the child. */
#pragma once

#include "agent/birth.h"
#include "agent/process.h"
#include "base/id_map.h"

struct child;

/* How to clone. */
struct launch_plan {
	struct birth birth;
	int oom_score_adj;
	const struct id_maps *maps; /* of a new user namespace, or NULL */
};

/*
 * Clones the child and lets it go. child->gate is set here; everything else in it is the caller's
 * before and after. p->create is answered when the child has reported.
 */
int launch(struct process *p, const struct launch_plan *plan, struct child *child,
	struct err *err) CHECKED;

/* Reduces the code of a failed set-up to EINVAL, EACCES, ECANCELED (a hook) or EIO: others mean
 * something to a caller. */
void launch_narrow_code(struct err *err);

/* Opens the gate of a process that waits there; r is answered when its program runs or cannot. */
int launch_start(struct process *p, struct rpc_request *r, struct err *err) CHECKED;

/* Reads what the child has sent. */
void launch_drain(struct process *p);
/* The child was reaped: requests that still wait for it fail. */
void launch_child_ended(struct process *p);
