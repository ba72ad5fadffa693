/*
 * config.json to the messages of the agent API. Called by src/pod once the shares are known. The
 * messages are heap objects that their *__free_unpacked(msg, NULL) releases.
 */
#pragma once

#include "agent/agent.pb-c.h"
#include "base/buf.h"
#include "base/err.h"
#include "base/str.h"
#include "oci/spec.h"

/* How the guest reaches the source of a bind mount. */
struct agent_bind {
	const char *share;	      /* the name in the export table */
	const char *path;	      /* below its root; "" or NULL: the root itself */
	const struct strv *submounts; /* of the host, below it (ShareRef); NULL: none */
	bool is_volume;		      /* on the file system of volumes, not that of roots */
	bool is_file;		      /* not a directory: a file is made at the destination */
	uint64_t host_flags;	      /* MS_*, what the host's mount has that the source is on */
};

/* What the pod has decided. All strings stay the caller's. */
struct agent_placement {
	const char *container;		/* id */
	struct agent_bind rootfs;	/* is_file is not looked at */
	const struct agent_bind *binds; /* one for each of mount_binds(), in its order */
	size_t bind_count;
	/*
	 * For each of spec->linux.namespaces the container whose namespace is joined, or NULL for
	 * a new one. NULL: all are new. Its path in config.json names a host object and is not
	 * looked at here.
	 */
	const char *const *joins;
	/*
	 * What startContainer hooks read: the state as JSON, and where in it a digit stands for the
	 * pid. NULL where there are none.
	 */
	const struct buf *hook_state;
	size_t hook_state_pid_at;
};

/*
 * Makes the request of a checked spec. Its process.stdio is set with "terminal" and the console
 * size only: the tokens are the caller's to fill in. Rules for a VM:
 *  - bind mounts become binds of shares; other types are file systems of the guest as given, with
 *    "cgroup" mounted as cgroup2;
 *  - the pod is the network namespace, so "network" is not sent unless it is joined, or the
 * container has a user namespace, which is to own it;
 *  - a mount namespace is always sent.
 * Errors: -EINVAL with the path of the field, -ENOMEM.
 */
int spec_to_agent(const struct spec *spec, const struct agent_placement *placement,
	Vmrun__Agent__CreateContainerRequest **ret, struct err *err) CHECKED;

/*
 * Makes the process of an Exec. file and prefix are as for spec_check_process(). seccomp is the
 * container's (spec->linux.seccomp), or NULL.
 */
int oci_process_to_agent(const struct spec_process *process, const char *file, const char *prefix,
	const struct spec_seccomp *seccomp, Vmrun__Agent__Process **ret, struct err *err) CHECKED;

/*
 * Makes the request that changes a container's limits. file is what errors begin with. Device rules
 * are not part of it: as with runc, an update leaves them alone.
 */
int resources_to_agent(const struct spec_resources *resources, const char *file,
	const char *container, Vmrun__Agent__UpdateRequest **ret, struct err *err) CHECKED;

static inline void agent_create_request_free(Vmrun__Agent__CreateContainerRequest *request)
{
	vmrun__agent__create_container_request__free_unpacked(request, NULL);
}

static inline void agent_process_free(Vmrun__Agent__Process *process)
{
	vmrun__agent__process__free_unpacked(process, NULL);
}

static inline void agent_update_request_free(Vmrun__Agent__UpdateRequest *request)
{
	vmrun__agent__update_request__free_unpacked(request, NULL);
}

DEFINE_AUTO_PTR(agent_update_request_free, Vmrun__Agent__UpdateRequest)
DEFINE_AUTO_PTR(agent_create_request_free, Vmrun__Agent__CreateContainerRequest)
DEFINE_AUTO_PTR(agent_process_free, Vmrun__Agent__Process)
