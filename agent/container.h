/*
 * Records of containers and what can be asked of them. create.c and exec.c make what is in them,
 * life.c ends it.
 */
#pragma once

#include "agent/agent.h"
#include "agent/cgroup.h"
#include "agent/descriptors.h"
#include "agent/device_filter.h"
#include "agent/process.h"
#include "agent/scheduling.h"
#include "base/id_map.h"

struct container {
	struct list link;
	struct agent *agent;
	char *id;
	struct cgroup cgroup; /* fd -1 when the agent has no cgroups */
	struct list processes;
	int namespaces;	     /* CLONE_NEW* that an exec enters */
	bool owns_network;   /* its user namespace, if it has one, does */
	struct id_maps maps; /* of that */
	struct execution execution;
	struct sockets *sockets;     /* NULL: none is bound */
	struct sd_notify *sd_notify; /* NULL: there is none */
	bool paused;
	uint64_t oom_kills; /* seen so far */
	/* Removal: once it began, `removals` are the requests to answer at its end. */
	bool removing;
	struct list removals;
	struct list freezes; /* Pause requests that wait for the cgroup to be frozen */
	struct rpc_request *failed_create; /* answered with create_err when all is undone */
	struct err create_err;
	struct bpf_program device_filter; /* attached when the first process is ready */
	int device_filter_fd;		  /* then; -1 before */
};

/* Of nothing yet but its id, on the agent's list. NULL: out of memory. */
struct container *container_new(struct agent *a, const char *id);
/* Nothing of it runs any more. */
void container_free(struct container *c);

struct container *container_find(const struct agent *a, const char *id);

/* The process with this id, NULL when there is none; "": the first one. */
struct process *container_process(const struct container *c, const char *id);

/* The first process, NULL while there is none. */
struct process *container_first(const struct container *c);

/* Its first process exists and has not ended. */
bool container_alive(const struct container *c);

/* The launch of the first process failed: r is answered with err when everything is undone, which
 * happens when that process is reaped. */
void container_fail_create(struct container *c, struct rpc_request *r, const struct err *err);

/* A process_new() of the container's. */
int container_add_process(struct container *c, const char *id, const Vmrun__Agent__Process *spec,
	struct rpc_conn *owner, int child[3], struct process **ret, struct err *err) CHECKED;

/* How many of its processes were killed for want of memory so far. */
uint64_t container_oom_kills(const struct container *c);

/* Opens the further descriptors of one of its processes, see descriptors_open(). */
int container_open_descriptors(struct process *p, const Vmrun__Agent__Process *spec,
	struct descriptors *ret, struct err *err) CHECKED;

/* For the listener of p that in names: connects it and joins the connection to the stream. Answers
 * r, or returns -errno with err. */
int container_connect_socket(struct process *p, const Vmrun__Agent__ConnectSocketRequest *in,
	struct rpc_request *r, struct err *err) CHECKED;

/* Sends a signal to every process. */
int container_kill(const struct container *c, int signal) CHECKED;

/* Changes the limits of one that is alive, all that are asked for or none, and answers r. */
void container_update(
	struct container *c, const Vmrun__Agent__UpdateRequest *in, struct rpc_request *r);

/* Answers r with the numbers of its cgroup. */
void container_stats(struct container *c, struct rpc_request *r);

void container_list_processes(struct container *c, struct rpc_request *r);
