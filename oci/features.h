/* What "vmrun features" prints (runtime-spec features.md). Only what is honoured is advertised. */
#pragma once

#include "base/buf.h"

/* Appends the JSON object and a newline to out. version: our own. Returns 0 or -ENOMEM. */
int features_print(const char *version, struct buf *out) CHECKED;
