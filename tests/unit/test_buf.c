/* The growable buffer and the error value. */
#include "base/buf.h"
#include "base/err.h"
#include "tests/unit/unit.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <string.h>

static void grows_and_consumes(void **state)
{
	AUTO(buf_done) struct buf b = { 0 };

	(void)state;
	for (int i = 0; i < 1000; i++)
		assert_int_equal(buf_printf(&b, "%03d,", i), 0);
	assert_int_equal(b.len, 4000);
	buf_consume(&b, 3996);
	assert_string_equal(buf_str(&b), "999,");
	buf_consume(&b, 100);
	assert_int_equal(b.len, 0);
}

static void errors_gain_context(void **state)
{
	struct err err = ERR_NONE;

	(void)state;
	assert_int_equal(err_sys(&err, ENOENT, "open %s", "/x"), -ENOENT);
	assert_int_equal(err_prefix(&err, "mounts[%d]: ", 3), -ENOENT);
	assert_string_equal(err.msg, "mounts[3]: open /x: No such file or directory");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(grows_and_consumes),
		cmocka_unit_test(errors_gain_context),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
