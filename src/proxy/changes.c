/* Changes of a stand-in's memory: see changes.h. */
#include "proxy/changes.h"

#include <stdbool.h>

/* What is closer is one change: a number that has a byte in common with the old one. */
#define APART_BYTES 8

/* The next run of bytes that differ, at or behind *from, up to *to. */
static bool next_change(
	const uint8_t *before, const uint8_t *now, size_t len, size_t *from, size_t *to)
{
	size_t at = *from;

	while (at < len && before[at] == now[at])
		at++;
	if (at == len)
		return false;
	*from = at;
	for (*to = at; at < len && at - *to < APART_BYTES; at++)
		if (before[at] != now[at])
			*to = at + 1;
	return true;
}

static int add(const struct standin_area *area, uint8_t *now, struct changes *to)
{
	size_t from = 0, end;

	for (; next_change(area->data, now, area->len, &from, &end); from = end) {
		Vmrun__Agent__MemoryCopy *copy = &to->copy[to->n];

		if (to->n == CHANGES_MAX)
			return -E2BIG;
		vmrun__agent__memory_copy__init(copy);
		copy->address = area->address + from;
		copy->data.data = now + from;
		copy->data.len = end - from;
		to->list[to->n++] = copy;
	}
	return 0;
}

int changes_read(const struct standin *s, const struct standin_area *areas, unsigned count,
	struct changes *ret)
{
	int r = 0;

	ret->n = 0;
	for (unsigned i = 0; i < count && r == 0; i++) {
		if (!(s->present & 1U << i))
			continue;
		r = standin_read(s, areas[i].address, ret->now[i], areas[i].len);
		if (r == 0)
			r = add(&areas[i], ret->now[i], ret);
	}
	return r;
}
