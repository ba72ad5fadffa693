/* The handle table: see handle.h. Any worker thread. */
#include "dev/fs/handle.h"

#include "base/auto.h"
#include "dev/fs/export.h"

#include <stdlib.h>

#define HANDLES_MAX 200000

/* Handle numbers carry the slot in the low half and the slot's generation in the high half. */
static uint64_t number(size_t slot, uint32_t generation)
{
	return (uint64_t)generation << 32 | (uint32_t)(slot + 1);
}

void handles_init(struct handles *t)
{
	*t = (struct handles){ 0 };
	pthread_mutex_init(&t->lock, NULL);
}

static void release(struct handle *h)
{
	if (--h->users)
		return;
	close_fd(&h->fd);
	pthread_mutex_destroy(&h->lock);
	free(h->entries);
	free(h->far.offset);
	free(h);
}

void handles_clear(struct handles *t, const struct export *of)
{
	pthread_mutex_lock(&t->lock);
	for (size_t i = 0; i < t->size; i++) {
		struct handle *h = t->slot[i].handle;

		if (!h || (of && h->export != of))
			continue;
		release(h);
		t->slot[i].handle = NULL;
	}
	t->free_hint = 0;
	pthread_mutex_unlock(&t->lock);
}

void handles_done(struct handles *t)
{
	handles_clear(t, NULL);
	free(t->slot);
	pthread_mutex_destroy(&t->lock);
}

static int free_slot(struct handles *t, size_t *ret)
{
	struct handle_slot *slot;
	size_t size = t->size ? t->size * 2 : 64;

	for (size_t i = t->free_hint; i < t->size; i++) {
		if (!t->slot[i].handle) {
			*ret = i;
			return 0;
		}
	}
	if (t->size >= HANDLES_MAX)
		return -ENFILE;
	slot = realloc(t->slot, size * sizeof(*slot));
	if (!slot)
		return -ENOMEM;
	for (size_t i = t->size; i < size; i++)
		slot[i] = (struct handle_slot){ .generation = t->first };
	*ret = t->size;
	t->slot = slot;
	t->size = size;
	return 0;
}

int handle_add(struct handles *t, const struct export *export, int fd, bool dir, uint64_t *ret_fh)
{
	struct handle *h = calloc(1, sizeof(*h));
	size_t i = 0;
	int r;

	if (!h) {
		close_fd(&fd);
		return -ENOMEM;
	}
	*h = (struct handle){ .fd = fd, .export = export, .dir = dir, .users = 1 };
	pthread_mutex_init(&h->lock, NULL);
	pthread_mutex_lock(&t->lock);
	/* Looked at with the lock held: the removal clears the table after it is said here. */
	r = export && atomic_load(&export->removed) ? -ESTALE : free_slot(t, &i);
	if (r == 0) {
		t->slot[i].handle = h;
		t->free_hint = i + 1;
		*ret_fh = number(i, ++t->slot[i].generation);
	}
	pthread_mutex_unlock(&t->lock);
	if (r < 0)
		release(h);
	return r;
}

/* The slot of a number, with the lock held. */
static struct handle_slot *slot_of(struct handles *t, uint64_t fh)
{
	size_t i = (uint32_t)fh;

	if (i == 0 || i > t->size || !t->slot[i - 1].handle ||
		t->slot[i - 1].generation != fh >> 32)
		return NULL;
	return &t->slot[i - 1];
}

struct handle *handle_get(struct handles *t, uint64_t fh, bool dir)
{
	struct handle_slot *slot;
	struct handle *h = NULL;

	pthread_mutex_lock(&t->lock);
	slot = slot_of(t, fh);
	if (slot && slot->handle->dir == dir) {
		h = slot->handle;
		h->users++;
	}
	pthread_mutex_unlock(&t->lock);
	return h;
}

void handle_put(struct handles *t, struct handle *h)
{
	if (!h)
		return;
	pthread_mutex_lock(&t->lock);
	release(h);
	pthread_mutex_unlock(&t->lock);
}

void handle_remove(struct handles *t, uint64_t fh)
{
	struct handle_slot *slot;

	pthread_mutex_lock(&t->lock);
	slot = slot_of(t, fh);
	if (slot) {
		release(slot->handle);
		slot->handle = NULL;
		if ((size_t)(slot - t->slot) < t->free_hint)
			t->free_hint = (size_t)(slot - t->slot);
	}
	pthread_mutex_unlock(&t->lock);
}

uint32_t handles_last(struct handles *t)
{
	uint32_t last;

	pthread_mutex_lock(&t->lock);
	last = t->first;
	for (size_t i = 0; i < t->size; i++)
		if (t->slot[i].generation > last)
			last = t->slot[i].generation;
	pthread_mutex_unlock(&t->lock);
	return last;
}

void handles_go_on(struct handles *t, uint32_t last)
{
	pthread_mutex_lock(&t->lock);
	t->first = last;
	for (size_t i = 0; i < t->size; i++)
		t->slot[i].generation = last;
	pthread_mutex_unlock(&t->lock);
}
