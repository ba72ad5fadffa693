/* Durations as Go's flags spell them. */
#include "base/auto.h"
#include "cmd/duration.h"
#include "tests/unit/unit.h"

static void good_ones(void **state)
{
	static const struct {
		const char *text;
		uint64_t ms;
	} cases[] = {
		{ "5s", 5000 },
		{ "250ms", 250 },
		{ "1m30s", 90000 },
		{ "1.5h", 5400000 },
		{ ".5s", 500 },
		{ "2.s", 2000 },
		{ "1us", 1 },
		{ "1\xc2\xb5s", 1 },
		{ "0s", 0 },
		{ "1h1m1s1ms", 3661001 },
		{ "0.123456789123456789s", 124 },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		uint64_t ms = 99;

		if (duration_ms(cases[i].text, &ms) < 0 || ms != cases[i].ms)
			fail_msg("%s: %llu", cases[i].text, (unsigned long long)ms);
	}
}

static void bad_ones(void **state)
{
	static const char *const texts[] = { "", "5", "s", "-5s", "5 s", "5x", ".s", "5s5", "1e3s",
		"99999999999999999999h", "9000h", "8784h1ns" };
	uint64_t ms;

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(texts); i++)
		if (duration_ms(texts[i], &ms) == 0)
			fail_msg("\"%s\" is taken", texts[i]);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(good_ones),
		cmocka_unit_test(bad_ones),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
