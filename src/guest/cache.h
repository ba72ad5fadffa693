/*
 * A folder of files that are made once: each is named after what it was made from, appears whole or
 * not at all, and is made by one process while others wait for it.
 */
#pragma once

#include "base/buf.h"
#include "base/err.h"

/* Opens dir, made (0700) if missing. -EPERM when others could write to it. Returns an fd. */
int cache_open(const char *dir, struct err *err) CHECKED;

/*
 * What an entry is made from. A file counts by its identity, size and times, not by its content:
 * reading a kernel takes longer than booting it.
 */
struct cache_key {
	unsigned __int128 hash;
};

void cache_key_init(struct cache_key *key);
void cache_key_add_str(struct cache_key *key, const char *s); /* s may be NULL */
void cache_key_add_key(struct cache_key *key, const struct cache_key *part);
int cache_key_add_file(struct cache_key *key, const char *path, struct err *err) CHECKED;

/* Makes the content of an entry: appends it to out. */
typedef int cache_make_fn(void *arg, struct buf *out, struct err *err);

/*
 * Opens the entry kind-<key>, made by make(arg) when it is missing. Returns an O_RDONLY fd; where
 * an entry was made, others of that kind that were not used for weeks are removed. make NULL:
 * -ENODATA when it is missing.
 */
int cache_get(int cache, const char *kind, const struct cache_key *key, cache_make_fn *make,
	void *arg, struct err *err) CHECKED;
