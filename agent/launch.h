/*
 * The birth of a process: the clone, and the conversation with the child while it sets itself up.
 *
 * Over a SOCK_SEQPACKET pair the agent sends two bytes: LAUNCH_GO when the child's id maps and
 * oom_score_adj are set, LAUNCH_START to open the gate. The child sends struct launch_report: a
 * terminal's master, ready, or failed. It executes its program with the socket closing on exec, so
 * the end of the conversation after the gate means that the program runs.
 *
 * The gate of an exec is opened at once, but that of one with a listener: what it does from then on
 * may wait for somebody who listens, so the host starts it when there is (StartContainer).
 */
#pragma once

#include "agent/birth.h"
#include "agent/process.h"
#include "base/id_map.h"

struct child;

#define LAUNCH_GO    'g'
#define LAUNCH_START 's'

enum launch_kind {
	LAUNCH_TERMINAL = 1, /* with one descriptor */
	LAUNCH_READY,
	LAUNCH_FAILED,
};

struct launch_report {
	uint32_t kind;
	int32_t listener; /* of LAUNCH_READY: a descriptor of the child's that the agent takes, or
			     -1 */
	struct err err;	  /* of LAUNCH_FAILED */
};

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
/* Ends the conversation. */
void launch_end(struct process *p);
