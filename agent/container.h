/* Containers: creation, look-up, removal, and the state that the API's answers depend on. */
#pragma once

#include "agent/agent.h"
#include "agent/cgroup.h"
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

struct container *container_find(const struct agent *a, const char *id);

/* The first process, NULL while there is none. */
struct process *container_first(const struct container *c);

/* Its first process exists and has not ended. */
bool container_alive(const struct container *c);

/*
 * Begins a container; r is answered by the launch (launch.h) or, on failure after the clone, when
 * everything is undone. On an error returned here nothing is left and r is the caller's to answer.
 */
int container_create(struct agent *a, const Vmrun__Agent__CreateContainerRequest *request,
	struct rpc_request *r, struct err *err) CHECKED;

/* As above for a further process in a container that lives. */
int container_exec(struct container *c, const Vmrun__Agent__ExecRequest *request,
	struct rpc_request *r, struct err *err) CHECKED;

/* The launch of the first process failed: r is answered with err when everything is undone, which
 * happens when that process is reaped. */
void container_fail_create(struct container *c, struct rpc_request *r, const struct err *err);

/* Sends a signal to every process. */
int container_kill(const struct container *c, int signal) CHECKED;

/* Kills what is left and forgets the container when it is gone; answers r (may be NULL) then. The
 * container may be freed inside. */
void container_remove(struct container *c, struct rpc_request *r);

/* One of its processes has ended: goes on with a removal. The container may be freed inside. */
void container_process_ended(struct container *c);

/* Answers r once the container's processes are frozen, respectively at once. */
void container_pause(struct container *c, struct rpc_request *r);
void container_resume(struct container *c, struct rpc_request *r);

/* Changes the limits of one that is alive, all that are asked for or none, and answers r. */
void container_update(
	struct container *c, const Vmrun__Agent__UpdateRequest *in, struct rpc_request *r);

/* Answers r with the numbers of its cgroup. */
void container_stats(struct container *c, struct rpc_request *r);

void container_list_processes(struct container *c, struct rpc_request *r);

/* A connection has ended: see process_conn_closed(). */
void containers_conn_closed(struct agent *a, const struct rpc_conn *conn);

/* Kills and forgets all containers without waiting for anything: the agent ends. */
void containers_free(struct agent *a);
