/*
 * A container's way to the service manager of the host (sd_notify(3)): a datagram socket at a path
 * of the container's. What is sent to it waits there until the host asks for it.
 */
#pragma once

#include "agent/agent.pb-c.h"
#include "agent/mounts.h"
#include "rpc/server.h"

struct sd_notify;

/*
 * Makes the socket that the request asks for, if it does; s->sd_notify is its mount. *ret is the
 * caller's, also on failure; it stays as it is where none is asked for.
 */
int sd_notify_open(struct agent *a, const Vmrun__Agent__CreateContainerRequest *request,
	struct mount_sources *s, struct sd_notify **ret, struct err *err) CHECKED;
/* Accepts NULL. */
void sd_notify_free(struct sd_notify *n);

/* In the child, when all mounts are made: puts it at its path. */
int sd_notify_attach(int rootfd, const char *path, int mount, struct err *err) CHECKED;

/* Answers r with the next datagram; fails when the container has ended and there are no more. n may
 * be NULL: the container has no such socket. */
void sd_notify_next(struct sd_notify *n, struct rpc_request *r);
/* Answers r when one has said that the service is ready; fails when the container has ended. n as
 * above. */
void sd_notify_wait_ready(struct sd_notify *n, struct rpc_request *r);

/* The container's first process has ended. Accepts NULL. */
void sd_notify_ended(struct sd_notify *n);
/* Accepts NULL. */
void sd_notify_conn_closed(struct sd_notify *n, const struct rpc_conn *conn);
