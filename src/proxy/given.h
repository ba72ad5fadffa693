/*
 * The notifications that a seccomp agent has not answered yet, each with the process that stands
 * for its target.
 */
#pragma once

#include "proxy/changes.h"
#include "proxy/notification.h"

enum given_state {
	GIVEN_FREE,
	GIVEN_READY, /* nobody has received it yet */
	GIVEN_SENT,  /* somebody has */
};

struct given {
	enum given_state state;
	struct seccomp_notif notif; /* its pid is the stand-in's */
	struct standin standin;
	/* What it began with. */
	struct standin_area areas[STANDIN_AREAS];
	unsigned area_count;
	uint8_t bytes[STANDIN_AREAS][STANDIN_AREA_MAX];
};

struct given_table {
	struct given given[NOTIFICATIONS_MAX];
};

/* NULL: there is none. */
struct given *given_in_state(struct given_table *t, enum given_state state);
struct given *given_by_id(struct given_table *t, uint64_t id);

/*
 * Adds one with a stand-in of its own, ready. proc: as of standin_start(). -EPROTO: it cannot be,
 * there are as many as there may be or it is there already; else it has got no stand-in.
 */
int given_add(struct given_table *t, int proc, const struct notification *n) CHECKED;
/* Forgets it and ends its stand-in. */
void given_end(struct given *g);

/* What has been written to its stand-in: see changes_read(). */
int given_changes(const struct given *g, struct changes *ret) CHECKED;
