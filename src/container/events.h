/* What happens in a container while it runs, line by line as runc's "events" prints it. */
#pragma once

#include "container/container.h"

/* Appends one line of statistics. The container must not have ended. */
int container_stats(
	const struct runtime *rt, const char *id, struct buf *out, struct err *err) CHECKED;

/*
 * Writes a line of statistics to fd every interval_ms and one for each OOM kill, until the
 * container has ended, which is success.
 */
int container_events(const struct runtime *rt, const char *id, uint64_t interval_ms, int fd,
	struct err *err) CHECKED;
