/* What becomes of a container once it is there: see life.h. The loop's thread only. */
#include "agent/life.h"

#include "agent/events.h"
#include "agent/kmsg.h"
#include "agent/launch.h"
#include "agent/parked.h"
#include "agent/sd_notify.h"
#include "agent/sockets.h"

#include <signal.h>
#include <string.h>
#include <time.h>

static bool all_ended(const struct container *c)
{
	list_for_each (p, &c->processes, struct process, link)
		if (p->state != PROCESS_EXITED)
			return false;
	return true;
}

/* Ends when its processes are reaped and its cgroup is empty; both call here again. */
static void go_on_removing(struct container *c)
{
	Vmrun__Agent__Empty empty = VMRUN__AGENT__EMPTY__INIT;
	struct rpc_request *create;
	struct list removals;
	struct err err;
	int r;

	if (!all_ended(c))
		return;
	r = cgroup_remove(&c->cgroup);
	if (r < 0 && cgroup_read_key(&c->cgroup, "cgroup.events", "populated"))
		return;
	if (r < 0)
		kmsg_line(KMSG_WARNING, "cgroup of container %s stays behind: %s", c->id,
			strerror(-r));
	list_for_each (p, &c->processes, struct process, link)
		process_conclude(p);
	create = steal_ptr(&c->failed_create);
	err = c->create_err;
	list_init(&removals);
	list_for_each_safe (w, &c->removals, struct parked, link) {
		list_del(&w->link);
		list_add_tail(&removals, &w->link);
	}
	container_free(c);
	/* Whoever gets the answer may use the id again. */
	if (create)
		rpc_reply_err(create, &err);
	parked_reply_all(&removals, &empty.base);
}

void container_remove(struct container *c, struct rpc_request *r)
{
	if (r)
		parked_add(&c->removals, r);
	c->removing = true;
	(void)!container_kill(c, SIGKILL);
	go_on_removing(c);
}

static void report_oom(struct container *c)
{
	uint64_t kills = container_oom_kills(c);
	struct timespec ts;

	if (kills <= c->oom_kills)
		return;
	c->oom_kills = kills;
	clock_gettime(CLOCK_REALTIME, &ts);
	event_add(c->agent->events, VMRUN__AGENT__EVENT__KIND__OOM, c->id, "", 0,
		(int64_t)ts.tv_sec * 1000000000 + ts.tv_nsec);
}

void container_cgroup_changed(void *arg)
{
	struct container *c = arg;
	Vmrun__Agent__Empty empty = VMRUN__AGENT__EMPTY__INIT;

	report_oom(c);
	if (!list_empty(&c->freezes) && cgroup_read_key(&c->cgroup, "cgroup.events", "frozen"))
		parked_reply_all(&c->freezes, &empty.base);
	if (c->removing)
		go_on_removing(c);
}

static void process_gone(struct container *c)
{
	const struct process *first = container_first(c);

	if (first && first->state == PROCESS_EXITED)
		sd_notify_ended(c->sd_notify);
	/* Also where it was not the first of a pid namespace of its own. */
	if (first && first->state == PROCESS_EXITED && c->cgroup.fd >= 0)
		(void)!cgroup_kill(&c->cgroup);
	if (c->removing)
		go_on_removing(c);
}

void process_exited(struct process *p, int wait_status)
{
	struct container *c = p->container;
	bool was_running;

	/* What the child still said comes before its end. */
	launch_drain(p);
	was_running = p->state == PROCESS_RUNNING || p->opened;
	process_ended(p, wait_status, container_oom_kills(c));
	launch_child_ended(p);
	if (was_running && !p->exec_failed)
		event_add(c->agent->events, VMRUN__AGENT__EVENT__KIND__EXIT, c->id, p->id,
			p->status, p->exited_at_ns);
	sockets_process_ended(c->sockets, p, p->id[0] == '\0');
	stdio_process_ended(&p->io);
	/* An exec whose anchor has gone: nobody will ask. */
	if (p->exec_failed || (p->id[0] && !p->owner && list_empty(&p->waiters)))
		process_free(p);
	process_gone(c);
}

void container_pause(struct container *c, struct rpc_request *r)
{
	Vmrun__Agent__Empty empty = VMRUN__AGENT__EMPTY__INIT;
	struct err err = ERR_NONE;
	int e;

	if (!container_alive(c)) {
		rpc_reply_error(r, RPC_FAILED_PRECONDITION, "the container is not running");
		return;
	}
	e = c->cgroup.fd >= 0 ? cgroup_freeze(&c->cgroup, true) : -EOPNOTSUPP;
	if (e < 0) {
		err_sys(&err, -e, "pause of container %s", c->id);
		rpc_reply_err(r, &err);
		return;
	}
	c->paused = true;
	if (cgroup_read_key(&c->cgroup, "cgroup.events", "frozen"))
		rpc_reply(r, &empty.base);
	else
		parked_add(&c->freezes, r);
}

void container_resume(struct container *c, struct rpc_request *r)
{
	Vmrun__Agent__Empty empty = VMRUN__AGENT__EMPTY__INIT;
	struct err err = ERR_NONE;
	int e = c->cgroup.fd >= 0 ? cgroup_freeze(&c->cgroup, false) : -EOPNOTSUPP;

	if (e < 0) {
		err_sys(&err, -e, "resume of container %s", c->id);
		rpc_reply_err(r, &err);
		return;
	}
	c->paused = false;
	parked_fail_all(&c->freezes, RPC_FAILED_PRECONDITION, "the container was resumed");
	rpc_reply(r, &empty.base);
}

static void conn_closed(struct container *c, const struct rpc_conn *conn)
{
	const struct process *first;
	bool unstarted = false;

	list_for_each_safe (p, &c->processes, struct process, link) {
		bool is_first = p->id[0] == '\0', opened = p->opened;

		listener_conn_closed(p->listener, conn);
		if (process_conn_closed(p, conn) && is_first && !opened)
			unstarted = true;
	}
	parked_drop_conn(&c->freezes, conn);
	sockets_conn_closed(c->sockets, conn);
	sd_notify_conn_closed(c->sd_notify, conn);
	parked_drop_conn(&c->removals, conn);
	first = container_first(c);
	if (unstarted && first)
		container_remove(c, NULL);
}

void containers_conn_closed(struct agent *a, const struct rpc_conn *conn)
{
	list_for_each_safe (c, &a->containers, struct container, link)
		conn_closed(c, conn);
}

void containers_free(struct agent *a)
{
	list_for_each_safe (c, &a->containers, struct container, link) {
		(void)!container_kill(c, SIGKILL);
		container_free(c);
	}
}
