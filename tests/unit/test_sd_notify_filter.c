/* What of a container's notifications passes, and in which form. */
#include "proxy/sd_notify_filter.h"
#include "tests/unit/unit.h"

#include <string.h>

#define MAIN 4711

static const struct {
	const char *in, *out;
	size_t len; /* 0: as long as the text */
} cases[] = {
	{ "READY=1", "READY=1\nMAINPID=4711", 0 },
	{ "READY=1\n", "READY=1\nMAINPID=4711", 0 },
	{ "STATUS=at work\nREADY=1\nREADY=1", "STATUS=at work\nREADY=1\nMAINPID=4711\nREADY=1", 0 },
	{ "READY=0", "", 0 },
	{ "READY=1x", "", 0 },
	{ "READY=", "", 0 },
	{ "READY", "", 0 },
	{ " READY=1", "", 0 },
	{ "RELOADING=1\nMONOTONIC_USEC=5", "RELOADING=1", 0 },
	{ "STOPPING=1", "STOPPING=1", 0 },
	{ "ERRNO=2\nERRNO=two\nERRNO=-1", "ERRNO=2", 0 },
	{ "WATCHDOG=1\nWATCHDOG=trigger\nWATCHDOG=bark", "WATCHDOG=1\nWATCHDOG=trigger", 0 },
	{ "WATCHDOG_USEC=20000000\nEXTEND_TIMEOUT_USEC=5",
		"WATCHDOG_USEC=20000000\n"
		"EXTEND_TIMEOUT_USEC=5",
		0 },
	/* The host's pid is not the guest's to say, nor what means descriptors. */
	{ "MAINPID=1\nFDSTORE=1\nFDNAME=x\nBARRIER=1\nNOTIFYACCESS=all\nMONITOR=x", "", 0 },
	{ "STATUS=\033[2Jcleared\r\a", "STATUS= [2Jcleared  ", 0 },
	{ "STATUS=", "STATUS=", 0 },
	{ "", "", 0 },
	{ "\n\n\n", "", 0 },
	{ "STATUS=a\0STATUS=b", "STATUS=a", 17 },
};

static void passes_what_is_known(void **state)
{
	char out[SD_NOTIFY_OUT_MAX];

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		size_t len = cases[i].len ? cases[i].len : strlen(cases[i].in);
		size_t n = sd_notify_filter((const uint8_t *)cases[i].in, len, MAIN, out);

		assert_string_equal(out, cases[i].out);
		assert_int_equal(n, strlen(out));
	}
}

static void no_pid_of_others(void **state)
{
	char out[SD_NOTIFY_OUT_MAX];

	(void)state;
	assert_int_equal(sd_notify_filter((const uint8_t *)"READY=1", 7, 0, out), 7);
	assert_string_equal(out, "READY=1");
}

static void is_bounded(void **state)
{
	char in[SD_NOTIFY_MAX + 1], out[SD_NOTIFY_OUT_MAX];
	size_t n;

	(void)state;
	memset(in, 'x', sizeof(in));
	memcpy(in, "READY=1\nSTATUS=", 15);
	n = sd_notify_filter((const uint8_t *)in, SD_NOTIFY_MAX, INT32_MAX, out);
	assert_int_equal(n, SD_NOTIFY_MAX + strlen("\nMAINPID=2147483647"));
	assert_int_equal(strlen(out), n);
	assert_int_equal(sd_notify_filter((const uint8_t *)in, SD_NOTIFY_MAX + 1, MAIN, out), 0);
	/* Short lines grow by nothing. */
	for (size_t i = 0; i + 8 <= SD_NOTIFY_MAX; i += 8)
		memcpy(in + i, "READY=1\n", 8);
	n = sd_notify_filter((const uint8_t *)in, SD_NOTIFY_MAX, INT32_MAX, out);
	assert_int_equal(n, SD_NOTIFY_MAX - 1 + strlen("\nMAINPID=2147483647"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(passes_what_is_known),
		cmocka_unit_test(no_pid_of_others),
		cmocka_unit_test(is_bounded),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
