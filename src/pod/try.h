/* Booting a guest to see whether it can be done, for `vmrun check --try`. */
#pragma once

#include "base/buf.h"
#include "host/monitor.h"
#include "pod/runtime.h"

/*
 * Boots a guest of the settings' default size with the monitor of choice, until its agent answers,
 * and ends it. Appends a line with milliseconds for each phase to report, on failure for those that
 * were reached. Nothing is left, not even when a signal ends us meanwhile.
 */
int try_monitor(const struct runtime *rt, const struct monitor_choice *choice, struct buf *report,
	struct err *err) CHECKED;
