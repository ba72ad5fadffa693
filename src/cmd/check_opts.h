/* The options of "check", which vmrun hands over to vmrun-prepare. */
#pragma once

#include "cmd/opt.h"

enum { CHECK_FORMAT, CHECK_TRY };

#define CHECK_OPTIONS                                                                              \
	[CHECK_FORMAT] = { "format", 'f', OPT_TEXT, "text|json", "a table, or for programs" },     \
	[CHECK_TRY] = { "try", 0, OPT_FLAG, NULL, "boot a guest with each monitor that works" }

#define CHECK_HELP "say whether and how guests can run on this host"
