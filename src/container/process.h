/* What create and exec share: streams, the anchor, the pid file, environment and limits. */
#pragma once

#include "agent/agent.pb-c.h"
#include "anchor/anchor.h"
#include "base/err.h"
#include "container/stdio.h"
#include "oci/spec.h"

/* Chooses the streams: our own three, a console socket's terminal, or our own terminal. */
int process_stdio(struct stdio *s, bool terminal, const char *console_socket, bool foreground,
	struct err *err) CHECKED;

/*
 * Starts the anchor of a process that the agent has made: dials an RPC session for it through ctl,
 * which becomes an anchor's, and fills in the streams of spec. *ret is the anchor's pid.
 */
int process_anchor(struct anchor_spec *spec, const struct stdio *s, int ctl, pid_t *ret,
	struct err *err) CHECKED;

/*
 * For a relay of the anchor's: an RPC session and a connection to vmrun-vm, both new and the
 * caller's. dir: of the pod.
 */
int process_relay_session(int dir, int *ret_ctl, int *ret_agent, struct err *err) CHECKED;

/* Writes pid to path, all or nothing; NULL: does nothing. */
int process_pid_file(const char *path, pid_t pid, struct err *err) CHECKED;

/*
 * Sends a pidfd of pid, the anchor of a process, to the UNIX socket at path; NULL: does nothing.
 * What is sent to it by pidfd_send_signal(2) is the process's, and it ends with the process.
 */
int process_pidfd_socket(const char *path, pid_t pid, struct err *err) CHECKED;

/*
 * As with any runtime that executes the program itself: limits that nobody has asked for are the
 * caller's own. 0 or -ENOMEM with err.
 */
int process_inherit_limits(Vmrun__Agent__Process *to, struct err *err) CHECKED;

/* Replaces or adds a variable of the message's environment. 0 or -ENOMEM with err. */
int process_set_env(
	Vmrun__Agent__Process *to, const char *name, const char *value, struct err *err) CHECKED;
