/* Finding QEMU, and its version from programs that answer as they like. */
#include "base/auto.h"
#include "base/fd.h"
#include "base/path.h"
#include "base/str.h"
#include "host/qemu.h"
#include "tests/unit/unit.h"

#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>

/* A folder with a script. */
struct place {
	char dir[32], program[48];
};

static int make_place(void **state)
{
	struct place *p = calloc(1, sizeof(*p));

	assert_non_null(p);
	snprintf(p->dir, sizeof(p->dir), "/tmp/test_qemu.XXXXXX");
	assert_non_null(mkdtemp(p->dir));
	snprintf(p->program, sizeof(p->program), "%s/qemu", p->dir);
	*state = p;
	return 0;
}

static int remove_place(void **state)
{
	struct place *p = *state;
	int r = remove_tree(AT_FDCWD, p->dir);

	free(p);
	return r;
}

static void write_program(const struct place *p, const char *text, mode_t mode)
{
	struct err err = ERR_NONE;

	assert_int_equal(file_replace(AT_FDCWD, p->program, text, strlen(text), mode, &err), 0);
}

static void the_setting_is_a_path(void **state)
{
	const struct place *p = *state;
	AUTO_FREE char *path = NULL;
	struct err err = ERR_NONE;

	write_program(p, "#!/bin/sh\n", 0700);
	assert_int_equal(qemu_find(p->program, &path, &err), 0);
	assert_string_equal(path, p->program);
}

static void wrong_settings_are_named(void **state)
{
	const struct place *p = *state;
	char missing[64], *path = NULL;

	const struct {
		const char *setting;
		int code;
	} bad[] = {
		{ "qemu-system-x86_64", EINVAL },
		{ "", EINVAL },
		{ missing, ENOENT },
		{ p->dir, EACCES },
		{ p->program, EACCES },
	};

	snprintf(missing, sizeof(missing), "%s/missing", p->dir);
	write_program(p, "#!/bin/sh\n", 0600);
	for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
		struct err err = ERR_NONE;

		assert_int_equal(qemu_find(bad[i].setting, &path, &err), -bad[i].code);
		assert_non_null(strstr(err.msg, "\"qemu\""));
		assert_non_null(strstr(err.msg, bad[i].setting));
		assert_null(path);
	}
}

static void auto_finds_it_or_says_what_to_install(void **state)
{
	AUTO_FREE char *path = NULL;
	struct err err = ERR_NONE;

	(void)state;
	if (qemu_find("auto", &path, &err) == 0)
		assert_int_equal(*path, '/');
	else
		assert_non_null(strstr(err.msg, "apt install qemu-system-x86"));
}

static void versions_are_read(void **state)
{
	static const struct {
		const char *text, *version;
	} cases[] = {
		{ "QEMU emulator version 7.2.22 (Debian 1:7.2+dfsg-7)\nCopyright", "7.2.22" },
		{ "QEMU emulator version 10.0.50", "10.0.50" },
		{ "QEMU emulator version ", NULL },
		{ "QEMU emulator version x", NULL },
		{ "emulator version 7.2", NULL },
		{ "", NULL },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		AUTO_FREE char *v = qemu_version_in(cases[i].text);

		if (cases[i].version)
			assert_string_equal(v, cases[i].version);
		else
			assert_null(v);
	}
}

static void a_program_is_asked(void **state)
{
	const struct place *p = *state;
	AUTO_FREE char *v = NULL;
	struct err err = ERR_NONE;

	write_program(p,
		"#!/bin/sh\n[ \"$*\" = --version ] && echo QEMU emulator version 8.1.2\nexit 3\n",
		0700);
	assert_int_equal(qemu_version(p->program, &v, &err), 0);
	assert_string_equal(v, "8.1.2");
}

static void a_program_that_is_not_qemu(void **state)
{
	static const char *const others[] = {
		"#!/bin/sh\n",
		"#!/bin/sh\necho QEMU emulator version 8.1.2 >&2\n",
		"#!/bin/sh\necho something else\n",
		"#!/no/such/interpreter\n",
		"#!/bin/sh\nwhile :; do echo something else; done\n",
		"nonsense",
	};

	const struct place *p = *state;

	for (size_t i = 0; i < ARRAY_LEN(others); i++) {
		struct err err = ERR_NONE;
		char *v = NULL;

		write_program(p, others[i], 0700);
		assert_true(qemu_version(p->program, &v, &err) < 0);
		assert_non_null(strstr(err.msg, p->program));
		assert_null(v);
	}
}

int main(void)
{
#define TEST(f) cmocka_unit_test_setup_teardown(f, make_place, remove_place)
	const struct CMUnitTest tests[] = {
		TEST(the_setting_is_a_path),
		TEST(wrong_settings_are_named),
		cmocka_unit_test(auto_finds_it_or_says_what_to_install),
		cmocka_unit_test(versions_are_read),
		TEST(a_program_is_asked),
		TEST(a_program_that_is_not_qemu),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
