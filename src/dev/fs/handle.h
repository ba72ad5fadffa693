/* Open files and directories. A handle number is checked in full: the guest may send any. */
#pragma once

#include "base/err.h"

#include <pthread.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct handle {
	int fd; /* -1: the synthetic root directory */
	bool dir;
	unsigned users; /* the table, and requests at work */
	/* Directories: what getdents64() gave last, from `offset` on. */
	pthread_mutex_t lock;
	uint8_t *entries;
	size_t pos, len;
	uint64_t offset;
};

struct handles {
	pthread_mutex_t lock;

	struct handle_slot {
		struct handle *handle;
		uint32_t generation;
	} * slot;

	size_t size, free_hint;
};

void handles_init(struct handles *t);
void handles_done(struct handles *t);
void handles_clear(struct handles *t);

/* Takes fd (owned, also on failure); *ret_fh is its number. */
int handle_add(struct handles *t, int fd, bool dir, uint64_t *ret_fh) CHECKED;
/* Holds it for a request, or NULL for a number (or kind) that is not there. */
struct handle *handle_get(struct handles *t, uint64_t fh, bool dir);
void handle_put(struct handles *t, struct handle *h);
void handle_remove(struct handles *t, uint64_t fh);
