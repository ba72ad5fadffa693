/* How shares are served: annotations of one, of all, and settings. */
#include "oci/share_options.h"
#include "tests/unit/oci_text.h"

static const struct share_options defaults = { SHARE_CACHE_NONE, SHARE_LOCKS_GUEST };

#define NOTES(list) CONFIG(",'annotations':{" list "}")

static struct share_options options_of(const char *text, const char *where)
{
	AUTO(spec_free) struct spec *spec = spec_of(text);
	struct share_options o;
	struct err err = ERR_NONE;

	if (share_options_of(spec, where, &defaults, &o, &err) < 0)
		fail_msg("%s: %s", text, err.msg);
	return o;
}

static void the_nearest_word_counts(void **state)
{
	static const char *const text =
		NOTES("'io.vmrun.share.locks':'host','io.vmrun.share.locks:/v':'auto',"
		      "'io.vmrun.share.cache:/':'always'");

	(void)state;
	assert_int_equal(options_of(CONFIG(""), "/v").locks, SHARE_LOCKS_GUEST);
	assert_int_equal(options_of(CONFIG(""), "/v").cache, SHARE_CACHE_NONE);
	assert_int_equal(options_of(text, "/v").locks, SHARE_LOCKS_AUTO);
	assert_int_equal(options_of(text, "/v/w").locks, SHARE_LOCKS_HOST);
	assert_int_equal(options_of(text, "/").locks, SHARE_LOCKS_HOST);
	assert_int_equal(options_of(text, "/").cache, SHARE_CACHE_ALWAYS);
	assert_int_equal(options_of(text, "/v").cache, SHARE_CACHE_NONE);
}

static void other_words_are_refused(void **state)
{
	AUTO(spec_free)
	struct spec *spec =
		spec_of(NOTES("'io.vmrun.share.locks:/v':'local','io.vmrun.share.cache':''"));
	struct share_options o;
	struct err err = ERR_NONE;

	(void)state;
	assert_int_equal(share_options_of(spec, "/", &defaults, &o, &err), -EINVAL);
	assert_string_equal(err.msg, "config.json: annotations[\"io.vmrun.share.cache\"]: must be "
				     "\"auto\", \"none\" or \"always\", got \"\"");
	spec_free(spec);
	spec = spec_of(NOTES("'io.vmrun.share.locks:/v':'local'"));
	err_clear(&err);
	assert_int_equal(share_options_of(spec, "/", &defaults, &o, &err), 0);
	assert_int_equal(share_options_of(spec, "/v", &defaults, &o, &err), -EINVAL);
	assert_string_equal(err.msg,
		"config.json: annotations[\"io.vmrun.share.locks:/v\"]: must be "
		"\"auto\", \"host\" or \"guest\", got \"local\"");
}

static void settings_have_the_same_words(void **state)
{
	struct share_options o;

	(void)state;
	assert_int_equal(share_options_from("always", "host", &o), 0);
	assert_int_equal(o.cache, SHARE_CACHE_ALWAYS);
	assert_int_equal(o.locks, SHARE_LOCKS_HOST);
	assert_int_equal(share_options_from("host", "auto", &o), -EINVAL);
	assert_int_equal(share_options_from("auto", "none", &o), -EINVAL);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_nearest_word_counts),
		cmocka_unit_test(other_words_are_refused),
		cmocka_unit_test(settings_have_the_same_words),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
