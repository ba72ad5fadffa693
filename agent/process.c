/* Process records: see process.h. The loop's thread only. */
#include "agent/process.h"

#include "agent/agent.h"
#include "agent/parked.h"
#include "base/fd.h"

#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/pidfd.h>
#include <sys/wait.h>
#include <time.h>

static void answer_waiters(struct process *p)
{
	Vmrun__Agent__WaitResponse reply = VMRUN__AGENT__WAIT_RESPONSE__INIT;

	p->answerable = true;
	if (list_empty(&p->waiters))
		return;
	reply.status = p->status;
	reply.exited_at_ns = p->exited_at_ns;
	reply.oom_killed = p->oom_killed;
	p->answered = true;
	parked_reply_all(&p->waiters, &reply.base);
}

static void on_drained(void *arg)
{
	answer_waiters(arg);
}

int process_new(struct agent *a, struct list *list, const char *id,
	const Vmrun__Agent__Process *spec, struct rpc_conn *owner, int child[3],
	struct process **ret, struct err *err)
{
	struct process *p = calloc(1, sizeof(*p));
	int r;

	if (!p)
		return err_sys(err, ENOMEM, "process");
	p->pidfd = p->gate = -1;
	p->owner = owner;
	list_init(&p->link);
	list_init(&p->waiters);
	p->id = strdup(id);
	r = stdio_init(&p->io, a->loop, a->streams, spec->stdio, on_drained, p, child, err);
	if (r == 0 && !p->id)
		r = err_sys(err, ENOMEM, "process");
	if (r < 0) {
		process_free(p);
		return r;
	}
	list_add_tail(list, &p->link);
	*ret = p;
	return 0;
}

static void give_up(struct rpc_request *r)
{
	if (r)
		rpc_reply_error(r, RPC_UNAVAILABLE, "the container was deleted");
}

void process_free(struct process *p)
{
	give_up(p->create);
	give_up(p->start);
	parked_fail_all(&p->waiters, RPC_NOT_FOUND, "the container was deleted");
	process_close_gate(p);
	listener_free(p->listener);
	stdio_done(&p->io);
	acceptors_done(&p->acceptors);
	list_del(&p->link);
	close_fd(&p->pidfd);
	free(p->id);
	free(p);
}

void process_close_gate(struct process *p)
{
	loop_fd_remove(p->gate_watch);
	p->gate_watch = NULL;
	close_fd(&p->gate);
}

int process_kill(const struct process *p, int signal)
{
	if (p->state == PROCESS_EXITED || p->pidfd < 0)
		return -ESRCH;
	return pidfd_send_signal(p->pidfd, signal, NULL, 0) < 0 ? -errno : 0;
}

void process_wait(struct process *p, struct rpc_request *r)
{
	parked_add(&p->waiters, r);
	if (p->answerable)
		answer_waiters(p);
}

static int64_t now_ns(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_REALTIME, &ts);
	return (int64_t)ts.tv_sec * 1000000000 + ts.tv_nsec;
}

void process_ended(struct process *p, int wait_status, uint64_t oom_kills)
{
	p->state = PROCESS_EXITED;
	p->status = WIFSIGNALED(wait_status) ? 128U + (uint32_t)WTERMSIG(wait_status)
					     : (uint32_t)WEXITSTATUS(wait_status);
	p->exited_at_ns = now_ns();
	p->oom_killed = oom_kills > p->oom_kills_at_start;
}

void process_conclude(struct process *p)
{
	if (p->state == PROCESS_EXITED)
		answer_waiters(p);
}

bool process_conn_closed(struct process *p, const struct rpc_conn *conn)
{
	parked_drop_conn(&p->waiters, conn);
	if (p->owner != conn)
		return false;
	p->owner = NULL;
	if (p->state != PROCESS_EXITED)
		(void)!process_kill(p, SIGKILL);
	else if (p->id[0] && p->answered)
		process_free(p);
	return true;
}
