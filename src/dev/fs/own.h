/*
 * Changes that the guest makes itself, which come back from the host as events and are to go no
 * further. A worker says before a request which events it may cause, and lets a mark of its own
 * follow it into the queue of events: what is expected is in front of that mark or does not come.
 */
#pragma once

#include "base/err.h"

#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>

struct export;

#define OWN_EVENTS_MAX	6
#define OWN_CHANGES_MAX 256

/* An event to come. */
struct own_event {
	const struct export *export; /* only to be compared; in others it is a change by the host */
	uint64_t dir;		     /* nodeid of the directory, or 0: any of the export */
	uint64_t name;		     /* shadow_hash(0, name); 0: of the directory itself */
	uint64_t dev, ino;	     /* with any directory: the entry */
	uint32_t mask;		     /* IN_* kinds */
	bool many;		     /* each kind any number of times; or the first of it only */
};

struct own_change {
	struct own_event event[OWN_EVENTS_MAX];
	unsigned n;
	bool parity; /* of its mark */
	bool marked; /* the mark is made */
};

struct own_ring {
	struct own_change change[OWN_CHANGES_MAX];
	unsigned first, count;
	bool parity;
};

struct own {
	pthread_mutex_t lock;
	pthread_cond_t room;
	unsigned workers;
	struct own_ring *ring; /* one per worker */
};

int own_init(struct own *o, unsigned workers) CHECKED;
void own_done(struct own *o);

/*
 * A worker is about to make a change; waits while OWN_CHANGES_MAX of its changes are before the
 * reader. Returns the parity of the mark that has to follow: marks that are alike would become one.
 */
bool own_expect(struct own *o, unsigned worker, const struct own_change *change);
/* The mark is made. */
void own_marked(struct own *o, unsigned worker);

/* The reader has met a mark: the oldest change of that parity, and any before it, is over. */
void own_over(struct own *o, unsigned worker, bool parity);
/* Marks have been lost: all changes that are marked are over. */
void own_lost(struct own *o);

/* An event, as it came. */
struct own_question {
	const struct export *export;
	uint64_t dir, name;
	uint32_t mask;
	/* Whether the entry is (dev, ino), as far as it can be told. */
	bool (*is)(void *arg, uint64_t dev, uint64_t ino);
	void *arg;
};

/* Whether it is expected; what comes once is then expected no more. The reader only. */
bool own_take(struct own *o, const struct own_question *q);
