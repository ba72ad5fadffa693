/* Errors and the lines that tell of them: what callers of ours read. */
#include "base/auto.h"
#include "base/errno_names.h"
#include "base/fd.h"
#include "base/log.h"
#include "tests/unit/unit.h"

#include <fcntl.h>
#include <stdlib.h>
#include <string.h>

static void a_prefix_is_put_there_once(void **state)
{
	struct err err = ERR_NONE;

	(void)state;
	err_sys(&err, ENOENT, "file");
	assert_int_equal(err_prefix(&err, "cannot start \"%s\": ", "x"), -ENOENT);
	assert_int_equal(err_prefix(&err, "cannot start \"%s\": ", "x"), -ENOENT);
	assert_string_equal(err.msg, "cannot start \"x\": file: No such file or directory");
	err_prefix(&err, "run: ");
	assert_string_equal(err.msg, "run: cannot start \"x\": file: No such file or directory");
}

static void names_for_texts(void **state)
{
	static const struct {
		const char *text, *names;
	} cases[] = {
		{ "", "" },
		{ "a: No such file or directory", "a: ENOENT" },
		{ "open x: no such file or directory, so what", "open x: ENOENT, so what" },
		{ "No such device or address", "ENXIO" },
		{ "No such device", "ENODEV" },
		{ "(Permission denied) Operation not permitted: File exists",
			"(EACCES) EPERM: EEXIST" },
		{ "No such fil", "No such fil" },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		AUTO_FREE char *text = strdup(cases[i].text);

		assert_non_null(text);
		errno_texts_to_names(text);
		assert_string_equal(text, cases[i].names);
	}
}

/* All of them, since a name that is longer than its text would not fit. */
static void no_text_is_left(void **state)
{
	(void)state;
	for (int number = 1; number < 140; number++) {
		const char *known = strerrordesc_np(number);
		AUTO_FREE char *text = strdup(known ? known : "");

		assert_non_null(text);
		errno_texts_to_names(text);
		if (known)
			assert_string_equal(text, strerrorname_np(number));
	}
}

static char *content(const char *path)
{
	struct buf b = { 0 };
	struct err err = ERR_NONE;

	assert_int_equal(file_read(AT_FDCWD, path, 65536, &b, &err), 0);
	assert_non_null(buf_str(&b));
	return (char *)b.data;
}

static void warnings_are_held_back(void **state)
{
	char path[] = "/tmp/test_log.XXXXXX";
	AUTO_CLOSE int made = mkstemp(path);
	AUTO_FREE char *held = NULL, *whole = NULL;
	struct err err = ERR_NONE;

	(void)state;
	assert_true(made >= 0);
	log_init("test", LOG_LEVEL_WARN);
	assert_int_equal(log_open(path, false, &err), 0);
	log_hold();
	log_warn("first: %s", strerror(ENOENT));
	log_warn("second");
	log_error("wrong: %s", strerror(EACCES));
	held = content(path);
	assert_string_equal(held, "test: wrong: Permission denied\n");
	log_release();
	log_warn("third");
	whole = content(path);
	assert_string_equal(whole, "test: wrong: Permission denied\n"
				   "test: warning: first: ENOENT\n"
				   "test: warning: second\n"
				   "test: warning: third\n");
	log_set_fd(2);
	unlink(path);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_prefix_is_put_there_once),
		cmocka_unit_test(names_for_texts),
		cmocka_unit_test(no_text_is_left),
		cmocka_unit_test(warnings_are_held_back),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
