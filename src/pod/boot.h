/* Starting a pod's virtual machine: vmrun-vm with all its descriptors. */
#pragma once

#include "base/pidref.h"
#include "host/monitor.h"
#include "pod/conf.h"
#include "rpc/client.h"
#include "rpc/vmclient.h"

struct boot_spec {
	int dir; /* of the pod: alive, ctl.sock and console.log are made there */
	const struct conf *conf;
	const struct monitor_choice *monitor;
	uint32_t vcpus, memory_mib;
	uint32_t vcpus_spare; /* beside vcpus: offline until the agent is told to use them */
	/* What config.json chooses; NULL: as set. */
	const char *kernel, *initrd, *kernel_params;
	bool root_locks; /* file locks in its containers' roots are to be the host's */
	bool volumes;	 /* something is to be mounted into its containers' roots */
	int cgroup_fd;	 /* cgroup v2 directory to be born in, or -1 */
	int mounts_fd;	 /* a mount namespace of shares that the monitor holds, or -1 */
	/* What else is to be done with the monitor's process before it does anything, or NULL. */
	int (*enter)(void *arg, pid_t pid, struct err *err);
	void *enter_arg;
};

struct booted {
	int ctl; /* the first control connection, which holds the machine and tells of its boot */
	pid_t pid;
	struct rpc_client *agent; /* after boot_wait() */
	char release[65];	  /* of the guest kernel */
	bool configured;	  /* the agent has answered, see boot_configured() */
	struct err refused;
};

#define BOOTED_INIT                                                                                \
	{                                                                                          \
		-1, 0, NULL, "", false, ERR_NONE                                                   \
	}

/* Finds the kernel and starts vmrun-vm; returns when the guest's processors run, or QEMU does. */
int boot_start(const struct boot_spec *spec, struct booted *ret, struct err *err) CHECKED;

/*
 * Waits for the agent, and sends it what it needs to know of the host; what is called next need not
 * wait for its answer, as the agent takes requests in order. b must stay where it is. On failure
 * err names the phase that was reached and quotes the guest's last lines.
 */
int boot_wait(const struct boot_spec *spec, struct booted *b, struct err *err) CHECKED;

/*
 * What has been called since boot_wait() ended with r and err: when the agent had refused to serve
 * us before, err becomes that. With r 0 its answer is waited for. Returns the error.
 */
int boot_configured(struct booted *b, int r, struct err *err) CHECKED;

/*
 * A request to vmrun-vm has failed with r and err: when that is because it has ended, err becomes
 * what boot_wait() would say. Returns the error.
 */
int boot_explain(const struct boot_spec *spec, const struct booted *b, int r, struct err *err);

/* Ends the machine and reaps it; frees what b holds. */
void boot_abort(struct booted *b);
/* Frees what b holds: the machine goes on if somebody else holds it (VMCTL_HOLD). */
void boot_done(struct booted *b);
