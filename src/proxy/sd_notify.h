/*
 * Passes on what a container notifies the host's service manager of: asks the agent for the next
 * datagram when the last has been sent, so that no more than one is ever kept.
 */
#pragma once

#include "proxy/sd_notify_filter.h"
#include "rpc/client.h"

#include <stdbool.h>

struct sd_notify {
	struct rpc_client *agent;
	const char *container;
	int fd;		/* a connected datagram socket, or -1 */
	pid_t main_pid; /* 0: not told */
	bool active;	/* there may be more */
	char pending[SD_NOTIFY_OUT_MAX];
	size_t pending_len;
};

/* Asks for the first. fd -1: does nothing. Everything is borrowed. */
int sd_notify_start(struct sd_notify *n, struct err *err) CHECKED;

/* What to poll fd for; 0: nothing. */
short sd_notify_events(const struct sd_notify *n);
/* The socket takes more. */
void sd_notify_writable(struct sd_notify *n);
