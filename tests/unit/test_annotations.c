/* The shape of the machine: annotations, aliases and limits. */
#include "oci/annotations.h"
#include "oci/pod_name.h"
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

#define SANDBOX "io.kubernetes.cri.sandbox-"

/* The sums of a Kubernetes pod, which its first container does not have as limits. */
static void a_sandbox_has_the_size_of_all(void **state)
{
	(void)state;
	shape_is(CONFIG(",'annotations':{'" SANDBOX "cpu-quota':'250000','" SANDBOX
			"cpu-period':'100000','" SANDBOX "memory':'1073741824'},"
			"'linux':{'resources':{'cpu':{'quota':1000},'memory':{'limit':1048576}}}"),
		3, 1024 + MACHINE_OVERHEAD_MIB);
	shape_is(CONFIG(",'annotations':{'" SANDBOX "cpu-quota':'-1','" SANDBOX
			"cpu-shares':'2048'}"),
		2, 256);
	shape_is(CONFIG(",'annotations':{'" SANDBOX "cpu-quota':'0','" SANDBOX
			"cpu-shares':'2048','" SANDBOX "memory':'0'}"),
		1, 256);
	shape_is(CONFIG(",'annotations':{'" SANDBOX "cpu-quota':'9223372036854775807'}"),
		MACHINE_VCPUS_MAX, 256);
	refused(CONFIG(",'annotations':{'" SANDBOX "memory':'lots'}"),
		"config.json: annotations[\"" SANDBOX "memory\"]: must be a number, got \"lots\"");
}

static void pod_is(const char *annotations, const char *name, bool sandbox, bool must_exist)
{
	AUTO_FREE char *text = NULL;
	struct pod_name pod;
	struct err err = ERR_NONE;

	assert_true(asprintf(&text, CONFIG(",'annotations':{%s}"), annotations) > 0);
	{
		AUTO(spec_free) struct spec *spec = spec_of(text);

		if (pod_name_read(spec, &pod, &err) < 0)
			fail_msg("%s: %s", annotations, err.msg);
		if (name)
			assert_string_equal(pod.name, name);
		else
			assert_null(pod.name);
		assert_int_equal(pod.sandbox, sandbox);
		assert_int_equal(pod.must_exist, must_exist);
	}
}

static void no_pod(const char *annotations, const char *message)
{
	AUTO_FREE char *text = NULL;
	struct pod_name pod;
	struct err err = ERR_NONE;

	assert_true(asprintf(&text, CONFIG(",'annotations':{%s}"), annotations) > 0);
	{
		AUTO(spec_free) struct spec *spec = spec_of(text);

		assert_int_equal(pod_name_read(spec, &pod, &err), -EINVAL);
		assert_string_equal(err.msg, message);
	}
}

#define CRI  "'io.kubernetes.cri.container-type':"
#define CRIO "'io.kubernetes.cri-o.ContainerType':"

static void who_is_in_which_pod(void **state)
{
	(void)state;
	pod_is("", NULL, false, false);
	pod_is("'io.vmrun.pod':'p'", "p", false, false);
	pod_is(CRI "'sandbox','io.kubernetes.cri.sandbox-id':'s'", "s", true, false);
	pod_is(CRI "'container','io.kubernetes.cri.sandbox-id':'s'", "s", false, true);
	pod_is(CRIO "'sandbox','io.kubernetes.cri-o.SandboxID':'s'", "s", true, false);
	pod_is(CRIO "'container','io.kubernetes.cri-o.SandboxID':'s'", "s", false, true);
	/* Podman's pods may have no sandbox. */
	pod_is(CRIO
		"'container','io.kubernetes.cri-o.SandboxID':'s','io.container.manager':'libpod'",
		"s", false, false);
	pod_is("'io.kubernetes.docker.type':'podsandbox','io.kubernetes.sandbox.id':'s'", "s", true,
		false);
	/* The name alone says nothing: containerd has it for others, too. */
	pod_is("'io.kubernetes.cri.sandbox-id':'s'", NULL, false, false);
	pod_is("'io.vmrun.pod':'p'," CRI "'container','io.kubernetes.cri.sandbox-id':'s'", "p",
		false, false);
}

static void bad_pods(void **state)
{
	(void)state;
	no_pod("'io.vmrun.pod':'a/b'", "config.json: annotations[\"io.vmrun.pod\"]: must be such a "
				       "name as a container may "
				       "have, got \"a/b\"");
	no_pod("'io.vmrun.pod':''", "config.json: annotations[\"io.vmrun.pod\"]: must be such a "
				    "name as a container may "
				    "have, got \"\"");
	no_pod(CRI "'pod','io.kubernetes.cri.sandbox-id':'s'",
		"config.json: annotations[\"io.kubernetes.cri.container-type\"]: must say whether "
		"it is "
		"the pod's sandbox or a container, got \"pod\"");
	no_pod(CRI "'container'", "config.json: annotations[\"io.kubernetes.cri.sandbox-id\"]: the "
				  "container is one of a "
				  "pod, which is not named, got \"\"");
	no_pod(CRIO "'container','io.kubernetes.cri-o.SandboxID':'..'",
		"config.json: annotations[\"io.kubernetes.cri-o.SandboxID\"]: must be such a name "
		"as a "
		"container may have, got \"..\"");
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
		cmocka_unit_test(a_sandbox_has_the_size_of_all),
		cmocka_unit_test(who_is_in_which_pod),
		cmocka_unit_test(bad_pods),
		cmocka_unit_test(kernel_parameters),
		cmocka_unit_test(processors),
		cmocka_unit_test(memory),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
