/*
 * A client of QEMU's machine protocol (QMP): JSON lines over a socket. Commands are sent without
 * waiting for their answers; what is of interest comes as events. Loop thread. QEMU is not trusted:
 * lines are bounded, and what is not understood is ignored.
 */
#pragma once

#include "base/loop.h"

struct qmp;

struct qmp_handler {
	/* The machine is there: the handshake is over. */
	void (*ready)(void *arg);
	/* SHUTDOWN: its reason, such as "guest-reset" (QAPI's ShutdownCause); "" when it has none.
	 */
	void (*shutdown)(void *arg, const char *reason);
	/* A command failed: QEMU's description. */
	void (*failed)(void *arg, const char *text);
	/* QEMU closed the socket, or sent what cannot be. */
	void (*closed)(void *arg);
	void *arg;
};

/* fd: the socket (owned, also on failure). */
int qmp_new(struct loop *loop, int fd, const struct qmp_handler *handler, struct qmp **ret) CHECKED;
void qmp_free(struct qmp *q);

/* Handles what has arrived, without waiting: for when QEMU has ended. */
void qmp_drain(struct qmp *q);

/*
 * Sends a command: its name, and its arguments as a JSON object (NULL: none). Before the handshake
 * is over it waits. -EAGAIN when QEMU does not read, -ENOMEM.
 */
int qmp_execute(struct qmp *q, const char *command, const char *arguments) CHECKED;
