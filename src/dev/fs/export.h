/* The export table: what the synthetic root shows. */
#pragma once

#include "base/err.h"
#include "base/list.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define EXPORT_NAME_MAX 64
#define EXPORTS_MAX	4096

enum fs_cache { FS_CACHE_AUTO, FS_CACHE_NONE, FS_CACHE_ALWAYS };

/* Held by the table until removed, and by every inode found below it. */
struct export
{
	char name[EXPORT_NAME_MAX];
	int fd; /* O_PATH of its root */
	unsigned flags;
	uint64_t mnt;	 /* the mount of the host that its root is in */
	unsigned number; /* of the export, in the order of their coming */
	atomic_bool removed;
	atomic_uint refs;
	struct list link;
};

struct exports {
	pthread_mutex_t lock;
	struct list list;
	unsigned count, next_number;
};

void exports_init(struct exports *t);
void exports_done(struct exports *t);
int exports_add(struct exports *t, const char *name, int fd, unsigned flags) CHECKED;
/* The removed one, its reference is now the caller's; NULL: there is none of that name. */
struct export *exports_remove(struct exports *t, const char *name) CHECKED;

/* By name, or the index-th (0..) in order; NULL when there is none. The caller gets a reference. */
struct export *exports_find(struct exports *t, const char *name);
struct export *exports_at(struct exports *t, size_t index);

enum fs_cache export_cache(const struct export *e);

void export_get(struct export *e);
void export_put(struct export *e);
