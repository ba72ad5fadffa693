/*
 * The pod of a container that is being made: joined where its machine runs, else booted. In steps,
 * because the guest boots while the container's files are opened.
 */
#pragma once

#include "oci/annotations.h"
#include "oci/pod_name.h"
#include "oci/share_options.h"
#include "pod/boot.h"
#include "pod/pod.h"
#include "pod/rootless.h"
#include "pod/vm_section.h"

/* What is wanted. All stays the caller's, and must last as long as the struct below. */
struct pod_wish {
	const struct runtime *rt;
	const struct spec *spec;
	const struct conf *conf;
	const struct rootless *rootless;
	const char *container; /* its id */
	struct pod_name named; /* by annotations */
	bool root_locks;       /* file locks in the container's root are to be the host's */
	bool volumes;	       /* something is to be mounted into it */
};

struct pod_found {
	const struct pod_wish *wish;
	struct pod *pod;
	bool booted; /* by us: the machine is new */
	/*
	 * The connection of the container's anchor to be: it holds the machine, and what is shared
	 * by it goes with it. Or -1.
	 */
	int ctl;
	struct rpc_client *agent; /* after pod_ready() */
	unsigned number;	  /* of the container in the machine: no other has had it */
	/* Of a machine that we boot. */
	struct machine_shape shape;
	struct vm_section vm_section;
	struct monitor_choice monitor;
	int cgroup_fd;	     /* a cgroup v2 where the machine is, or -1 */
	struct strv resctrl; /* the groups that it is in */
	struct boot_spec boot;
	struct booted vm;
};

#define POD_FOUND_INIT                                                                             \
	{                                                                                          \
		.ctl = -1, .monitor = MONITOR_CHOICE_INIT, .cgroup_fd = -1, .vm = BOOTED_INIT      \
	}

/* The name of the pod: what annotations say, else the container's id. */
const char *pod_wished_name(const struct pod_wish *wish);

/*
 * Checks what the wish says of the machine. -EINVAL and others, naming the field or setting.
 * ret->wish is set: the wish must stay where it is.
 */
int pod_wish_read(const struct pod_wish *wish, struct pod_found *ret, struct err *err) CHECKED;

/*
 * Joins the pod, or makes it and starts to boot. A machine of a container that names no pod is in
 * that container's cgroup, with its limits; others beside that of the first container. -ESRCH: the
 * pod must exist, and does not. On failure f knows what there is to undo.
 */
int pod_find_or_boot(struct pod_found *f, struct err *err) CHECKED;

/*
 * A request to the machine has failed with r and err: when the guest has ended while it booted, err
 * says that. Returns the error.
 */
int pod_explain(const struct pod_found *f, int r, struct err *err);

/* Waits for the agent; from then on others may join. */
int pod_ready(struct pod_found *f, struct err *err) CHECKED;

/* What has been called since ended with r and err: see boot_configured(). */
int pod_configured(struct pod_found *f, int r, struct err *err) CHECKED;

/* Puts a process of the host's side where the machine is, as far as clone3(2) has not. */
int pod_add_process(const struct pod_found *f, pid_t pid, struct err *err) CHECKED;

/*
 * Frees what f holds, its connections included, and ends a machine that has not become ready. What
 * was made stays, and is pod_leave()'s.
 */
void pod_found_done(struct pod_found *f);
