/*
 * The agent's side of an anchor's session: an RPC server in a thread of its own, which notes what
 * it is asked and answers Wait when the test says so.
 */
#pragma once

#include "agent/agent.pb-c.h"
#include "rpc/server.h"

#include <pthread.h>
#include <stdbool.h>

#define FAKEAGENT_SIGNALS_MAX 64
#define FAKEAGENT_PATIENCE_S  20

struct fakeagent {
	Vmrun__Agent__Agent_Service service; /* first: handlers get its address */
	struct loop *loop;
	struct rpc_server *server;
	pthread_t thread;
	pthread_mutex_t lock; /* guards all below; `changed` tells of it */
	pthread_cond_t changed;
	bool silent;		   /* does not answer the probe */
	struct rpc_request *wait;  /* parked */
	struct rpc_request *probe; /* parked, when silent */
	bool anchor;
	char container[64], process[64];
	unsigned signal[FAKEAGENT_SIGNALS_MAX];
	unsigned signals; /* probes with signal 0 are not among them */
	unsigned resizes, rows, columns;
	unsigned closed; /* connections that have ended */
};

struct fakeagent *fakeagent_new(void);
void fakeagent_free(struct fakeagent *a);

/* A connection to it; -1 on failure. */
int fakeagent_connect(struct fakeagent *a);

/* Answers the parked Wait. */
void fakeagent_exit(struct fakeagent *a, uint32_t status, int64_t at_ns, bool oom_killed);
/* Ends all connections, as a pod that dies. */
void fakeagent_die(struct fakeagent *a);

/* Wait for what is to come; false when it does not. */
bool fakeagent_await_signal(struct fakeagent *a, unsigned signo);
bool fakeagent_await_size(struct fakeagent *a, unsigned rows, unsigned columns);
bool fakeagent_await_probe(struct fakeagent *a);
bool fakeagent_await_closed(struct fakeagent *a, unsigned count);
