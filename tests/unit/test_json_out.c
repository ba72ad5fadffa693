/* The JSON writer. */
#include "base/json_out.h"
#include "tests/unit/unit.h"

static void compact(void **state)
{
	AUTO(buf_done) struct buf b = { 0 };
	struct json_out out;

	(void)state;
	json_init(&out, &b, false);
	json_object(&out);
	json_key_str(&out, "s",
		"a\"\\\n\x01\xff"
		"é");
	json_key(&out, "list");
	json_array(&out);
	json_u64(&out, UINT64_MAX);
	json_i64(&out, -5);
	json_bool(&out, true);
	json_str(&out, NULL);
	json_end(&out);
	json_key(&out, "empty");
	json_object(&out);
	json_end(&out);
	json_end(&out);
	assert_int_equal(json_finish(&out), 0);
	assert_string_equal(buf_str(&b), "{\"s\":\"a\\\"\\\\\\n\\u0001\xef\xbf\xbd"
					 "é\",\"list\":[18446744073709551615,-5,true,null],"
					 "\"empty\":{}}");
}

static void pretty(void **state)
{
	AUTO(buf_done) struct buf b = { 0 };
	struct json_out out;

	(void)state;
	json_init(&out, &b, true);
	json_object(&out);
	json_key(&out, "a");
	json_array(&out);
	json_u64(&out, 1);
	json_u64(&out, 2);
	json_end(&out);
	json_end(&out);
	assert_int_equal(json_finish(&out), 0);
	assert_string_equal(buf_str(&b), "{\n  \"a\": [\n    1,\n    2\n  ]\n}");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(compact),
		cmocka_unit_test(pretty),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
