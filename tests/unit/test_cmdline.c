/* The kernel's command line on each platform. */
#include "base/auto.h"
#include "tests/unit/unit.h"
#include "vmm/cmdline.h"

#include <string.h>

static int make(const struct cmdline_config *config, struct buf *out)
{
	int r = cmdline_make(config, out);

	assert_non_null(buf_str(out));
	return r;
}

static bool has(struct buf *line, const char *word)
{
	const char *text = buf_str(line), *at;
	size_t n = strlen(word);

	for (at = strstr(text, word); at; at = strstr(at + 1, word))
		if ((at == text || at[-1] == ' ') && (at[n] == ' ' || !at[n]))
			return true;
	return false;
}

static void each_platform_has_its_words(void **state)
{
	static const struct {
		struct arch_platform platform;
		bool pci_off, tsc;
	} rows[] = {
		{ { .kvm = true }, true, false },
		{ { .qemu = true, .kvm = true }, true, false },
		{ { .qemu = true, .kvm = true, .pci = true }, false, false },
		{ { .qemu = true }, true, true },
		{ { .qemu = true, .pci = true }, false, true },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		struct cmdline_config config = {
			.platform = rows[i].platform,
			.vcpus = 1,
			.params = "",
		};
		AUTO(buf_done) struct buf line = { 0 };

		assert_int_equal(make(&config, &line), 0);
		assert_true(has(&line, "console=hvc0"));
		assert_true(has(&line, "panic=-1"));
		assert_int_equal(has(&line, "pci=off"), rows[i].pci_off);
		assert_int_equal(strstr(buf_str(&line), " tsc_early_khz=") != NULL, rows[i].tsc);
		assert_null(strstr(buf_str(&line), "maxcpus"));
		assert_null(strstr(buf_str(&line), "  "));
	}
}

static void spare_processors_stay_off(void **state)
{
	struct cmdline_config config = { .vcpus = 3, .spare = 2, .params = "" };
	AUTO(buf_done) struct buf line = { 0 };

	(void)state;
	assert_int_equal(make(&config, &line), 0);
	assert_true(has(&line, "maxcpus=3"));
}

static void who_asks_has_the_last_word(void **state)
{
	struct cmdline_config config = { .vcpus = 1, .params = "panic=5 debug" };
	AUTO(buf_done) struct buf line = { 0 };
	const char *text;

	(void)state;
	assert_int_equal(make(&config, &line), 0);
	text = buf_str(&line);
	assert_string_equal(text + strlen(text) - strlen(" panic=5 debug"), " panic=5 debug");
}

/* Linux would cut it off without a word. */
static void a_line_too_long_is_refused(void **state)
{
	char params[CMDLINE_BYTES];
	struct cmdline_config config = { .vcpus = 1, .params = params };
	AUTO(buf_done) struct buf line = { 0 };
	size_t others, room;

	(void)state;
	params[0] = '\0';
	assert_int_equal(make(&config, &line), 0);
	others = line.len;
	room = CMDLINE_BYTES - 1 - others - 1;
	memset(params, 'x', sizeof(params));
	params[room] = '\0';
	line.len = 0;
	assert_int_equal(make(&config, &line), 0);
	assert_int_equal(line.len, CMDLINE_BYTES - 1);
	params[room] = 'x';
	params[room + 1] = '\0';
	line.len = 0;
	assert_int_equal(make(&config, &line), -E2BIG);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(each_platform_has_its_words),
		cmocka_unit_test(spare_processors_stay_off),
		cmocka_unit_test(who_asks_has_the_last_word),
		cmocka_unit_test(a_line_too_long_is_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
