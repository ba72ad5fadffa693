/*
 * Signals for those who wait for a lock. Linux does not pass on over virtio-fs that a process that
 * waits in a request has got a signal, and lets it wait on, whatever the signal. So while any waits
 * for a lock, the agent is asked which have.
 */
#pragma once

#include "base/err.h"

struct vm;

/* Sets up the asking; in the loop's thread. */
int signalled_init(struct vm *vm) CHECKED;

/* Somebody waits. arg: struct vm. Any thread. */
void signalled_watch(void *arg);
