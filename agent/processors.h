/* The guest's processors: the VM may have more than the kernel starts with. */
#pragma once

#include "base/err.h"

#include <stdint.h>

/*
 * Brings processors online until there are count, or no more are left. *online: how many there are
 * then, also on failure.
 */
int processors_online(uint32_t count, uint32_t *online, struct err *err) CHECKED;
