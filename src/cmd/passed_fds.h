/*
 * Descriptors that the caller passes on: 3 to 2 + $LISTEN_FDS (systemd's socket activation), then
 * as many as --preserve-fds says. All others that it has left open are closed first of all, but for
 * those that the command line names as files (/dev/fd/63).
 */
#pragma once

#include "container/descriptors.h"

/*
 * Before anything is opened: closes what is not passed on, and remembers which of the others are
 * open. Their number is not checked yet; they close on exec.
 */
void passed_fds_keep(int argc, char *const *argv);

/*
 * The descriptors of a command. preserve: the value of --preserve-fds. with_listen: $LISTEN_FDS
 * counts, if it is meant for us ($LISTEN_PID). Refuses numbers that are not open.
 */
int passed_fds(
	uint64_t preserve, bool with_listen, struct passed_fds *ret, struct err *err) CHECKED;
