/*
 * sd_notify(3) out of a container: finding the service manager's socket, and telling it that the
 * container is ready. What goes through in between is the proxy's (src/proxy/sd_notify.h).
 */
#pragma once

#include "base/err.h"
#include "container/shares.h"
#include "container/state.h"
#include "oci/spec.h"

struct sd_notify {
	int fd;		  /* a datagram socket connected to the host's, or -1: there is none */
	const char *path; /* where in the container its counterpart is */
	/* It is our own $NOTIFY_SOCKET: the container is told of it, and MAINPID is ours to say.
	 * Otherwise whoever has put it into config.json says that. */
	bool own;
};

#define SD_NOTIFY_INIT                                                                             \
	{                                                                                          \
		.fd = -1                                                                           \
	}

/*
 * The socket that NOTIFY_SOCKET of the container's environment names, if one of its mounts brings a
 * host's there; else that of own ($NOTIFY_SOCKET, or NULL). One that cannot be used is warned of.
 * ret->path is the spec's or constant.
 */
void sd_notify_open(struct sd_notify *ret, const char *own, const struct spec *spec,
	const struct shares *shares);
void sd_notify_done(struct sd_notify *n);

/*
 * Waits until the container has said that it is ready, and then says so to own, with main_pid as
 * MAINPID. Does nothing for a container that was created without own; not ready when it ends:
 * nothing is said. What goes wrong is warned of.
 */
void sd_notify_wait_ready(struct state *s, const char *own, pid_t main_pid);

/* The same in steps, for one who has other things to wait for, too. */
struct ready;

/* NULL: there is nothing to wait for. */
struct ready *ready_begin(struct state *s, const char *own, pid_t main_pid);
int ready_fd(const struct ready *r);
short ready_events(const struct ready *r);
/* Returns whether it goes on. */
bool ready_process(struct ready *r);
void ready_free(struct ready *r);

/* The marker of a container whose $NOTIFY_SOCKET was ours, see state_mark(). */
#define SD_NOTIFY_MARKER "sd-notify"
