/* The inode table: see inode.h. Any worker thread. */
#include "dev/fs/inode.h"

#include "base/auto.h"
#include "dev/fs/export.h"
#include "dev/fs/fs.h"
#include "dev/fs/stat.h"

#include <stdlib.h>

/* A bucket becomes a list when it is looked at first, so that unused ones take no memory. */
static struct list *ready(struct list *bucket)
{
	if (!bucket->next)
		list_init(bucket);
	return bucket;
}

static struct list *id_bucket(struct inodes *t, uint64_t nodeid)
{
	return ready(&t->by_id[nodeid % INODE_BUCKETS]);
}

static struct list *key_bucket(struct inodes *t, uint64_t dev, uint64_t ino)
{
	return ready(&t->by_key[(ino * 0x9e3779b97f4a7c15ULL ^ dev) % INODE_BUCKETS]);
}

/* The first time, and how much more there must be for the next. */
#define CROWDED_FIRST(max) ((max) / 4 * 3)
#define CROWDED_STEP(max)  ((max) / 32 + 1)

#define FIRST_ID	   2 /* 1 is the synthetic root */

void inodes_init(struct inodes *t, unsigned max, void (*crowded)(void *arg), void *arg)
{
	pthread_mutex_init(&t->lock, NULL);
	list_init(&t->bindings);
	t->next_id = FIRST_ID;
	t->count = 0;
	t->max = max;
	t->crowded_at = CROWDED_FIRST(max);
	t->crowded = crowded;
	t->arg = arg;
	t->gone = NULL;
}

void inode_unbind(struct inode *inode)
{
	if (!inode->binding.name)
		return;
	list_del(&inode->binding.by_age);
	free(inode->binding.name);
	inode->binding.name = NULL;
}

uint64_t inodes_next(struct inodes *t)
{
	uint64_t next;

	pthread_mutex_lock(&t->lock);
	next = t->next_id;
	pthread_mutex_unlock(&t->lock);
	return next;
}

int inodes_go_on(struct inodes *t, uint64_t next)
{
	/* So high a number would come around to those that are taken. */
	if (next < FIRST_ID || next > UINT64_MAX / 2)
		return -EINVAL;
	pthread_mutex_lock(&t->lock);
	t->next_id = next;
	pthread_mutex_unlock(&t->lock);
	return 0;
}

static void drop(struct inodes *t, struct inode *inode)
{
	list_del(&inode->by_id);
	list_del(&inode->by_key);
	inode_unbind(inode);
	t->count--;
	if (t->count == t->max / 2)
		t->crowded_at = CROWDED_FIRST(t->max);
	if (inode->watched && t->gone)
		t->gone(t->gone_arg, inode);
	export_put(inode->export);
	close(inode->fd);
	free(inode);
}

static void drop_if_unused(struct inodes *t, struct inode *inode)
{
	if (inode->users == 0 && inode->lookups == 0)
		drop(t, inode);
}

void inodes_clear(struct inodes *t, const struct export *of)
{
	pthread_mutex_lock(&t->lock);
	for (unsigned i = 0; i < INODE_BUCKETS; i++) {
		if (!t->by_id[i].next)
			continue;
		list_for_each_safe (inode, &t->by_id[i], struct inode, by_id) {
			if (of && inode->export != of)
				continue;
			inode->lookups = 0;
			drop_if_unused(t, inode);
		}
	}
	pthread_mutex_unlock(&t->lock);
}

void inodes_done(struct inodes *t)
{
	inodes_clear(t, NULL);
	pthread_mutex_destroy(&t->lock);
}

static struct inode *find(struct inodes *t, uint64_t nodeid)
{
	list_for_each (inode, id_bucket(t, nodeid), struct inode, by_id)
		if (inode->nodeid == nodeid)
			return inode;
	return NULL;
}

struct inode *inode_get(struct inodes *t, uint64_t nodeid)
{
	struct inode *inode;

	pthread_mutex_lock(&t->lock);
	inode = find(t, nodeid);
	if (inode)
		inode->users++;
	pthread_mutex_unlock(&t->lock);
	return inode;
}

struct inode *inode_again(struct inodes *t, uint64_t nodeid)
{
	struct inode *inode;

	pthread_mutex_lock(&t->lock);
	inode = find(t, nodeid);
	if (inode) {
		inode->users++;
		inode->lookups++;
	}
	pthread_mutex_unlock(&t->lock);
	return inode;
}

void inode_put(struct inodes *t, struct inode *inode)
{
	if (!inode)
		return;
	pthread_mutex_lock(&t->lock);
	inode->users--;
	drop_if_unused(t, inode);
	pthread_mutex_unlock(&t->lock);
}

static struct inode *find_key(struct inodes *t, const struct inode *key)
{
	list_for_each (i, key_bucket(t, key->dev, key->ino), struct inode, by_key)
		if (i->ino == key->ino && i->dev == key->dev && i->mnt == key->mnt &&
			i->export == key->export)
			return i;
	return NULL;
}

static struct inode key_of(struct export *export, const struct statx *stx)
{
	return (struct inode){
		.export = export,
		.type = stx->stx_mode & S_IFMT,
		.dev = stat_dev(stx->stx_dev_major, stx->stx_dev_minor),
		.mnt = stx->stx_mnt_id,
		.ino = stx->stx_ino,
		.below = stx->stx_mnt_id != export->mnt,
		.mount_root = stx->stx_attributes & STATX_ATTR_MOUNT_ROOT,
	};
}

struct inode *inode_find(struct inodes *t, struct export *export, const struct statx *stx)
{
	struct inode key = key_of(export, stx);
	struct inode *inode;

	pthread_mutex_lock(&t->lock);
	inode = find_key(t, &key);
	if (inode)
		inode->users++;
	pthread_mutex_unlock(&t->lock);
	return inode;
}

int inode_learn(struct inodes *t, struct export *export, int fd, const struct statx *stx,
	struct inode **ret)
{
	struct inode key = key_of(export, stx);
	struct inode *inode;
	bool crowded = false;
	int r = 0;

	pthread_mutex_lock(&t->lock);
	inode = find_key(t, &key);
	/* Looked at with the lock held: the removal clears the table after it is said here. */
	if (atomic_load(&export->removed)) {
		r = -ESTALE;
	} else if (inode) {
		inode->lookups++;
		inode->users++;
		close(fd);
	} else if (t->count >= t->max) {
		r = -ENFILE;
	} else if (!(inode = malloc(sizeof(*inode)))) {
		r = -ENOMEM;
	} else {
		*inode = key;
		inode->fd = fd;
		inode->lookups = inode->users = 1;
		inode->nodeid = t->next_id++;
		export_get(export);
		list_add_tail(id_bucket(t, inode->nodeid), &inode->by_id);
		list_add_tail(key_bucket(t, key.dev, key.ino), &inode->by_key);
		t->count++;
		crowded = t->count >= t->crowded_at;
		if (crowded)
			t->crowded_at = t->count + CROWDED_STEP(t->max);
	}
	pthread_mutex_unlock(&t->lock);
	if (crowded && t->crowded)
		t->crowded(t->arg);
	if (r < 0)
		close(fd);
	else
		*ret = inode;
	return r;
}

void inode_forget(struct inodes *t, uint64_t nodeid, uint64_t n)
{
	struct inode *inode;

	pthread_mutex_lock(&t->lock);
	inode = find(t, nodeid);
	if (inode) {
		inode->lookups = n < inode->lookups ? inode->lookups - n : 0;
		drop_if_unused(t, inode);
	}
	pthread_mutex_unlock(&t->lock);
}
