/* Numbers and string vectors. */
#include "base/str.h"
#include "tests/unit/unit.h"

static void numbers(void **state)
{
	uint64_t u;
	int64_t i;

	(void)state;
	assert_int_equal(str_to_u64("18446744073709551615", &u), 0);
	assert_true(u == UINT64_MAX);
	assert_int_equal(str_to_u64("18446744073709551616", &u), -ERANGE);
	assert_int_equal(str_to_u64("", &u), -EINVAL);
	assert_int_equal(str_to_u64("+1", &u), -EINVAL);
	assert_int_equal(str_to_u64("1 ", &u), -EINVAL);
	assert_int_equal(str_to_i64("-9223372036854775808", &i), 0);
	assert_true(i == INT64_MIN);
	assert_int_equal(str_to_i64("9223372036854775808", &i), -ERANGE);
	assert_int_equal(str_to_i64("-", &i), -EINVAL);
}

static void vectors(void **state)
{
	AUTO(strv_done) struct strv sv = { 0 };

	(void)state;
	assert_int_equal(strv_add(&sv, "a"), 0);
	assert_int_equal(strv_addf(&sv, "%d", 7), 0);
	assert_int_equal(sv.n, 2);
	assert_string_equal(sv.v[1], "7");
	assert_null(sv.v[2]);
	assert_string_equal(str_after("prefix-rest", "prefix-"), "rest");
	assert_null(str_after("pre", "prefix"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(numbers),
		cmocka_unit_test(vectors),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
