/* Changes of the guest's own: see own.h. */
#include "dev/fs/own.h"

#include "base/auto.h"

int own_init(struct own *o, unsigned workers)
{
	o->ring = calloc(workers, sizeof(*o->ring));
	if (!o->ring)
		return -ENOMEM;
	o->workers = workers;
	pthread_mutex_init(&o->lock, NULL);
	pthread_cond_init(&o->room, NULL);
	return 0;
}

void own_done(struct own *o)
{
	if (!o->ring)
		return;
	free(o->ring);
	pthread_cond_destroy(&o->room);
	pthread_mutex_destroy(&o->lock);
}

static struct own_change *change_at(struct own_ring *ring, unsigned i)
{
	return &ring->change[(ring->first + i) % OWN_CHANGES_MAX];
}

bool own_expect(struct own *o, unsigned worker, const struct own_change *change)
{
	struct own_ring *ring = &o->ring[worker];
	struct own_change *c;
	bool parity;

	pthread_mutex_lock(&o->lock);
	while (ring->count == OWN_CHANGES_MAX)
		pthread_cond_wait(&o->room, &o->lock);
	c = change_at(ring, ring->count++);
	*c = *change;
	ring->parity = !ring->parity;
	c->parity = parity = ring->parity;
	c->marked = false;
	pthread_mutex_unlock(&o->lock);
	return parity;
}

void own_marked(struct own *o, unsigned worker)
{
	struct own_ring *ring = &o->ring[worker];

	pthread_mutex_lock(&o->lock);
	/* The reader may have met the mark already. */
	if (ring->count && change_at(ring, ring->count - 1)->parity == ring->parity)
		change_at(ring, ring->count - 1)->marked = true;
	pthread_mutex_unlock(&o->lock);
}

static void drop_first(struct own *o, struct own_ring *ring)
{
	ring->first = (ring->first + 1) % OWN_CHANGES_MAX;
	ring->count--;
	pthread_cond_broadcast(&o->room);
}

void own_over(struct own *o, unsigned worker, bool parity)
{
	struct own_ring *ring = &o->ring[worker];

	pthread_mutex_lock(&o->lock);
	while (ring->count) {
		bool its = change_at(ring, 0)->parity == parity;

		drop_first(o, ring);
		if (its)
			break;
	}
	pthread_mutex_unlock(&o->lock);
}

void own_lost(struct own *o)
{
	pthread_mutex_lock(&o->lock);
	for (unsigned i = 0; i < o->workers; i++)
		while (o->ring[i].count && change_at(&o->ring[i], 0)->marked)
			drop_first(o, &o->ring[i]);
	pthread_mutex_unlock(&o->lock);
}

static bool fits(const struct own_event *e, const struct own_question *q)
{
	if (!(e->mask & q->mask) || e->export != q->export || e->name != q->name)
		return false;
	if (e->dir)
		return e->dir == q->dir;
	return !q->is || q->is(q->arg, e->dev, e->ino);
}

static bool take(struct own_change *c, const struct own_question *q)
{
	for (unsigned i = 0; i < c->n; i++) {
		struct own_event *e = &c->event[i];

		if (!fits(e, q))
			continue;
		if (!e->many)
			e->mask &= ~q->mask;
		return true;
	}
	return false;
}

bool own_take(struct own *o, const struct own_question *q)
{
	bool found = false;

	pthread_mutex_lock(&o->lock);
	for (unsigned i = 0; !found && i < o->workers; i++)
		for (unsigned n = 0; !found && n < o->ring[i].count; n++)
			found = take(change_at(&o->ring[i], n), q);
	pthread_mutex_unlock(&o->lock);
	return found;
}
