/* The export table: see export.h. Control thread adds and removes, workers look up. */
#include "dev/fs/export.h"

#include "base/auto.h"
#include "dev/fs/fs.h"
#include "dev/fs/stat.h"

#include <stdlib.h>
#include <string.h>

void exports_init(struct exports *t)
{
	pthread_mutex_init(&t->lock, NULL);
	list_init(&t->list);
	t->count = t->next_number = 0;
}

void export_get(struct export *e)
{
	atomic_fetch_add(&e->refs, 1);
}

void export_put(struct export *e)
{
	if (e && atomic_fetch_sub(&e->refs, 1) == 1) {
		close(e->fd);
		free(e);
	}
}

void exports_done(struct exports *t)
{
	list_for_each_safe (e, &t->list, struct export, link)
		export_put(e);
	pthread_mutex_destroy(&t->lock);
}

enum fs_cache export_cache(const struct export *e)
{
	if (e->flags & FS_EXPORT_CACHE_NONE)
		return FS_CACHE_NONE;
	return e->flags & FS_EXPORT_CACHE_ALWAYS ? FS_CACHE_ALWAYS : FS_CACHE_AUTO;
}

static bool good_name(const char *name)
{
	size_t n = strnlen(name, EXPORT_NAME_MAX);

	return n > 0 && n < EXPORT_NAME_MAX && !strchr(name, '/') && strcmp(name, ".") != 0 &&
	       strcmp(name, "..") != 0;
}

static struct export *find(struct exports *t, const char *name)
{
	list_for_each (e, &t->list, struct export, link)
		if (strcmp(e->name, name) == 0)
			return e;
	return NULL;
}

int exports_add(struct exports *t, const char *name, int fd, unsigned flags)
{
	struct export *e;
	struct statx stx;
	int r = 0;

	if (!good_name(name) || stat_inode(fd, &stx) < 0) {
		close(fd);
		return -EINVAL;
	}
	e = calloc(1, sizeof(*e));
	pthread_mutex_lock(&t->lock);
	if (!e)
		r = -ENOMEM;
	else if (find(t, name))
		r = -EEXIST;
	else if (t->count >= EXPORTS_MAX)
		r = -ENOSPC;
	if (r == 0) {
		strncpy(e->name, name, sizeof(e->name) - 1);
		e->fd = fd;
		e->flags = flags;
		e->mnt = stx.stx_mnt_id;
		e->number = t->next_number++;
		atomic_init(&e->refs, 1);
		list_add_tail(&t->list, &e->link);
		t->count++;
	}
	pthread_mutex_unlock(&t->lock);
	if (r < 0) {
		close(fd);
		free(e);
	}
	return r;
}

struct export *exports_remove(struct exports *t, const char *name)
{
	struct export *e;

	pthread_mutex_lock(&t->lock);
	e = find(t, name);
	if (e) {
		atomic_store(&e->removed, true);
		list_del(&e->link);
		t->count--;
	}
	pthread_mutex_unlock(&t->lock);
	return e;
}

struct export *exports_find(struct exports *t, const char *name)
{
	struct export *e;

	pthread_mutex_lock(&t->lock);
	e = find(t, name);
	if (e)
		export_get(e);
	pthread_mutex_unlock(&t->lock);
	return e;
}

struct export *exports_at(struct exports *t, size_t index)
{
	struct export *found = NULL;

	pthread_mutex_lock(&t->lock);
	list_for_each (e, &t->list, struct export, link) {
		if (index-- == 0) {
			found = e;
			export_get(e);
			break;
		}
	}
	pthread_mutex_unlock(&t->lock);
	return found;
}
