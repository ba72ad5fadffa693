/*
 * The conversation of the agent with a child that sets itself up.
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

#include "base/err.h"

#include <stdint.h>

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
