/*
 * Lines of the agent's own in the kernel's log, which is the guest's console and with that the
 * pod's log on the host. Not base/log.h, whose time stamps (the kernel's log has its own) would
 * make a static binary a tenth larger.
 */
#pragma once

#include "base/err.h"

enum kmsg_level {
	KMSG_EMERGENCY = 0, /* shown on every console, however quiet */
	KMSG_WARNING = 4,
};

/* One record, "vmrun-agent: ..."; to standard error while there is no /dev/kmsg. */
void kmsg_line(enum kmsg_level level, const char *fmt, ...) PRINTF_LIKE(2, 3);
