/* The option parser: every spelling, and every mistake. */
#include "cmd/opt.h"
#include "tests/unit/unit.h"

enum { VERBOSE, NAME, SIZE, ENVS, OPTIONS };

static const struct opt table[] = {
	[VERBOSE] = { "verbose", 'v', OPT_FLAG, NULL, "say more" },
	[NAME] = { "name", 'n', OPT_TEXT, "NAME", "what it is called" },
	[SIZE] = { "size", 0, OPT_NUMBER, "N", "how large it is" },
	[ENVS] = { "env", 'e', OPT_LIST, "K=V", "an environment variable" },
	[OPTIONS] = { 0 },
};

struct result {
	union opt_value v[OPT_MAX];
	struct strv args;
	struct err err;
	int r;
};

static void result_done(struct result *r)
{
	opt_done(table, r->v);
	strv_done(&r->args);
}

DEFINE_AUTO_VAL(result_done, struct result)

#define WORDS(...) ((const char *const[]){ __VA_ARGS__, NULL })

static struct result parse_until(unsigned stop_at, const char *const *words)
{
	struct result r = { 0 };
	int argc = 0;

	while (words[argc])
		argc++;
	r.r = opt_parse(
		table, argc, (char *const *)(uintptr_t)words, stop_at, r.v, &r.args, &r.err);
	return r;
}

static void refused(const char *const *words, const char *why)
{
	AUTO(result_done) struct result r = parse_until(0, words);

	assert_int_equal(r.r, -EINVAL);
	assert_string_equal(r.err.msg, why);
}

static void every_spelling_of_a_value(void **state)
{
	const char *const *const spellings[] = {
		WORDS("--name", "x=y"),
		WORDS("--name=x=y"),
		WORDS("-n", "x=y"),
		WORDS("-nx=y"),
		WORDS("-n=x=y"),
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(spellings); i++) {
		AUTO(result_done) struct result r = parse_until(0, spellings[i]);

		assert_int_equal(r.r, 0);
		assert_string_equal(r.v[NAME].text, "x=y");
		assert_int_equal(r.args.n, 0);
	}
}

static void what_is_not_given(void **state)
{
	AUTO(result_done) struct result r = parse_until(0, WORDS("a"));

	(void)state;
	assert_int_equal(r.r, 0);
	assert_false(r.v[VERBOSE].flag);
	assert_null(r.v[NAME].text);
	assert_int_equal(r.v[SIZE].number, 0);
	assert_int_equal(r.v[ENVS].list.n, 0);
	assert_int_equal(r.args.n, 1);
}

static void values_may_be_empty_or_look_like_options(void **state)
{
	AUTO(result_done)
	struct result r = parse_until(0, WORDS("--name=", "--env", "--verbose", "-e", "-"));

	(void)state;
	assert_int_equal(r.r, 0);
	assert_string_equal(r.v[NAME].text, "");
	assert_false(r.v[VERBOSE].flag);
	assert_string_equal(r.v[ENVS].list.v[0], "--verbose");
	assert_string_equal(r.v[ENVS].list.v[1], "-");
}

static void flags(void **state)
{
	static const struct {
		const char *word;
		bool flag;
	} cases[] = {
		{ "-v", true },
		{ "--verbose", true },
		{ "--verbose=true", true },
		{ "--verbose=false", false },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		AUTO(result_done) struct result r = parse_until(0, WORDS(cases[i].word, "arg"));

		assert_int_equal(r.r, 0);
		assert_int_equal(r.v[VERBOSE].flag, cases[i].flag);
		assert_string_equal(r.args.v[0], "arg"); /* a flag takes no word */
	}
	refused(WORDS("--verbose=maybe"), "--verbose takes no value");
}

