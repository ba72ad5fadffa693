/*
 * Which inode a name of a watched directory stood for when the guest looked last. A shadow
 * operation on a file that the host has removed or moved finds it here. Bounded; the oldest go
 * first.
 */
#pragma once

#include "base/err.h"
#include "base/list.h"

#include <pthread.h>
#include <stdint.h>

#define KNOWN_MAX     16384
#define KNOWN_BUCKETS 4096

struct known {
	pthread_mutex_t lock;
	struct list bucket[KNOWN_BUCKETS];
	struct list oldest;
	unsigned count;
};

void known_init(struct known *k);
void known_done(struct known *k);

/* Names and directories are kept as a hash: what collides belongs to one guest. Any thread. */
void known_set(struct known *k, uint64_t dir, const char *name, uint64_t nodeid);
/* The nodeid, or 0. */
uint64_t known_get(struct known *k, uint64_t dir, const char *name);
void known_remove(struct known *k, uint64_t dir, const char *name);
void known_move(
	struct known *k, uint64_t dir, const char *name, uint64_t to_dir, const char *to_name);
