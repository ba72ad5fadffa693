/*
 * A process of a container as the agent sees it: its first one or one of Exec. The record outlives
 * the process and keeps its exit status.
 */
#pragma once

#include "agent/acceptor.h"
#include "agent/agent.pb-c.h"
#include "agent/listener.h"
#include "agent/stdio.h"
#include "base/list.h"
#include "rpc/server.h"

#include <stdbool.h>
#include <sys/types.h>

struct container;
struct listener;

enum process_state {
	PROCESS_SETUP,	 /* the child sets itself up */
	PROCESS_CREATED, /* it waits at the gate */
	PROCESS_RUNNING, /* it has executed its program */
	PROCESS_EXITED,	 /* and is reaped */
};

struct process {
	struct list link; /* in its container */
	struct container *container;
	char *id; /* "": the container's first process */
	enum process_state state;
	pid_t pid; /* in the agent's pid namespace; 0 before the clone */
	int pidfd;
	struct stdio io;
	struct listener *listener;  /* of its filter; NULL: none */
	struct acceptors acceptors; /* that descriptors of its stand for ones of the host */
	/* The set-up conversation with the child, see gate.h. */
	int gate;
	struct loop_fd *gate_watch;
	bool opened;		      /* it was let through the gate */
	struct rpc_request *create;   /* CreateContainer or Exec, to be answered */
	struct rpc_request *start;    /* StartContainer */
	const struct rpc_conn *owner; /* the anchor's connection; NULL: ended */
	struct list waiters;	      /* parked Waits */
	bool answerable, answered;    /* Wait: may be, was */
	bool exec_failed;	      /* no record is kept of it */
	uint32_t status;
	int64_t exited_at_ns;
	uint64_t oom_kills_at_start;
	bool oom_killed;
};

/*
 * At the end of the list; container is the caller's to set. owner: the connection that asks for it.
 * Sets up its streams: child as for stdio_init().
 */
int process_new(struct agent *a, struct list *list, const char *id,
	const Vmrun__Agent__Process *spec, struct rpc_conn *owner, int child[3],
	struct process **ret, struct err *err) CHECKED;
/* Kills nothing: the process must have been reaped or never been cloned. */
void process_free(struct process *p);

/* Ends the conversation with the child. */
void process_close_gate(struct process *p);

/* 0, or -ESRCH when it has ended. */
int process_kill(const struct process *p, int signal) CHECKED;

/* Answers r when the process has ended and its output was passed on. */
void process_wait(struct process *p, struct rpc_request *r);

/* It was reaped: a wait status, and how many of its container were killed for want of memory. */
void process_ended(struct process *p, int wait_status, uint64_t oom_kills);

/* Answers its waiters now, output or not: the container goes. */
void process_conclude(struct process *p);

/* A connection has ended: its Waits are dropped, and if it was the anchor the process is killed.
 * Returns whether it was. The record of an exec may be gone afterwards. */
bool process_conn_closed(struct process *p, const struct rpc_conn *conn);
