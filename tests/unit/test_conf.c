/* The settings: files, drop-ins, mistakes, and the sample that documents every key. */
#include "base/auto.h"
#include "base/buf.h"
#include "base/fd.h"
#include "base/path.h"
#include "base/places.h"
#include "base/str.h"
#include "pod/conf.h"
#include "tests/unit/unit.h"

#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>

struct etc {
	char dir[32], file[48];
};

static int make_etc(void **state)
{
	struct etc *etc = calloc(1, sizeof(*etc));

	assert_non_null(etc);
	snprintf(etc->dir, sizeof(etc->dir), "/tmp/test_conf.XXXXXX");
	assert_non_null(mkdtemp(etc->dir));
	snprintf(etc->file, sizeof(etc->file), "%s/vmrun.conf", etc->dir);
	assert_int_equal(unsetenv("VMRUN_KERNEL"), 0);
	*state = etc;
	return 0;
}

static int remove_etc(void **state)
{
	struct etc *etc = *state;
	int r = remove_tree(AT_FDCWD, etc->dir);

	free(etc);
	return r;
}

static void write_file(const struct etc *etc, const char *name, const char *text)
{
	char path[96];
	struct err err = ERR_NONE;

	snprintf(path, sizeof(path), "%s/conf.d", etc->dir);
	assert_true(mkdir(path, 0700) == 0 || errno == EEXIST);
	snprintf(path, sizeof(path), "%s/%s", etc->dir, name);
	assert_int_equal(file_replace(AT_FDCWD, path, text, strlen(text), 0600, &err), 0);
}

static struct conf read_conf(const char *path)
{
	struct conf c;
	struct err err = ERR_NONE;

	if (conf_read(path, &c, &err) < 0)
		fail_msg("%s", err.msg);
	return c;
}

static void assert_defaults(const struct conf *c)
{
	struct places places = places_look();
	char cache[PATH_MAX];
	struct err err = ERR_NONE;

	assert_int_equal(places_cache(&places, cache, &err), 0);
	assert_string_equal(c->cache_dir, cache);
	for (size_t i = 0; i < conf_key_count; i++) {
		const struct conf_key *k = &conf_keys[i];
		const void *member = (const char *)c + k->offset;

		if (k->is_flag)
			assert_false(*(const bool *)member);
		else if (k->text_default && !streq(k->name, "cache_dir"))
			assert_string_equal(*(char *const *)member, k->text_default);
		else if (!k->text_default)
			assert_int_equal(*(const uint64_t *)member, k->number_default);
	}
}

static void a_cache_is_where_it_is_said(void **state)
{
	const struct etc *etc = *state;
	struct conf c;

	write_file(etc, "vmrun.conf", "{\"cache_dir\": \"/my/cache\"}");
	c = read_conf(etc->file);
	assert_string_equal(c.cache_dir, "/my/cache");
	conf_done(&c);
}

static void an_empty_object_is_the_defaults(void **state)
{
	const struct etc *etc = *state;
	struct conf c;

	write_file(etc, "vmrun.conf", "{}");
	c = read_conf(etc->file);
	assert_defaults(&c);
	assert_string_equal(c.kernel, "auto");
	assert_int_equal(c.memory_mib, 256);
	conf_done(&c);
	conf_done(&c); /* twice is fine */
	for (size_t i = 0; i < conf_key_count; i++)
		if (!conf_keys[i].text_default && !conf_keys[i].is_flag)
			assert_in_range(
				conf_keys[i].number_default, conf_keys[i].min, conf_keys[i].max);
}

static void comments_and_values(void **state)
{
	const struct etc *etc = *state;
	struct conf c;

	write_file(etc, "vmrun.conf",
		"// one\n{ /* two */ \"kernel\": \"/k\", // three\n\"memory_mib\": 64,\n"
		"\"vcpus\": 64, \"kernel_params\": \"a=\\\"b // c\\\"\" }\n");
	c = read_conf(etc->file);
	assert_string_equal(c.kernel, "/k");
	assert_string_equal(c.kernel_params, "a=\"b // c\"");
	assert_int_equal(c.memory_mib, 64);
	assert_int_equal(c.vcpus, 64);
	assert_int_equal(c.boot_timeout_s, 60);
	assert_false(c.strict);
	conf_done(&c);
	write_file(etc, "vmrun.conf", "{\"strict\": true}");
	c = read_conf(etc->file);
	assert_true(c.strict);
	conf_done(&c);
}

