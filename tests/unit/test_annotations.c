/* The shape of the machine: annotations, aliases and limits. */
#include "oci/annotations.h"
#include "tests/unit/oci_text.h"

#define KATA "io.katacontainers.config.hypervisor."

static const struct machine_shape defaults = { .vcpus = 1, .memory_mib = 256 };

static void shape_is(const char *text, uint32_t vcpus, uint32_t memory_mib)
{
	AUTO(spec_free) struct spec *spec = spec_of(text);
	struct machine_shape shape;
	struct err err = ERR_NONE;

	if (machine_shape(spec, &defaults, &shape, &err) < 0)
		fail_msg("%s: %s", text, err.msg);
	assert_int_equal(shape.vcpus, vcpus);
	assert_int_equal(shape.memory_mib, memory_mib);
}

static void refused(const char *text, const char *message)
{
	AUTO(spec_free) struct spec *spec = spec_of(text);
	struct machine_shape shape;
	struct err err = ERR_NONE;

	assert_int_equal(machine_shape(spec, &defaults, &shape, &err), -EINVAL);
	assert_string_equal(err.msg, message);
}

static void annotations(void **state)
{
	(void)state;
	shape_is(CONFIG(""), 1, 256);
	shape_is(CONFIG(",'annotations':{'io.vmrun.vcpus':'4','io.vmrun.memory':'512'}"), 4, 512);
	shape_is(CONFIG(",'annotations':{'" KATA "default_vcpus':'2','" KATA
			"default_memory':'1024'}"),
		2, 1024);
	shape_is(CONFIG(",'annotations':{'" KATA "default_vcpus':'2','io.vmrun.vcpus':'3'}"), 3,
		256);
	/* They win over limits. */
	shape_is(CONFIG(",'annotations':{'io.vmrun.vcpus':'1','io.vmrun.memory':'64'},"
			"'linux':{'resources':{'cpu':{'quota':900000},"
			"'memory':{'limit':1073741824}}}"),
		1, 64);
}

static void bad_annotations(void **state)
{
	(void)state;
	refused(CONFIG(",'annotations':{'io.vmrun.vcpus':'0'}"),
		"config.json: annotations[\"io.vmrun.vcpus\"]: must be a number from 1 to 255, got "
		"\"0\"");
	refused(CONFIG(",'annotations':{'io.vmrun.vcpus':'256'}"),
		"config.json: annotations[\"io.vmrun.vcpus\"]: must be a number from 1 to 255, got "
		"\"256\"");
	refused(CONFIG(",'annotations':{'io.vmrun.memory':'1G'}"),
		"config.json: annotations[\"io.vmrun.memory\"]: must be a number from 64 to "
		"1048576, got \"1G\"");
	refused(CONFIG(",'annotations':{'io.vmrun.vcpus':'1','" KATA "default_vcpus':'-1'}"),
		"config.json: annotations[\"" KATA
		"default_vcpus\"]: must be a number from 1 to 255, got \"-1\"");
	refused(CONFIG(",'annotations':{'io.vmrun.memory':''}"),
		"config.json: annotations[\"io.vmrun.memory\"]: must be a number from 64 to "
		"1048576, got \"\"");
}

static void kernel_parameters(void **state)
{
	AUTO(spec_free)
	struct spec *spec = spec_of(CONFIG(",'annotations':{'" KATA "kernel_params':'a=b c'}"));
	AUTO(spec_free) struct spec *none = spec_of(CONFIG(""));
	struct machine_shape configured = { .kernel_params = "conf" }, shape;
	struct err err = ERR_NONE;

	(void)state;
	assert_int_equal(machine_shape(spec, &defaults, &shape, &err), 0);
	assert_string_equal(shape.kernel_params, "a=b c");
	assert_int_equal(machine_shape(none, &configured, &shape, &err), 0);
	assert_string_equal(shape.kernel_params, "conf");
	assert_int_equal(machine_shape(none, &defaults, &shape, &err), 0);
	assert_null(shape.kernel_params);
}

static void processors(void **state)
{
	(void)state;
	shape_is(CONFIG_RESOURCES("'cpu':{'quota':100000,'period':100000}"), 1, 256);
	shape_is(CONFIG_RESOURCES("'cpu':{'quota':150000}"), 2, 256);
	shape_is(CONFIG_RESOURCES("'cpu':{'quota':100001,'period':100000}"), 2, 256);
	shape_is(CONFIG_RESOURCES("'cpu':{'quota':1000}"), 1, 256);
	shape_is(CONFIG_RESOURCES("'cpu':{'quota':-1}"), 1, 256);
	shape_is(CONFIG_RESOURCES("'cpu':{'quota':9223372036854775807,'period':1}"), 255, 256);
	shape_is(CONFIG_RESOURCES("'cpu':{'cpus':'0-3,7'}"), 5, 256);
	shape_is(CONFIG_RESOURCES("'cpu':{'cpus':'1,1,0-1'}"), 2, 256);
	shape_is(CONFIG_RESOURCES("'cpu':{'cpus':'0-8191'}"), 255, 256);
	shape_is(CONFIG_RESOURCES("'cpu':{'cpus':'0-3','quota':200000}"), 2, 256);
	shape_is(CONFIG_RESOURCES("'cpu':{'cpus':'3','quota':200000}"), 1, 256);
	/* What is no list is refused by the checks, and no reason to go wrong here. */
	shape_is(CONFIG_RESOURCES("'cpu':{'cpus':'3-1'}"), 1, 256);
	shape_is(CONFIG_RESOURCES("'cpu':{'cpus':'9999'}"), 1, 256);
	shape_is(CONFIG_RESOURCES("'cpu':{'cpus':'99999'}"), 1, 256);
	shape_is(CONFIG_RESOURCES("'cpu':{'cpus':'1;2'}"), 1, 256);
	shape_is(CONFIG_RESOURCES("'cpu':{'cpus':'1-'}"), 1, 256);
	shape_is(CONFIG(",'vm':{'hwConfig':{'vcpus':3,'memory':104857601}}"), 3, 101);
	shape_is(CONFIG(",'vm':{'hwConfig':{'vcpus':0,'memory':1}}"), 1, 64);
}

static void memory(void **state)
{
	(void)state;
	shape_is(CONFIG_RESOURCES("'memory':{'limit':1073741824}"), 1, 1024 + 128);
	shape_is(CONFIG_RESOURCES("'memory':{'limit':1073741825}"), 1, 1025 + 128);
	shape_is(CONFIG_RESOURCES("'memory':{'limit':16777216}"), 1, 256);
	shape_is(CONFIG_RESOURCES("'memory':{'limit':-1}"), 1, 256);
	shape_is(CONFIG_RESOURCES("'memory':{'limit':9223372036854775807}"), 1, 1048576);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(annotations),
		cmocka_unit_test(bad_annotations),
		cmocka_unit_test(kernel_parameters),
		cmocka_unit_test(processors),
		cmocka_unit_test(memory),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
