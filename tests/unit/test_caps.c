/* The tables of capabilities, resource limits and namespaces. */
#include "oci/caps.h"
#include "oci/namespaces.h"
#include "oci/rlimits.h"
#include "tests/unit/oci_text.h"

#include <linux/capability.h>
#include <sys/resource.h>

static void capabilities(void **state)
{
	(void)state;
	assert_int_equal(cap_number("CAP_CHOWN"), 0);
	assert_int_equal(cap_number("CAP_CHECKPOINT_RESTORE"), CAP_CHECKPOINT_RESTORE);
	assert_int_equal(cap_number("net_admin"), CAP_NET_ADMIN);
	assert_int_equal(cap_number("cap_net_admin"), CAP_NET_ADMIN);
	assert_int_equal(cap_number("CAP_"), -1);
	assert_int_equal(cap_number(""), -1);
	assert_int_equal(cap_number("CAP_FLY"), -1);
	for (unsigned i = 0; cap_name(i); i++)
		assert_int_equal(cap_number(cap_name(i)), i);
	assert_null(cap_name(CAP_LAST_CAP + 1));
}

static void masks(void **state)
{
	AUTO(spec_free)
	struct spec *spec = spec_of(
		CONFIG_PROCESS("'capabilities':{'bounding':['CAP_CHOWN','CAP_NONE','CAP_BPF']}"));
	const struct spec_capabilities *caps = spec->process->capabilities;

	(void)state;
	assert_true(caps_mask(&caps->bounding) == (1 | UINT64_C(1) << CAP_BPF));
	assert_true(caps_mask(&caps->ambient) == 0);
}

static void limits(void **state)
{
	(void)state;
	assert_int_equal(rlimit_number("RLIMIT_NOFILE"), RLIMIT_NOFILE);
	assert_int_equal(rlimit_number("RLIMIT_RTTIME"), RLIMIT_RTTIME);
	assert_int_equal(rlimit_number("NOFILE"), -1);
	assert_int_equal(rlimit_number(""), -1);
}

static void namespaces(void **state)
{
	unsigned seen = 0;

	(void)state;
	for (size_t i = 0; namespace_name(i); i++)
		seen |= 1u << namespace_number(namespace_name(i));
	assert_int_equal(seen, 0xff);
	assert_int_equal(namespace_number("net"), -1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(capabilities),
		cmocka_unit_test(masks),
		cmocka_unit_test(limits),
		cmocka_unit_test(namespaces),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
