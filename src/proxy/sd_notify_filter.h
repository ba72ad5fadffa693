/* What of a container's notifications a service manager of the host may hear. */
#pragma once

#include "rpc/ports.h"

#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

/* With room for MAINPID=, and the NUL. */
#define SD_NOTIFY_OUT_MAX (SD_NOTIFY_MAX + 32)

/*
 * Copies the assignments of a datagram (sd_notify(3)) that may pass to out, NUL-terminated. All
 * others are dropped, MAINPID and what comes with descriptors among them. With READY=1 goes
 * MAINPID=main_pid, unless that is 0. data need not be text. Returns the length, 0: nothing passes.
 */
size_t sd_notify_filter(
	const uint8_t *data, size_t len, pid_t main_pid, char out[SD_NOTIFY_OUT_MAX]);
