/* The options that create and run share. */
#pragma once

#include "cmd/opt.h"
#include "cmd/passed_fds.h"

enum {
	CREATE_BUNDLE,
	CREATE_CONFIG,
	CREATE_PID_FILE,
	CREATE_CONSOLE_SOCKET,
	CREATE_NO_PIVOT,
	CREATE_NO_NEW_KEYRING,
	CREATE_PRESERVE_FDS,
	CREATE_PIDFD_SOCKET,
	CREATE_OPTION_COUNT
};

#define CREATE_OPTIONS                                                                             \
	[CREATE_BUNDLE] = { "bundle", 'b', OPT_TEXT, "DIR",                                        \
		"the bundle (the working directory)" },                                            \
	[CREATE_CONFIG] = { "config", 'f', OPT_TEXT, "FILE",                                       \
		"the configuration, a path from the bundle on (config.json)" },                    \
	[CREATE_PID_FILE] = { "pid-file", 0, OPT_TEXT, "FILE",                                     \
		"write the pid of the container's process on the host" },                          \
	[CREATE_CONSOLE_SOCKET] = { "console-socket", 0, OPT_TEXT, "SOCKET",                       \
		"where to send the terminal's master" },                                           \
	[CREATE_NO_PIVOT] = { "no-pivot", 0, OPT_FLAG, NULL, "accepted for runc's sake" },         \
	[CREATE_NO_NEW_KEYRING] = { "no-new-keyring", 0, OPT_FLAG, NULL,                           \
		"accepted for runc's sake" },                                                      \
	[CREATE_PRESERVE_FDS] = { "preserve-fds", 0, OPT_NUMBER, "N",                              \
		"pass descriptors 3 to 2 + N on (pipes, sockets, files)" },                        \
	[CREATE_PIDFD_SOCKET] = { "pidfd-socket", 0, OPT_TEXT, "SOCKET",                           \
		"where to send a pidfd of that process" }

/* passed: the caller's descriptors that the container gets. */
static inline int create_opts_check(
	const union opt_value *v, struct passed_fds *passed, struct err *err)
{
	return passed_fds(v[CREATE_PRESERVE_FDS].number, true, passed, err);
}
