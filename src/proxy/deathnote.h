/* The record of a pod that died under its container: cause, time, the end of the guest's log. */
#pragma once

#include <stdint.h>

/* Descriptors are the caller's; -1 where there is none. */
struct deathnote {
	int ctl;    /* a connection that watches (VMCTL_WATCH): the monitor says on it how the guest
		       ended */
	int log;    /* the guest's console, what the monitor says included; for reading */
	int record; /* directory in which the note is written */
	/* The host's kernel has killed for lack of memory in the container's cgroup, and not for
	 * our sake. Asked when the monitor is gone. */
	int (*oom_killed)(void *arg);
	void *arg;
	int64_t at_ns; /* CLOCK_REALTIME */
};

/* Finds the cause, waiting for the monitor's last words for a moment, and writes DEATH_FILE. */
void deathnote_write(const struct deathnote *n);
