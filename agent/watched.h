/*
 * Which files of shares the guest's processes watch, by inotify or fanotify. The kernel tells it of
 * each descriptor in /proc, so this is looked up only when there is an event to be raised.
 */
#pragma once

#include "base/err.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct watched {
	uint64_t *nodeids; /* sorted */
	size_t count, room;
	bool all; /* somebody watches a whole file system */
};

/* Looks at all processes; what cannot be read (it has ended) watches nothing. 0 or -ENOMEM. */
int watched_scan(struct watched *w, const char *proc) CHECKED;
bool watched_has(const struct watched *w, uint64_t nodeid);
void watched_done(struct watched *w);

/* The nodeid in a line of fdinfo ("inotify wd:1 ino:.. f_handle:.."); 0: it is of another kind. */
uint64_t watched_nodeid(const char *line);
