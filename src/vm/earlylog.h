/*
 * What the guest writes to COM1 before its virtio console is up: output only, bounded, made
 * harmless. With "quiet" a healthy guest writes nothing there; a kernel that panics at boot says
 * why.
 */
#pragma once

#include <pthread.h>
#include <stddef.h>
#include <stdint.h>

struct earlylog {
	pthread_mutex_t lock;
	size_t left; /* bytes that are still taken */
	char line[256];
	size_t len;
};

void earlylog_init(struct earlylog *l, size_t max_bytes);
/* One byte; whole lines go to stderr, which is the pod's log. Any vCPU thread. */
void earlylog_byte(struct earlylog *l, uint8_t byte);
