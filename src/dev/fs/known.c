/* Names that the guest has looked up: see known.h. */
#include "dev/fs/known.h"

#include "base/auto.h"
#include "base/shadow.h"

struct name {
	uint64_t hash; /* of directory and name */
	uint64_t nodeid;
	struct list bucket, age;
};

void known_init(struct known *k)
{
	pthread_mutex_init(&k->lock, NULL);
	for (unsigned i = 0; i < KNOWN_BUCKETS; i++)
		list_init(&k->bucket[i]);
	list_init(&k->oldest);
	k->count = 0;
}

static void drop(struct known *k, struct name *n)
{
	list_del(&n->bucket);
	list_del(&n->age);
	k->count--;
	free(n);
}

void known_done(struct known *k)
{
	list_for_each_safe (n, &k->oldest, struct name, age)
		drop(k, n);
	pthread_mutex_destroy(&k->lock);
}

static struct name *find(struct known *k, uint64_t hash)
{
	list_for_each (n, &k->bucket[hash % KNOWN_BUCKETS], struct name, bucket)
		if (n->hash == hash)
			return n;
	return NULL;
}

static void set(struct known *k, uint64_t hash, uint64_t nodeid)
{
	struct name *n = find(k, hash);

	if (n) {
		list_del(&n->age);
	} else {
		n = malloc(sizeof(*n));
		if (!n)
			return;
		n->hash = hash;
		list_add_tail(&k->bucket[hash % KNOWN_BUCKETS], &n->bucket);
		k->count++;
	}
	n->nodeid = nodeid;
	list_add_tail(&k->oldest, &n->age);
	if (k->count > KNOWN_MAX)
		drop(k, container_of(k->oldest.next, struct name, age));
}

void known_set(struct known *k, uint64_t dir, const char *name, uint64_t nodeid)
{
	pthread_mutex_lock(&k->lock);
	set(k, shadow_hash(dir, name), nodeid);
	pthread_mutex_unlock(&k->lock);
}

uint64_t known_get(struct known *k, uint64_t dir, const char *name)
{
	const struct name *n;
	uint64_t nodeid;

	pthread_mutex_lock(&k->lock);
	n = find(k, shadow_hash(dir, name));
	nodeid = n ? n->nodeid : 0;
	pthread_mutex_unlock(&k->lock);
	return nodeid;
}

static uint64_t take(struct known *k, uint64_t hash)
{
	struct name *n = find(k, hash);
	uint64_t nodeid = n ? n->nodeid : 0;

	if (n)
		drop(k, n);
	return nodeid;
}

void known_remove(struct known *k, uint64_t dir, const char *name)
{
	pthread_mutex_lock(&k->lock);
	(void)take(k, shadow_hash(dir, name));
	pthread_mutex_unlock(&k->lock);
}

void known_move(
	struct known *k, uint64_t dir, const char *name, uint64_t to_dir, const char *to_name)
{
	uint64_t nodeid, to = shadow_hash(to_dir, to_name);

	pthread_mutex_lock(&k->lock);
	nodeid = take(k, shadow_hash(dir, name));
	(void)take(k, to);
	if (nodeid)
		set(k, to, nodeid);
	pthread_mutex_unlock(&k->lock);
}
