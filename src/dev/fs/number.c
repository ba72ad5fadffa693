/* Inode numbers: see number.h. */
#include "dev/fs/number.h"

#define SMALL_BITS 27
/* Of a number that is large anyway, the bits that are changed. */
#define LARGE_SHIFT 48

void numbers_init(struct numbers *t)
{
	pthread_mutex_init(&t->lock, NULL);
	t->count = 0;
}

void numbers_done(struct numbers *t)
{
	pthread_mutex_destroy(&t->lock);
}

/* In the order in which file systems are seen first; NUMBERED_MAX for all that come later. */
static unsigned index_of(struct numbers *t, uint64_t dev)
{
	unsigned i = 0;

	pthread_mutex_lock(&t->lock);
	while (i < t->count && t->dev[i] != dev)
		i++;
	if (i == t->count && i < NUMBERED_MAX)
		t->dev[t->count++] = dev;
	pthread_mutex_unlock(&t->lock);
	return i;
}

uint64_t number_of(struct numbers *t, uint64_t dev, uint64_t ino)
{
	unsigned i = index_of(t, dev);

	if (i == 0)
		return ino;
	if (i < NUMBERED_MAX && ino >> SMALL_BITS == 0)
		return ino | (uint64_t)i << SMALL_BITS;
	return ino ^ ((dev * 0x9e3779b97f4a7c15ULL) >> LARGE_SHIFT | 1) << LARGE_SHIFT;
}
