/*
 * Shadow operations (base/shadow.h): what the host has changed is changed once more, in the guest
 * only, so that its kernel tells those who watch. Of the process that does it the file-system group
 * is not its own any more.
 */
#pragma once

#include "agent/watched.h"
#include "base/shadow.h"

struct shadow {
	int shares; /* O_PATH of the directory of shares; the caller's */
	/* What was needed last. */
	int share, dir;
	uint64_t dir_id;
	char share_name[64];
};

void shadow_init(struct shadow *s, int shares);
/* Lets go of what it has open. */
void shadow_done(struct shadow *s);

/* A record as it came: whether it is whole and well-formed. n: bytes that there are. */
bool shadow_valid(const struct shadow_event *e, size_t n);
/* Raises its events. What the guest does not know (any more) has nobody who watches it. */
void shadow_raise(struct shadow *s, const struct shadow_event *e);
/* Events have been lost: each watched file says that its attributes have changed. */
void shadow_raise_lost(struct shadow *s, const struct watched *w);
