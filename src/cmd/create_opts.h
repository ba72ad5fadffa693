/* The options that create and run share. */
#pragma once

#include "cmd/opt.h"

enum {
	CREATE_BUNDLE,
	CREATE_CONFIG,
	CREATE_PID_FILE,
	CREATE_CONSOLE_SOCKET,
	CREATE_NO_PIVOT,
	CREATE_NO_NEW_KEYRING,
	CREATE_PRESERVE_FDS,
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
		"only 0: descriptors cannot cross into a virtual machine" }

/* Refuses what cannot be done. */
static inline int create_opts_check(const union opt_value *v, struct err *err)
{
	if (v[CREATE_PRESERVE_FDS].number)
		return err_set(err, ENOTSUP,
			"--preserve-fds: descriptors cannot be passed into a virtual machine");
	return 0;
}
