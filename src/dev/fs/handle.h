/* Open files and directories. A handle number is checked in full: the guest may send any. */
#pragma once

#include "base/err.h"

#include <pthread.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct export;

/* Directory offsets that are too large for some guest programs: see dir.c. */
struct far_offsets {
	uint64_t *offset;
	size_t count, room;
	size_t next; /* where the next one probably is */
};

struct handle {
	int fd;			     /* -1: the synthetic root directory */
	const struct export *export; /* only to be compared; NULL: of the synthetic root */
	bool dir;
	unsigned users; /* the table, and requests at work */
	/* Directories: what getdents64() gave last, from `offset` on. */
	pthread_mutex_t lock;
	uint8_t *entries;
	size_t pos, len;
	uint64_t offset;
	struct far_offsets far;
};

struct handles {
	pthread_mutex_t lock;

	struct handle_slot {
		struct handle *handle;
		uint32_t generation;
	} * slot;

	size_t size, free_hint;
	uint32_t first; /* generation of slots that are new: no number is given twice */
};

void handles_init(struct handles *t);
void handles_done(struct handles *t);
/* Removes all of an export, or everything (NULL). */
void handles_clear(struct handles *t, const struct export *of);

/*
 * Takes fd (owned, also on failure); *ret_fh is its number. The caller holds the export, or it is
 * NULL for the synthetic root. -ESTALE when it was removed.
 */
int handle_add(
	struct handles *t, const struct export *export, int fd, bool dir, uint64_t *ret_fh) CHECKED;
/* Holds it for a request, or NULL for a number (or kind) that is not there. */
struct handle *handle_get(struct handles *t, uint64_t fh, bool dir);
void handle_put(struct handles *t, struct handle *h);
void handle_remove(struct handles *t, uint64_t fh);

/* The latest generation of any slot; and that of all in a table that is empty: see `first`. */
uint32_t handles_last(struct handles *t);
void handles_go_on(struct handles *t, uint32_t last);