static void mistakes_name_file_and_key(void **state)
{
	static const struct {
		const char *text, *why;
		int code;
	} bad[] = {
		{ "{\"colour\": 1}", "colour: no such setting", EINVAL },
		{ "{\"Kernel\": \"x\"}", "Kernel: no such setting", EINVAL },
		{ "{\"kernel\": 1}", "kernel: expected a string", EINVAL },
		{ "{\"vcpus\": \"2\"}", "vcpus: expected ", EINVAL },
		{ "{\"vcpus\": 1.5}", "vcpus: expected ", EINVAL },
		{ "{\"vcpus\": null}", "vcpus: expected ", EINVAL },
		{ "{\"strict\": 1}", "strict: expected true or false", EINVAL },
		{ "{\"vcpus\": 0}", "vcpus: 0 is not between 1 and 64", ERANGE },
		{ "{\"vcpus\": 65}", "vcpus: 65 is not between 1 and 64", ERANGE },
		{ "{\"vcpus\": -1}", "vcpus: ", ERANGE },
		{ "{\"memory_mib\": 18446744073709551616}", "memory_mib: ", ERANGE },
		{ "{\"memory_mib\": 63}", "memory_mib: 63 is not between 64 and", ERANGE },
		{ "[]", "expected an object", EINVAL },
		{ "{\"vcpus\": 2", "vmrun.conf", EINVAL },
		{ "", "vmrun.conf", EINVAL },
	};

	const struct etc *etc = *state;

	for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
		struct conf c;
		struct err err = ERR_NONE;

		write_file(etc, "vmrun.conf", bad[i].text);
		assert_int_equal(conf_read(etc->file, &c, &err), -bad[i].code);
		assert_non_null(strstr(err.msg, etc->file));
		if (!strstr(err.msg, bad[i].why))
			fail_msg("%s: %s", bad[i].text, err.msg);
		assert_null(c.kernel); /* nothing is left to free */
	}
}

static void a_word_is_one_of_some(void **state)
{
	static const char *const bad[] = { "", "Host", "hos", "host " };
	const struct etc *etc = *state;
	struct err err = ERR_NONE;
	char text[64];
	struct conf c;

	write_file(etc, "vmrun.conf", "{\"share_locks\": \"guest\"}");
	c = read_conf(etc->file);
	assert_string_equal(c.share_locks, "guest");
	conf_done(&c);
	for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
		snprintf(text, sizeof(text), "{\"share_locks\": \"%s\"}", bad[i]);
		write_file(etc, "vmrun.conf", text);
		assert_int_equal(conf_read(etc->file, &c, &err), -EINVAL);
		assert_non_null(strstr(err.msg, "share_locks: "));
		err_clear(&err);
	}
}

static void drop_ins_in_order(void **state)
{
	const struct etc *etc = *state;
	struct conf c;

	write_file(etc, "vmrun.conf", "{\"vcpus\": 2, \"memory_mib\": 100, \"modules\": \"/m\"}");
	write_file(etc, "conf.d/20-b.conf", "{\"vcpus\": 20}");
	write_file(etc, "conf.d/10-a.conf", "{\"vcpus\": 10, \"memory_mib\": 110}");
	/* None of these is a drop-in. */
	write_file(etc, "conf.d/30-c.conf.bak", "{\"vcpus\": 30}");
	write_file(etc, "conf.d/.40-d.conf", "{\"vcpus\": 40}");
	write_file(etc, "conf.d/.conf", "nonsense");
	c = read_conf(etc->file);
	assert_int_equal(c.vcpus, 20);
	assert_int_equal(c.memory_mib, 110);
	assert_string_equal(c.modules, "/m");
	conf_done(&c);
}

static void a_bad_drop_in_is_named(void **state)
{
	const struct etc *etc = *state;
	struct conf c;
	struct err err = ERR_NONE;

	write_file(etc, "vmrun.conf", "{}");
	write_file(etc, "conf.d/10-a.conf", "{\"vcpus\": 0}");
	write_file(etc, "conf.d/20-b.conf", "{\"colour\": 0}");
	assert_int_equal(conf_read(etc->file, &c, &err), -ERANGE);
	assert_non_null(strstr(err.msg, "conf.d/10-a.conf"));
}

