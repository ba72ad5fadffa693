/* The devices of a pod, in slot order. */
#pragma once

#include "base/loop.h"
#include "dev/console.h"
#include "dev/fs/fs.h"
#include "dev/rng.h"
#include "dev/vsock/vsock.h"
#include "vmm/machine.h"

struct devices {
	struct console *console;
	struct rng *rng;
	struct vsock *vsock;
	struct fs *fs;
};

struct devices_config {
	struct loop *loop;
	struct machine *machine;
	int log_fd;
	uint64_t log_max_bytes;
	int proc_self_fd; /* owned by the fs device */
	unsigned vcpus;
	void (*vsock_up)(void *arg);
	vsock_accept_fn *agent_dialled;
	int (*worker_start)(void *arg);
	void *arg;
};

/* Makes all devices and puts each into its slot. */
int devices_new(const struct devices_config *config, struct devices *ret, struct err *err) CHECKED;
