/* Guest memory: regions, borders, addresses that wrap. */
#include "dev/gmem.h"
#include "tests/unit/unit.h"

#include <string.h>

#define A 0x1000
#define B 0x2000 /* follows A at once, elsewhere in our memory */
#define C 0x8000

static uint8_t a[0x1000], b[0x1000], c[0x100];

static struct gmem memory(void)
{
	struct gmem gm = { 0 };

	assert_int_equal(gm_add(&gm, C, sizeof(c), c), 0);
	assert_int_equal(gm_add(&gm, A, sizeof(a), a), 0);
	assert_int_equal(gm_add(&gm, B, sizeof(b), b), 0);
	return gm;
}

static void regions_are_sorted_and_never_overlap(void **state)
{
	struct gmem gm = memory();

	(void)state;
	assert_int_equal(gm.count, 3);
	assert_int_equal(gm.region[0].gpa, A);
	assert_int_equal(gm.region[1].gpa, B);
	assert_int_equal(gm.region[2].gpa, C);
	assert_int_equal(gm_add(&gm, A, 1, a), -EINVAL);
	assert_int_equal(gm_add(&gm, A - 1, 2, a), -EINVAL);
	assert_int_equal(gm_add(&gm, B + 0xfff, 2, a), -EINVAL);
	assert_int_equal(gm_add(&gm, 0, 0x100000, a), -EINVAL);
	assert_int_equal(gm_add(&gm, 0x20000, 0, a), -EINVAL);
	assert_int_equal(gm_add(&gm, UINT64_MAX - 1, 3, a), -EINVAL);
	assert_int_equal(gm.count, 3);
	for (unsigned i = 3; i < GMEM_REGIONS_MAX; i++)
		assert_int_equal(gm_add(&gm, 0x100000ULL * i, 1, a), 0);
	assert_int_equal(gm_add(&gm, 0x100000ULL * 99, 1, a), -EINVAL);
}

static void a_pointer_stays_in_one_region(void **state)
{
	struct gmem gm = memory();

	(void)state;
	assert_ptr_equal(gm_ptr(&gm, A, 0x1000), a);
	assert_ptr_equal(gm_ptr(&gm, A + 0xfff, 1), a + 0xfff);
	assert_null(gm_ptr(&gm, A, 0x1001));
	assert_null(gm_ptr(&gm, A, 0));
	assert_null(gm_ptr(&gm, A - 1, 1));
	assert_null(gm_ptr(&gm, C + 0x100, 1));
	assert_null(gm_ptr(&gm, C, UINT64_MAX));
	assert_null(gm_ptr(&gm, UINT64_MAX, 1));
	assert_null(gm_ptr(&gm, UINT64_MAX, UINT64_MAX));
}

static void copies_cross_borders(void **state)
{
	struct gmem gm = memory();
	char back[8] = "";

	(void)state;
	assert_int_equal(gm_write(&gm, B - 3, "abcdef", 6), 0);
	assert_memory_equal(a + 0xffd, "abc", 3);
	assert_memory_equal(b, "def", 3);
	assert_int_equal(gm_read(&gm, B - 3, back, 6), 0);
	assert_string_equal(back, "abcdef");
	assert_int_equal(gm_write(&gm, C + 0xfe, "xyz", 3), -EFAULT);
	assert_int_equal(gm_read(&gm, B + 0xffe, back, 3), -EFAULT);
	assert_int_equal(gm_read(&gm, UINT64_MAX, back, 8), -EFAULT);
}

static void a_range_becomes_vectors(void **state)
{
	struct gmem gm = memory();
	struct iovec iov[4];

	(void)state;
	assert_int_equal(gm_iov(&gm, A, 0x2000, iov, 4), 2);
	assert_ptr_equal(iov[0].iov_base, a);
	assert_int_equal(iov[0].iov_len, 0x1000);
	assert_ptr_equal(iov[1].iov_base, b);
	assert_int_equal(gm_iov(&gm, A, 0x2000, iov, 1), -E2BIG);
	assert_int_equal(gm_iov(&gm, A, 0x2001, iov, 4), -EFAULT);
	assert_int_equal(gm_iov(&gm, A, 0, iov, 4), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(regions_are_sorted_and_never_overlap),
		cmocka_unit_test(a_pointer_stays_in_one_region),
		cmocka_unit_test(copies_cross_borders),
		cmocka_unit_test(a_range_becomes_vectors),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
