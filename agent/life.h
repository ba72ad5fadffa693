/* What becomes of a container once it is there: ends of its processes, pause, removal. */
#pragma once

#include "agent/container.h"

/* From the reaper: a wait status. The record of an exec, and the container, may be gone afterwards.
 */
void process_exited(struct process *p, int wait_status);

/* A cgroup_changed_fn of a container's: goes on with what waited for that. */
void container_cgroup_changed(void *arg);

/* Kills what is left and forgets the container when it is gone; answers r (may be NULL) then. The
 * container may be freed inside. */
void container_remove(struct container *c, struct rpc_request *r);

/* Answers r once the container's processes are frozen, respectively at once. */
void container_pause(struct container *c, struct rpc_request *r);
void container_resume(struct container *c, struct rpc_request *r);

/* A connection has ended: see process_conn_closed(). */
void containers_conn_closed(struct agent *a, const struct rpc_conn *conn);

/* Kills and forgets all containers without waiting for anything: the agent ends. */
void containers_free(struct agent *a);
