/* events: see events.h. */
#include "container/events.h"

#include "agent/calls.h"
#include "base/clock.h"
#include "base/fd.h"
#include "base/json_out.h"
#include "base/log.h"
#include "container/stats.h"
#include "rpc/vmclient.h"

#include <limits.h>
#include <poll.h>

#define CALL_TIMEOUT_MS 120000

struct watch {
	struct state *state;
	struct rpc_client *agent;
	int fd;
	bool ended;	   /* the container, or its machine */
	bool asked;	   /* for events, and not answered */
	bool counting;	   /* asked for statistics */
	uint64_t seen;	   /* sequence number of the last event */
	struct buf *lines; /* to be written */
	int failed;
};

static int connect_agent(const struct runtime *rt, const char *id, struct state **state,
	struct rpc_client **agent, struct err *err)
{
	int r = container_open(rt, id, state, err);

	if (r == 0 && state_status(*state) == STATUS_STOPPED)
		return err_set(err, EBUSY, "container with id %s is not running", id);
	return r ? r : vmclient_agent((*state)->pod_dir, agent, err);
}

static int ask_stats(const struct state *s, struct rpc_client *agent,
	Vmrun__Agent__StatsResponse **ret, struct err *err)
{
	Vmrun__Agent__ContainerRequest in = VMRUN__AGENT__CONTAINER_REQUEST__INIT;

	in.container = s->id;
	return agent_call_stats(agent, &in, CALL_TIMEOUT_MS, ret, err);
}

int container_stats(const struct runtime *rt, const char *id, struct buf *out, struct err *err)
{
	AUTO(state_free) struct state *s = NULL;
	AUTO(rpc_client_free) struct rpc_client *agent = NULL;
	Vmrun__Agent__StatsResponse *stats = NULL;
	int r = connect_agent(rt, id, &s, &agent, err);

	if (r == 0)
		r = ask_stats(s, agent, &stats, err);
	if (r < 0)
		return r;
	r = stats_print(s->id, stats, out);
	vmrun__agent__stats_response__free_unpacked(stats, NULL);
	return r < 0 ? err_sys(err, -r, "statistics") : 0;
}

static int oom_line(const struct watch *w)
{
	struct json_out out;
	int r;

	json_init(&out, w->lines, false);
	json_object(&out);
	json_key_str(&out, "type", "oom");
	json_key_str(&out, "id", w->state->id);
	json_end(&out);
	r = json_finish(&out);
	return r ? r : buf_append_str(w->lines, "\n");
}

static void on_events(void *arg, const ProtobufCMessage *reply, const struct err *err)
{
	const Vmrun__Agent__NextEventsResponse *in =
		(const Vmrun__Agent__NextEventsResponse *)reply;
	struct watch *w = arg;

	(void)err;
	w->asked = false;
	w->ended |= !in;
	for (size_t i = 0; in && i < in->n_events; i++) {
		const Vmrun__Agent__Event *e = in->events[i];

		w->seen = e->sequence;
		if (!streq(e->container, w->state->id))
			continue;
		if (e->kind == VMRUN__AGENT__EVENT__KIND__OOM && w->failed == 0)
			w->failed = oom_line(w);
		if (e->kind == VMRUN__AGENT__EVENT__KIND__EXIT && !e->process[0])
			w->ended = true;
	}
}

static void on_stats(void *arg, const ProtobufCMessage *reply, const struct err *err)
{
	const Vmrun__Agent__StatsResponse *s = (const Vmrun__Agent__StatsResponse *)reply;
	struct watch *w = arg;

	(void)err;
	w->counting = false;
	if (!s)
		w->ended = true;
	else if (w->failed == 0)
		w->failed = stats_print(w->state->id, s, w->lines);
}

static int ask_events(struct watch *w, struct err *err)
{
	Vmrun__Agent__NextEventsRequest in = VMRUN__AGENT__NEXT_EVENTS_REQUEST__INIT;

	in.after = w->seen;
	w->asked = true;
	return agent_begin_next_events(w->agent, &in, on_events, w, err);
}

static int count(struct watch *w, struct err *err)
{
	Vmrun__Agent__ContainerRequest in = VMRUN__AGENT__CONTAINER_REQUEST__INIT;

	in.container = w->state->id;
	w->counting = true;
	return agent_begin_stats(w->agent, &in, on_stats, w, err);
}

static int write_lines(struct watch *w, struct err *err)
{
	int r = w->failed ? w->failed : fd_write_all(w->fd, w->lines->data, w->lines->len);

	w->lines->len = 0;
	return r < 0 ? err_sys(err, -r, "events") : 0;
}

/* Until something comes or the time is there. */
static void turn(struct watch *w, int64_t deadline)
{
	struct pollfd p = { .fd = rpc_client_fd(w->agent), .events = rpc_client_events(w->agent) };
	int64_t left = deadline - clock_now_ms();

	if (poll(&p, 1,
		    left < 0	     ? 0
		    : left > INT_MAX ? INT_MAX
				     : (int)left) > 0 &&
		rpc_client_process(w->agent) < 0)
		w->ended = true;
}

static int watch_events(struct watch *w, uint64_t interval_ms, struct err *err)
{
	int64_t next = clock_now_ms() + (int64_t)interval_ms;
	int r = 0;

	while (r == 0 && !w->ended) {
		if (!w->asked)
			r = ask_events(w, err);
		if (r == 0 && clock_now_ms() >= next) {
			next = clock_now_ms() + (int64_t)interval_ms;
			/* A guest that does not keep up is not asked twice. */
			if (!w->counting)
				r = count(w, err);
		}
		if (r == 0)
			turn(w, next);
		if (r == 0)
			r = write_lines(w, err);
	}
	return r;
}

int container_events(
	const struct runtime *rt, const char *id, uint64_t interval_ms, int fd, struct err *err)
{
	AUTO(state_free) struct state *s = NULL;
	AUTO(rpc_client_free) struct rpc_client *agent = NULL;
	AUTO(buf_done) struct buf lines = { 0 };
	Vmrun__Agent__StatsResponse *stats = NULL;
	struct watch w = { .fd = fd, .lines = &lines };
	int r = connect_agent(rt, id, &s, &agent, err);

	/* What was before is not for us: the events after those that there are now. */
	if (r == 0)
		r = ask_stats(s, agent, &stats, err);
	if (r < 0)
		return r;
	w.state = s;
	w.agent = agent;
	w.seen = stats->last_event;
	vmrun__agent__stats_response__free_unpacked(stats, NULL);
	log_release();
	return watch_events(&w, interval_ms, err);
}
