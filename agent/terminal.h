/* A process's pseudo-terminal, from the devpts of its own container. Used by the child. */
#pragma once

#include "agent/agent.pb-c.h"
#include "base/err.h"

/*
 * Opens /dev/pts/ptmx below rootfd and sizes the terminal. *ret_master and *ret_slave are the
 * caller's. err says when there is no devpts.
 */
int terminal_open(int rootfd, const Vmrun__Agent__Stdio *spec, int *ret_master, int *ret_slave,
	struct err *err) CHECKED;

/* Binds the slave over /dev/console of the rootfs. */
int terminal_bind_console(int rootfd, int slave, struct err *err) CHECKED;