static void the_last_one_wins_and_lists_grow(void **state)
{
	AUTO(result_done)
	struct result r =
		parse_until(0, WORDS("--size=1", "--name", "a", "-e", "A=1", "--env=B=2", "-eC=3",
				       "--name", "b", "--size", "18446744073709551615"));

	(void)state;
	assert_int_equal(r.r, 0);
	assert_true(r.v[SIZE].number == UINT64_MAX);
	assert_string_equal(r.v[NAME].text, "b");
	assert_int_equal(r.v[ENVS].list.n, 3);
	assert_string_equal(r.v[ENVS].list.v[0], "A=1");
	assert_string_equal(r.v[ENVS].list.v[1], "B=2");
	assert_string_equal(r.v[ENVS].list.v[2], "C=3");
}

static void options_between_arguments(void **state)
{
	AUTO(result_done)
	struct result r =
		parse_until(0, WORDS("one", "-v", "-", "two", "--", "-n", "--", "--name"));

	(void)state;
	assert_int_equal(r.r, 0);
	assert_true(r.v[VERBOSE].flag);
	assert_null(r.v[NAME].text);
	assert_int_equal(r.args.n, 6);
	assert_string_equal(r.args.v[1], "-"); /* no option */
	assert_string_equal(r.args.v[3], "-n");
	assert_string_equal(r.args.v[4], "--"); /* only the first one is ours */
	assert_string_equal(r.args.v[5], "--name");
}

static void the_rest_belongs_to_somebody_else(void **state)
{
	AUTO(result_done)
	struct result r =
		parse_until(2, WORDS("-v", "id", "--name=n", "sh", "-v", "--nonsense", "-e"));

	(void)state;
	assert_int_equal(r.r, 0);
	assert_true(r.v[VERBOSE].flag);
	assert_string_equal(r.v[NAME].text, "n");
	assert_int_equal(r.args.n, 5);
	assert_string_equal(r.args.v[1], "sh");
	assert_string_equal(r.args.v[2], "-v");
	assert_string_equal(r.args.v[3], "--nonsense");
	assert_string_equal(r.args.v[4], "-e");
}

static void mistakes(void **state)
{
	(void)state;
	refused(WORDS("--nonsense"), "unknown option --nonsense");
	refused(WORDS("--nonsense=1"), "unknown option --nonsense=1");
	refused(WORDS("--nam", "x"), "unknown option --nam"); /* no abbreviations */
	refused(WORDS("--names", "x"), "unknown option --names");
	refused(WORDS("--=x"), "unknown option --=x");
	refused(WORDS("-x"), "unknown option -x");
	refused(WORDS("a", "--name"), "--name needs a value");
	refused(WORDS("-e"), "-e needs a value");
	refused(WORDS("--size", "big"), "--size: expected a number, got \"big\"");
	refused(WORDS("--size="), "--size: expected a number, got \"\"");
	refused(WORDS("--size=-1"), "--size: expected a number, got \"-1\"");
	refused(WORDS("--size=18446744073709551616"),
		"--size: expected a number, got \"18446744073709551616\"");
}

static void no_table_no_options(void **state)
{
	char word[] = "-v";
	char *argv[] = { word };
	union opt_value v[OPT_MAX] = { 0 };
	AUTO(strv_done) struct strv args = { 0 };
	struct err err = ERR_NONE;

	(void)state;
	assert_int_equal(opt_parse(NULL, 1, argv, 0, v, &args, &err), -EINVAL);
	assert_string_equal(err.msg, "unknown option -v");
	opt_done(NULL, v);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_spelling_of_a_value),
		cmocka_unit_test(what_is_not_given),
		cmocka_unit_test(values_may_be_empty_or_look_like_options),
		cmocka_unit_test(flags),
		cmocka_unit_test(the_last_one_wins_and_lists_grow),
		cmocka_unit_test(options_between_arguments),
		cmocka_unit_test(the_rest_belongs_to_somebody_else),
		cmocka_unit_test(mistakes),
		cmocka_unit_test(no_table_no_options),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
