/* Ranges of locked bytes: see lock_ranges.h. */
#include "dev/fs/lock_ranges.h"

#include <stdlib.h>

static void append(struct lock_ranges *to, struct lock_range range)
{
	struct lock_range *last = to->n ? &to->v[to->n - 1] : NULL;

	if (last && last->write == range.write && last->end + 1 == range.start)
		last->end = range.end;
	else
		to->v[to->n++] = range;
}

int lock_ranges_with(const struct lock_ranges *held, const struct lock_range *change, bool unlock,
	struct lock_ranges *ret)
{
	/* One range may become three. */
	struct lock_ranges to = { .v = calloc((size_t)held->n + 2, sizeof(*to.v)) };
	bool placed = unlock;

	if (!to.v)
		return -ENOMEM;
	for (unsigned i = 0; i < held->n; i++) {
		struct lock_range old = held->v[i], rest = old;

		if (old.start < change->start) {
			if (old.end >= change->start)
				old.end = change->start - 1;
			append(&to, old);
		}
		if (rest.end < change->start)
			continue;
		if (!placed)
			append(&to, *change);
		placed = true;
		if (rest.end > change->end) {
			if (rest.start <= change->end)
				rest.start = change->end + 1;
			append(&to, rest);
		}
	}
	if (!placed)
		append(&to, *change);
	*ret = to;
	return 0;
}

const struct lock_range *lock_ranges_conflict(
	const struct lock_ranges *held, const struct lock_range *wanted)
{
	for (unsigned i = 0; i < held->n; i++) {
		const struct lock_range *h = &held->v[i];

		if (h->start <= wanted->end && wanted->start <= h->end &&
			(h->write || wanted->write))
			return h;
	}
	return NULL;
}
