/* The event log: see events.h. A ring: a client that falls far behind misses the oldest. */
#include "agent/events.h"

#include "agent/parked.h"

#include <stdlib.h>
#include <string.h>

#define EVENTS_KEPT 512

struct event_log {
	Vmrun__Agent__Event ring[EVENTS_KEPT]; /* event n is at n % EVENTS_KEPT */
	uint64_t last;			       /* sequence number of the newest; the first is 1 */
	struct list waiting;		       /* requests that have seen everything so far */
};

int event_log_new(struct event_log **ret)
{
	struct event_log *log = calloc(1, sizeof(*log));

	if (!log)
		return -ENOMEM;
	list_init(&log->waiting);
	*ret = log;
	return 0;
}

static void event_clear(Vmrun__Agent__Event *e)
{
	free(e->container);
	free(e->process);
	e->container = e->process = NULL;
}

void event_log_free(struct event_log *log)
{
	if (!log)
		return;
	parked_fail_all(&log->waiting, RPC_UNAVAILABLE, "the agent ends");
	for (size_t i = 0; i < EVENTS_KEPT; i++)
		event_clear(&log->ring[i]);
	free(log);
}

static void reply_after(struct event_log *log, uint64_t after, struct rpc_request *r)
{
	Vmrun__Agent__NextEventsResponse reply = VMRUN__AGENT__NEXT_EVENTS_RESPONSE__INIT;
	Vmrun__Agent__Event *events[EVENTS_KEPT];

	if (log->last - after > EVENTS_KEPT)
		after = log->last - EVENTS_KEPT;
	while (after < log->last)
		events[reply.n_events++] = &log->ring[++after % EVENTS_KEPT];
	reply.events = events;
	rpc_reply(r, &reply.base);
}

void event_add(struct event_log *log, Vmrun__Agent__Event__Kind kind, const char *container,
	const char *process, uint32_t status, int64_t at_ns)
{
	Vmrun__Agent__Event *e = &log->ring[(log->last + 1) % EVENTS_KEPT];
	char *c = strdup(container), *p = strdup(process);

	if (!c || !p) {
		free(c);
		free(p);
		return;
	}
	event_clear(e);
	vmrun__agent__event__init(e);
	e->sequence = ++log->last;
	e->kind = kind;
	e->container = c;
	e->process = p;
	e->status = status;
	e->at_ns = at_ns;
	/* Everybody on the list had seen all events before this one. */
	while (!list_empty(&log->waiting))
		reply_after(log, log->last - 1, parked_take(&log->waiting));
}

uint64_t event_last(const struct event_log *log)
{
	return log->last;
}

void event_next(struct event_log *log, uint64_t after, struct rpc_request *r)
{
	if (after < log->last)
		reply_after(log, after, r);
	else
		parked_add(&log->waiting, r);
}

void event_conn_closed(struct event_log *log, const struct rpc_conn *conn)
{
	parked_drop_conn(&log->waiting, conn);
}
