/* What a container has used, in the JSON that runc's "events" prints (its types/events.go). */
#pragma once

#include "agent/agent.pb-c.h"
#include "base/buf.h"

/*
 * Appends {"type":"stats","id":...,"data":{...}} and a line feed. The numbers are the guest's: they
 * are printed as they are, its names only where they are plain words.
 */
int stats_print(const char *id, const Vmrun__Agent__StatsResponse *stats, struct buf *out) CHECKED;
