/*
 * An agent for tests, without a VM: a child process in a mount namespace of its own, with shares in
 * a tmpfs and UNIX sockets where the guest has vsock. Needs root.
 */
#pragma once

#include "agent/calls.h"
#include "tests/unit/unit.h"

#include <stdbool.h>

#define BOX_CALL_MS 20000

struct agent_box {
	char dir[64];	  /* tmpfs: shares/0 is a rootfs with busybox */
	char cgroup[128]; /* "": this machine has no cgroup v2 that we may write */
	pid_t pid;
	int quit; /* its end ends the agent */
	struct rpc_client *client;
};

/* Prints why and returns false when this machine or user cannot run it. */
bool box_possible(void);

void box_start(struct agent_box *b);
/* Also checks that the agent has lived until now, leaks nothing and left no cgroup. */
void box_stop(struct agent_box *b);

/* The box of a test program that needs one only, and its group's set-up and tear-down. */
extern struct agent_box box;
int box_set_up(void **state);
int box_tear_down(void **state);

/* A connection of its own to the API, or a stream with its token sent. */
struct rpc_client *box_connect(const struct agent_box *b);
int box_stream(const struct agent_box *b, uint64_t token);

/* A request for `args` (a command line for sh -c when there is one word with a space). */
struct box_request {
	Vmrun__Agent__CreateContainerRequest create;
	Vmrun__Agent__ShareRef rootfs;
	Vmrun__Agent__Process process;
	Vmrun__Agent__Stdio stdio;
	Vmrun__Agent__Capabilities caps;
	Vmrun__Agent__Namespace ns[7], *ns_list[7];
	Vmrun__Agent__Mount mounts[16], *mount_list[16];
	Vmrun__Agent__Device devices[8], *device_list[8];
	Vmrun__Agent__DeviceRule rules[8], *rule_list[8];
	Vmrun__Agent__Symlink links[4], *link_list[4];
	char *args[4], *env[4];
};

/* mount, pid, uts, ipc, network and cgroup namespaces; /proc, /dev, /dev/pts, /sys, tokens 1 to 3
 * of the streams (by what was asked of before, they grow); null, zero, random, urandom and tty,
 * which it may use, and any node be made; links of the streams, and ptmx; sh -c script as root. */
void request_init(struct box_request *r, const char *id, const char *script);
/* One more of type "c", mode 0666. */
Vmrun__Agent__Device *request_device(
	struct box_request *r, const char *path, unsigned major, unsigned minor);
Vmrun__Agent__Mount *request_mount(
	struct box_request *r, const char *type, const char *destination);

/* These fail the test when the call fails. call: as of agent_call_...() */
#define box_call(b, call, request)                                                                 \
	do {                                                                                       \
		struct err err_ = ERR_NONE;                                                        \
                                                                                                   \
		if (agent_call_##call((b)->client, request, BOX_CALL_MS, NULL, &err_) < 0)         \
			fail_msg("%s: %s", #call, err_.msg);                                       \
	} while (0)
uint32_t box_wait(struct agent_box *b, const char *id, const char *process);
void box_delete(struct agent_box *b, const char *id);

/* The call fails; its message is compared with the extended regular expression. */
#define box_fails(b, call, request, pattern)                                                       \
	do {                                                                                       \
		struct err err_ = ERR_NONE;                                                        \
                                                                                                   \
		if (agent_call_##call((b)->client, request, BOX_CALL_MS, NULL, &err_) >= 0)        \
			fail_msg("%s succeeded", #call);                                           \
		box_failed(#call, &err_, pattern);                                                 \
	} while (0)
void box_failed(const char *call, const struct err *err, const char *pattern);

/* Creates, connects the streams, starts, collects output (and error), waits, deletes. The output is
 * malloc'ed. */
struct box_result {
	char *out, *error;
	size_t out_len;
	uint32_t status;
};

void box_run(struct agent_box *b, struct box_request *r, struct box_result *ret);
void box_exec(struct agent_box *b, const char *container, Vmrun__Agent__Process *process,
	struct box_result *ret);
void result_done(struct box_result *r);
