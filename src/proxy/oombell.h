/*
 * An OOM kill in the guest, made to show in the container's cgroup on the host, where conmon, CRI-O
 * and containerd look for it, and the kubelet hears from them: its memory.events counts one
 * "oom_kill" more.
 *
 * Nothing can write that file, so a real kill is needed, and cgroup v2 allows no child cgroup with
 * a limit below one with processes in it. But the kernel counts a kill where the *owner* of the
 * victim's memory lives (mm->owner), and finds the victim in the cgroup that is over its limit. So
 * a process in the container's cgroup gets a twin that shares its memory, and the twin moves to a
 * cgroup with a limit of one page beside the container's and asks the kernel for memory on its own
 * account. Both are killed, it shows in memory.events and memory.events.local of the container's
 * cgroup and in memory.events above it, and the little cgroup goes again.
 *
 * What reads the kernel's log (cAdvisor's container_oom_events_total) finds the name of the little
 * cgroup there, not the container's.
 *
 * On cgroup v1 the same makes the "oom_kill" of memory.oom_control grow; whoever waits on its
 * eventfd (conmon does there) is not woken, since that happens only when the container's own
 * cgroup or one above it is over its limit.
 *
 * Rung by a helper process of the proxy that was forked before the proxy gave up its privileges.
 * All that it takes is one byte for each kill; it ends with the proxy.
 */
#pragma once

#include "base/err.h"

#include <stdbool.h>
#include <stdint.h>

struct oombell {
	int fd;	       /* to the helper; -1: there is none */
	int events_fd; /* memory.events, or memory.oom_control on cgroup v1; -1: none */
	uint64_t kills_before;
	unsigned rung, answered;
	bool missed; /* a ring was left out because there had been one just before */
	int64_t rung_at_ms;
};

/*
 * Starts the helper. cgroup_fd: the container's directory in the hierarchy with the memory
 * controller (or -1), not used any more afterwards. container: names the little cgroup. Where it
 * cannot be done, ringing does nothing.
 */
void oombell_start(struct oombell *b, int cgroup_fd, const char *container);

/* Rings, at most once in ten seconds: a guest may kill as often as it likes. Does not wait. */
void oombell_ring(struct oombell *b, int64_t now_ms);

/* Rings what was left out, and waits (three seconds at most) until all that was rung is counted. */
void oombell_settle(struct oombell *b, int64_t now_ms);

/* How many kills the host's kernel has counted that were not rung. */
uint64_t oombell_strange_kills(const struct oombell *b);
