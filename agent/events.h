/* The event log behind NextEvents: exits and OOM kills with sequence numbers, the last ones kept.
 */
#pragma once

#include "agent/agent.pb-c.h"
#include "rpc/server.h"

struct event_log;

int event_log_new(struct event_log **ret) CHECKED;
void event_log_free(struct event_log *log);

/* Appends an event and answers whoever waits for one. process: "" for a container's first. */
void event_add(struct event_log *log, Vmrun__Agent__Event__Kind kind, const char *container,
	const char *process, uint32_t status, int64_t at_ns);

/* The sequence number of the newest event, 0 while there is none. */
uint64_t event_last(const struct event_log *log);

/* Answers r with the events after a sequence number, now or when there are any. */
void event_next(struct event_log *log, uint64_t after, struct rpc_request *r);

void event_conn_closed(struct event_log *log, const struct rpc_conn *conn);