static void a_named_file_must_be_there(void **state)
{
	const struct etc *etc = *state;
	struct conf c;
	struct err err = ERR_NONE;

	assert_int_equal(conf_read(etc->file, &c, &err), -ENOENT);
	assert_non_null(strstr(err.msg, etc->file));
}

static void the_environment_names_the_kernel(void **state)
{
	const struct etc *etc = *state;
	struct conf c;

	write_file(etc, "vmrun.conf", "{\"kernel\": \"/k\"}");
	write_file(etc, "conf.d/a.conf", "{\"kernel\": \"/l\"}");
	assert_int_equal(setenv("VMRUN_KERNEL", "/env", 1), 0);
	c = read_conf(etc->file);
	assert_string_equal(c.kernel, "/env");
	conf_done(&c);
	assert_int_equal(setenv("VMRUN_KERNEL", "", 1), 0);
	c = read_conf(etc->file);
	assert_string_equal(c.kernel, "/l");
	conf_done(&c);
}

static char *sample(struct buf *b)
{
	struct err err = ERR_NONE;

	assert_int_equal(file_read(AT_FDCWD, SAMPLE_CONF, 65536, b, &err), 0);
	assert_non_null(buf_str(b));
	return (char *)b->data;
}

static void the_sample_changes_nothing(void **state)
{
	const struct etc *etc = *state;
	AUTO(buf_done) struct buf b = { 0 };
	struct conf c;

	write_file(etc, "vmrun.conf", sample(&b));
	c = read_conf(etc->file);
	assert_defaults(&c);
	conf_done(&c);
}

/* With the comments of its settings taken away, the sample is every key with its default. */
static void the_sample_has_every_key(void **state)
{
	const struct etc *etc = *state;
	AUTO(buf_done) struct buf b = { 0 };
	char *text = sample(&b), *p;
	size_t settings = 0;
	struct conf c;

	for (p = text; (p = strstr(p, "// \"")); p += 3, settings++)
		memcpy(p, "  ", 2);
	assert_int_equal(settings, conf_key_count);
	write_file(etc, "vmrun.conf", text);
	c = read_conf(etc->file);
	assert_defaults(&c);
	conf_done(&c);
	for (size_t i = 0; i < conf_key_count; i++) {
		const struct conf_key *k = &conf_keys[i];
		char line[128], limits[64];
		const char *at, *before;

		if (k->text_default)
			snprintf(line, sizeof(line), "\"%s\": \"%s\"", k->name, k->text_default);
		else if (k->is_flag)
			snprintf(line, sizeof(line), "\"%s\": false", k->name);
		else
			snprintf(line, sizeof(line), "\"%s\": %llu", k->name,
				(unsigned long long)k->number_default);
		at = strstr(text, line);
		if (!at)
			fail_msg("the sample has no %s", line);
		/* A paragraph of words stands before it, with the limits of a number. */
		before = at;
		while (before > text && memcmp(before - 2, "\n\n", 2) != 0 && before[-1] != '{')
			before--;
		assert_true(strspn(before, "\n\t ") + 3 < (size_t)(at - before));
		assert_memory_equal(before + strspn(before, "\n\t "), "// ", 3);
		snprintf(limits, sizeof(limits), "(%llu to %llu)", (unsigned long long)k->min,
			(unsigned long long)k->max);
		if (!k->text_default && !k->is_flag &&
			!memmem(before, (size_t)(at - before), limits, strlen(limits)))
			fail_msg("the sample does not say %s of %s", limits, k->name);
		assert_true(k->help && *k->help);
	}
}

int main(void)
{
#define TEST(f) cmocka_unit_test_setup_teardown(f, make_etc, remove_etc)
	const struct CMUnitTest tests[] = {
		TEST(an_empty_object_is_the_defaults),
		TEST(a_cache_is_where_it_is_said),
		TEST(comments_and_values),
		TEST(mistakes_name_file_and_key),
		TEST(a_word_is_one_of_some),
		TEST(drop_ins_in_order),
		TEST(a_bad_drop_in_is_named),
		TEST(a_named_file_must_be_there),
		TEST(the_environment_names_the_kernel),
		TEST(the_sample_changes_nothing),
		TEST(the_sample_has_every_key),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
