/* A process named by pid and start time, which together are never used twice. */
#pragma once

#include "base/err.h"

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

struct pidref {
	pid_t pid;	     /* 0: none */
	uint64_t start_time; /* clock ticks since boot: field 22 of /proc/PID/stat */
};

/* Reads the start time of a live process. -ESRCH when there is none (or it is a zombie). */
int pidref_get(pid_t pid, struct pidref *ret) CHECKED;
bool pidref_alive(const struct pidref *p);
/* A pidfd of it, or -ESRCH. */
int pidref_open(const struct pidref *p) CHECKED;
/* Kills it and waits until it has ended, at most timeout_ms. Gone already is success. */
int pidref_kill(const struct pidref *p, unsigned timeout_ms) CHECKED;
