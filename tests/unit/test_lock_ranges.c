/* Ranges of locked bytes, beside a map that has a letter for each byte. */
#include "dev/fs/lock_ranges.h"
#include "tests/unit/unit.h"

#include <stdlib.h>
#include <string.h>

#define BYTES 24

struct model {
	struct lock_ranges held;
	char map[BYTES + 1]; /* '.', 'r' or 'w' */
};

static void change(struct model *m, unsigned start, unsigned end, char to)
{
	struct lock_range range = { .start = start, .end = end, .write = to == 'w' };
	struct lock_ranges now;

	assert_int_equal(lock_ranges_with(&m->held, &range, to == '.', &now), 0);
	free(m->held.v);
	m->held = now;
	memset(m->map + start, to, end - start + 1);
}

static void check(const struct model *m)
{
	char map[BYTES + 1];

	memset(map, '.', BYTES);
	map[BYTES] = '\0';
	for (unsigned i = 0; i < m->held.n; i++) {
		const struct lock_range *r = &m->held.v[i];

		assert_true(r->start <= r->end && r->end < BYTES);
		if (i > 0) {
			const struct lock_range *before = r - 1;

			assert_true(before->end < r->start);
			/* Or they would be one. */
			assert_true(before->end + 1 < r->start || before->write != r->write);
		}
		memset(map + r->start, r->write ? 'w' : 'r', r->end - r->start + 1);
	}
	assert_string_equal(map, m->map);
}

static void check_conflict(const struct model *m, unsigned start, unsigned end, bool write)
{
	struct lock_range wanted = { .start = start, .end = end, .write = write };
	const struct lock_range *found = lock_ranges_conflict(&m->held, &wanted);
	bool any = false;

	for (unsigned i = start; i <= end; i++)
		any |= m->map[i] == 'w' || (write && m->map[i] == 'r');
	assert_int_equal(any, found != NULL);
}

static void any_changes_give_what_a_map_of_bytes_has(void **state)
{
	struct model m = { .map = "........................" };

	(void)state;
	srand(1);
	for (unsigned i = 0; i < 20000; i++) {
		unsigned a = (unsigned)rand() % BYTES, b = (unsigned)rand() % BYTES;

		change(&m, a < b ? a : b, a < b ? b : a, ".rw"[rand() % 3]);
		check(&m);
		check_conflict(&m, a < b ? a : b, a < b ? b : a, rand() % 2);
	}
	free(m.held.v);
}

static void the_last_byte_is_one_as_any(void **state)
{
	struct lock_ranges held = { 0 }, now;
	struct lock_range all = { .end = LOCK_END }, last = { .start = LOCK_END, .end = LOCK_END };

	(void)state;
	assert_int_equal(lock_ranges_with(&held, &all, false, &held), 0);
	assert_int_equal(lock_ranges_with(&held, &last, true, &now), 0);
	free(held.v);
	assert_int_equal(now.n, 1);
	assert_true(now.v[0].start == 0 && now.v[0].end == LOCK_END - 1);
	last.write = true;
	assert_null(lock_ranges_conflict(&now, &last));
	free(now.v);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(any_changes_give_what_a_map_of_bytes_has),
		cmocka_unit_test(the_last_byte_is_one_as_any),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
