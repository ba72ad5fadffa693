/*
 * The agent: what guest PID 1 knows. One thread, one event loop. serve.c makes it of its parts,
 * which find each other here.
 */
#pragma once

#include "base/list.h"
#include "base/loop.h"

#include <stdbool.h>

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
