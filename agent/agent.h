/*
 * The agent: what guest PID 1 knows. One thread, one event loop; api.c turns requests into calls on
 * it, main.c feeds it connections. Unit tests make one without a VM by naming other directories.
 */
#pragma once

#include "base/list.h"
#include "base/loop.h"
#include "rpc/server.h"

#include <stdint.h>

struct agent_config {
	const char *shares;  /* directory whose entries are the shares: roots and others */
	const char *volumes; /* and those that are mounted into roots; may be the same one */
	const char
		*volumes_tag; /* of the virtio-fs to mount there when it is needed first; or NULL */
	const char *cgroup_root; /* cgroup v2 directory in which containers get theirs, or NULL */
	const char *scratch;	 /* directory of the agent's own, for mounts under construction */
};

struct agent {
	struct agent_config config;
	struct loop *loop;
	struct rpc_server *server;
	struct api *api;
	struct reaper *reaper;
	struct cgroups *cgroups; /* NULL without a cgroup_root */
	struct stream_hub *streams;
	struct event_log *events;
	struct list containers;
	bool has_volumes; /* mounted */
	int null_fd;	  /* /dev/null */
	int pidns_fd; /* the agent's own pid namespace, to return to after clones into another */
};

/*
 * config: copied, its strings must live as long as the agent. SIGCHLD is blocked and SIGPIPE
 * ignored from here on. Errors name what could not be set up.
 */
int agent_new(const struct agent_config *config, struct agent **ret, struct err *err) CHECKED;
void agent_free(struct agent *a);

/* fd: a connected stream socket, owned by the agent from here on, also on failure. */
int agent_serve_rpc(struct agent *a, int fd) CHECKED;
int agent_serve_stream(struct agent *a, int fd) CHECKED;

DEFINE_AUTO_PTR(agent_free, struct agent)
