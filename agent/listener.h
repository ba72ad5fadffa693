/*
 * The listener of a process whose seccomp filter notifies (SCMP_ACT_NOTIFY): the guest's end of
 * what a seccomp agent on the host does. The host asks for one notification at a time and gets with
 * it what the system call's arguments point to, since it cannot look into the guest's memory.
 */
#pragma once

#include "agent/agent.pb-c.h"
#include "base/loop.h"
#include "rpc/server.h"

struct listener;

/* fd: as seccomp(2) gives it, owned by the listener from here on, also on failure. */
int listener_new(struct loop *loop, int fd, struct listener **ret) CHECKED;
/* Closes it: system calls that wait for an answer fail with ENOSYS. Accepts NULL. */
void listener_free(struct listener *l);

/* Answers r with the next notification. l may be NULL: the process has none. */
void listener_next(struct listener *l, struct rpc_request *r);
/* Whether the target of a notification still waits for its answer. */
void listener_valid(
	struct listener *l, const Vmrun__Agent__NotificationRequest *in, struct rpc_request *r);
void listener_answer(
	struct listener *l, const Vmrun__Agent__NotificationRequest *in, struct rpc_request *r);

/* A connection has ended: closes the listener if it was its own. Accepts NULL. */
void listener_conn_closed(struct listener *l, const struct rpc_conn *conn);
