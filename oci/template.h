/* The config.json that "vmrun spec" writes: a shell on a terminal, as "runc spec" gives. */
#pragma once

#include "base/buf.h"

/*
 * Appends the JSON object and a newline to out. rootless: with a user namespace that has only the
 * caller's user and group, without what needs more. Returns 0 or -ENOMEM.
 */
int template_print(struct buf *out, bool rootless) CHECKED;
