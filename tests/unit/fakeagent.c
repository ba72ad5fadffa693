/* A stand-in for the agent: see fakeagent.h. */
#include "tests/unit/fakeagent.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>

static struct fakeagent *of(Vmrun__Agent__Agent_Service *service)
{
	return (struct fakeagent *)service;
}

static void reply_empty(struct rpc_request *r)
{
	Vmrun__Agent__Empty empty = VMRUN__AGENT__EMPTY__INIT;

	rpc_reply(r, &empty.base);
}

static void on_wait(Vmrun__Agent__Agent_Service *service, const Vmrun__Agent__WaitRequest *in,
	Vmrun__Agent__WaitResponse_Closure closure, void *request)
{
	struct fakeagent *a = of(service);

	(void)closure;
	pthread_mutex_lock(&a->lock);
	a->wait = request;
	a->anchor = in->anchor;
	snprintf(a->container, sizeof(a->container), "%s", in->container);
	snprintf(a->process, sizeof(a->process), "%s", in->process);
	pthread_cond_broadcast(&a->changed);
	pthread_mutex_unlock(&a->lock);
}

static void on_signal(Vmrun__Agent__Agent_Service *service, const Vmrun__Agent__SignalRequest *in,
	Vmrun__Agent__Empty_Closure closure, void *request)
{
	struct fakeagent *a = of(service);

	(void)closure;
	pthread_mutex_lock(&a->lock);
	if (in->signal && a->signals < FAKEAGENT_SIGNALS_MAX)
		a->signal[a->signals++] = in->signal;
	if (!in->signal && a->silent)
		a->probe = request;
	pthread_cond_broadcast(&a->changed);
	pthread_mutex_unlock(&a->lock);
	if (in->signal)
		reply_empty(request);
	else if (a->probe != request)
		rpc_reply_error(request, RPC_INVALID_ARGUMENT, "unknown signal 0");
}

static void on_resize(Vmrun__Agent__Agent_Service *service,
	const Vmrun__Agent__ResizeTerminalRequest *in, Vmrun__Agent__Empty_Closure closure,
	void *request)
{
	struct fakeagent *a = of(service);

	(void)closure;
	pthread_mutex_lock(&a->lock);
	a->resizes++;
	a->rows = in->rows;
	a->columns = in->columns;
	pthread_cond_broadcast(&a->changed);
	pthread_mutex_unlock(&a->lock);
	reply_empty(request);
}

static void on_closed(void *arg, struct rpc_conn *conn)
{
	struct fakeagent *a = arg;

	(void)conn;
	pthread_mutex_lock(&a->lock);
	a->closed++;
	pthread_cond_broadcast(&a->changed);
	pthread_mutex_unlock(&a->lock);
}

static void *serve(void *arg)
{
	struct fakeagent *a = arg;

	return (void *)(intptr_t)loop_run(a->loop);
}

struct fakeagent *fakeagent_new(void)
{
	struct fakeagent *a = calloc(1, sizeof(*a));

	if (!a)
		return NULL;
	a->service.base.descriptor = &vmrun__agent__agent__descriptor;
	a->service.wait = on_wait;
	a->service.signal = on_signal;
	a->service.resize_terminal = on_resize;
	pthread_mutex_init(&a->lock, NULL);
	pthread_cond_init(&a->changed, NULL);
	if (loop_new(&a->loop) == 0 &&
		rpc_server_new(a->loop, &a->service.base, on_closed, a, &a->server) == 0 &&
		pthread_create(&a->thread, NULL, serve, a) == 0)
		return a;
	rpc_server_free(a->server);
	loop_free(a->loop);
	free(a);
	return NULL;
}

static void answer_parked(struct fakeagent *a)
{
	if (a->wait)
		rpc_reply_error(a->wait, RPC_UNAVAILABLE, "the agent ends");
	if (a->probe)
		rpc_reply_error(a->probe, RPC_UNAVAILABLE, "the agent ends");
	a->wait = a->probe = NULL;
}

void fakeagent_free(struct fakeagent *a)
{
	if (!a)
		return;
	loop_quit(a->loop);
	pthread_join(a->thread, NULL);
	rpc_server_free(a->server);
	answer_parked(a);
	loop_free(a->loop);
	pthread_cond_destroy(&a->changed);
	pthread_mutex_destroy(&a->lock);
	free(a);
}

struct added {
	struct fakeagent *agent;
	int fd, result;
};

static void add(void *arg)
{
	struct added *added = arg;

	added->result = rpc_server_add(added->agent->server, added->fd);
}

int fakeagent_connect(struct fakeagent *a)
{
	struct added added = { .agent = a };
	int sv[2];

	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, sv) < 0)
		return -1;
	added.fd = sv[1];
	loop_call(a->loop, add, &added);
	if (added.result == 0)
		return sv[0];
	close(sv[0]);
	return -1;
}

struct end {
	struct fakeagent *agent;
	Vmrun__Agent__WaitResponse reply;
};

static void answer_wait(void *arg)
{
	struct end *end = arg;

	rpc_reply(end->agent->wait, &end->reply.base);
	end->agent->wait = NULL;
}

void fakeagent_exit(struct fakeagent *a, uint32_t status, int64_t at_ns, bool oom_killed)
{
	struct end end = { .agent = a, .reply = VMRUN__AGENT__WAIT_RESPONSE__INIT };

	end.reply.status = status;
	end.reply.exited_at_ns = at_ns;
	end.reply.oom_killed = oom_killed;
	loop_call(a->loop, answer_wait, &end);
}

static void die(void *arg)
{
	struct fakeagent *a = arg;

	rpc_server_free(a->server);
	a->server = NULL;
	answer_parked(a);
}

void fakeagent_die(struct fakeagent *a)
{
	loop_call(a->loop, die, a);
}

/* Waits until has(a, x, y). */
static bool await(struct fakeagent *a, bool (*has)(struct fakeagent *a, unsigned x, unsigned y),
	unsigned x, unsigned y)
{
	struct timespec until;
	bool there;
	int r = 0;

	clock_gettime(CLOCK_REALTIME, &until);
	until.tv_sec += FAKEAGENT_PATIENCE_S;
	pthread_mutex_lock(&a->lock);
	while (!(there = has(a, x, y)) && r == 0)
		r = pthread_cond_timedwait(&a->changed, &a->lock, &until);
	pthread_mutex_unlock(&a->lock);
	return there;
}

static bool has_signal(struct fakeagent *a, unsigned signo, unsigned unused)
{
	(void)unused;
	for (unsigned i = 0; i < a->signals; i++)
		if (a->signal[i] == signo)
			return true;
	return false;
}

static bool has_size(struct fakeagent *a, unsigned rows, unsigned columns)
{
	return a->resizes && a->rows == rows && a->columns == columns;
}

static bool has_closed(struct fakeagent *a, unsigned count, unsigned unused)
{
	(void)unused;
	return a->closed >= count;
}

static bool has_probe(struct fakeagent *a, unsigned unused, unsigned unused2)
{
	(void)unused;
	(void)unused2;
	return a->probe;
}

bool fakeagent_await_signal(struct fakeagent *a, unsigned signo)
{
	return await(a, has_signal, signo, 0);
}

bool fakeagent_await_size(struct fakeagent *a, unsigned rows, unsigned columns)
{
	return await(a, has_size, rows, columns);
}

bool fakeagent_await_probe(struct fakeagent *a)
{
	return await(a, has_probe, 0, 0);
}

bool fakeagent_await_closed(struct fakeagent *a, unsigned count)
{
	return await(a, has_closed, count, 0);
}
