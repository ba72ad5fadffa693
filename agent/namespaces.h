/* Which namespaces a process gets: new ones, those of another container, or the pod's. */
#pragma once

#include "agent/agent.pb-c.h"
#include "base/err.h"

#include <stdbool.h>

#define NAMESPACE_JOINS_MAX 8

struct id_maps;

/* What a container whose namespaces are joined has. All is borrowed. */
struct namespaces_owner {
	int pidfd;	   /* of its first process */
	int entered;	   /* as planned for it, see below */
	bool owns_network; /* its user namespace does */
	const struct id_maps *maps;
};

/* Finds the container; errors are err's, also that it does not run. */
typedef int namespaces_owner_fn(
	void *arg, const char *container, struct namespaces_owner *ret, struct err *err);

struct namespaces {
	int created;	/* CLONE_NEW* for the clone; the cgroup namespace is made by the child */
	int entered;	/* CLONE_NEW* that an exec must enter */
	int pid_joined; /* pidfd whose pid namespace is joined, or -1. Borrowed */
	/* The same of a user namespace; the container that it is of, whose ids they are, too. */
	int user_joined;
	bool user_asked; /* user_of is set; that one may have none of its own */
	struct namespaces_owner user_of;
	bool becomes_root; /* of a user namespace that is not the agent's */
	bool own_cgroup_root;
	bool own_time; /* made by the child, see time_namespace_enter() */
	unsigned join_count;

	struct {
		int pidfd; /* borrowed */
		int kind;  /* CLONE_NEW* */
	} joins[NAMESPACE_JOINS_MAX];
};

/*
 * From a request. A mount, a pid and a cgroup namespace are made even when none is asked for: their
 * absence means the pod's, and in the pod's own the agent's mounts, processes and cgroups would
 * show. find(arg, ...) is asked for the containers that are named.
 */
int namespaces_plan(const Vmrun__Agent__CreateContainerRequest *request, namespaces_owner_fn *find,
	void *arg, struct namespaces *ret, struct err *err) CHECKED;

/* For an exec beside the process of pidfd. entered: as planned for that. */
void namespaces_plan_exec(int pidfd, int entered, struct namespaces *ret);

/* Whether the child must be born where it joins (birth.h): it could not join any more afterwards.
 */
bool namespaces_joined_at_birth(const struct namespaces *ns);

/*
 * Whether the child may mount a sysfs, which shows its network namespace: it must be root of the
 * user namespace that owns that.
 */
bool namespaces_own_network(const struct namespaces *ns);

/* In the child: joins what is joined, becomes root of its user namespace, brings lo up. */
int namespaces_enter(const struct namespaces *ns, struct err *err) CHECKED;

/* In the child, or at boot: sets the loopback interface up. 0 or -errno. */
int loopback_up(void) CHECKED;
