/* linux.resources to cgroup v2: the files, their values, their order, and each refusal. */
#include "base/buf.h"
#include "oci/resources.h"
#include "tests/unit/oci_text.h"

/* The settings as lines of "file=value", a '?' in front of optional ones. */
static void settings_are(enum cgroup_place place, const char *resources, const char *expected)
{
	char text[2048];
	AUTO(cgroup_settings_done) struct cgroup_settings settings = { 0 };
	AUTO(spec_free) struct spec *spec = NULL;
	AUTO(buf_done) struct buf lines = { 0 };
	struct err err = ERR_NONE;

	snprintf(text, sizeof(text), CONFIG_RESOURCES("%s"), resources);
	spec = spec_of(text);
	if (resources_to_cgroup(&spec->linux.resources, place, "c.json", "linux.resources.",
		    &settings, &err) < 0)
		fail_msg("%s: %s", resources, err.msg);
	for (size_t i = 0; i < settings.n; i++)
		assert_int_equal(buf_printf(&lines, "%s%s=%s\n", settings.v[i].optional ? "?" : "",
					 settings.v[i].file, settings.v[i].value),
			0);
	assert_string_equal(lines.len ? buf_str(&lines) : "", expected);
}

static void host(const char *resources, const char *expected)
{
	settings_are(CGROUP_HOST, resources, expected);
}

static void refused(const char *resources, int code, const char *message)
{
	char text[1024], whole[512];
	AUTO(cgroup_settings_done) struct cgroup_settings settings = { 0 };
	AUTO(spec_free) struct spec *spec = NULL;
	struct err err = ERR_NONE;

	snprintf(text, sizeof(text), CONFIG_RESOURCES("%s"), resources);
	snprintf(whole, sizeof(whole), "c.json: linux.resources.%s", message);
	spec = spec_of(text);
	assert_int_equal(resources_to_cgroup(&spec->linux.resources, CGROUP_HOST, "c.json",
				 "linux.resources.", &settings, &err),
		-code);
	assert_string_equal(err.msg, whole);
}

static void cpu(void **state)
{
	(void)state;
	host("", "");
	host("'cpu':{'shares':2}", "cpu.weight=1\n");
	host("'cpu':{'shares':1}", "cpu.weight=1\n");
	host("'cpu':{'shares':1024}", "cpu.weight=39\n");
	host("'cpu':{'shares':262144}", "cpu.weight=10000\n");
	host("'cpu':{'shares':9999999}", "cpu.weight=10000\n");
	host("'cpu':{'shares':0}", "");
	host("'cpu':{'quota':50000,'period':100000}", "cpu.max=50000 100000\n");
	host("'cpu':{'quota':50000}", "cpu.max=50000 100000\n");
	host("'cpu':{'quota':-1}", "cpu.max=max 100000\n");
	host("'cpu':{'period':50000}", "cpu.max=max 50000\n");
	host("'cpu':{'quota':0,'period':0}", "");
	host("'cpu':{'quota':50000,'burst':10000}", "cpu.max=50000 100000\n?cpu.max.burst=10000\n");
	host("'cpu':{'idle':1,'shares':1024}", "cpu.idle=1\n");
	host("'cpu':{'idle':0,'shares':1024}", "cpu.idle=0\ncpu.weight=39\n");
	host("'cpu':{'cpus':'0-3,7','mems':'0'}", "cpuset.cpus=0-3,7\ncpuset.mems=0\n");
	refused("'cpu':{'cpus':'all'}", EINVAL, "cpu.cpus: not a list such as \"0-3,7\": \"all\"");
	refused("'cpu':{'mems':'0\\n1'}", EINVAL,
		"cpu.mems: not a list such as \"0-3,7\": \"0?1\"");
	refused("'cpu':{'idle':2}", EINVAL, "cpu.idle: must be 0 or 1, got 2");
	refused("'cpu':{'period':999}", EINVAL,
		"cpu.period: must be from 1000 to 1000000 microseconds, got 999");
	refused("'cpu':{'period':1000001}", EINVAL,
		"cpu.period: must be from 1000 to 1000000 microseconds, got 1000001");
	refused("'cpu':{'quota':999}", EINVAL,
		"cpu.quota: must be at least 1000 microseconds, got 999");
	refused("'cpu':{'burst':1}", EINVAL, "cpu.burst: must not be more than cpu.quota");
	refused("'cpu':{'quota':1000,'burst':1001}", EINVAL,
		"cpu.burst: must not be more than cpu.quota");
	refused("'cpu':{'realtimeRuntime':1}", ENOTSUP,
		"cpu.realtimeRuntime: not supported with cgroup v2");
	refused("'cpu':{'realtimePeriod':1}", ENOTSUP,
		"cpu.realtimePeriod: not supported with cgroup v2");
}

static void memory(void **state)
{
	(void)state;
	host("'memory':{'limit':1048576}", "memory.max=1048576\n");
	host("'memory':{'limit':1048576,'swap':2097152,'reservation':4096}",
		"memory.max=1048576\n?memory.swap.max=1048576\nmemory.low=4096\n");
	host("'memory':{'limit':4096,'swap':4096}", "memory.max=4096\n?memory.swap.max=0\n");
	host("'memory':{'limit':4096,'swap':-1}", "memory.max=4096\n?memory.swap.max=max\n");
	host("'memory':{'limit':-1}", "memory.max=max\n?memory.swap.max=max\n");
	host("'memory':{'swap':-1}", "?memory.swap.max=max\n");
	host("'memory':{'limit':0,'swap':0,'reservation':0}", "");
	host("'memory':{'reservation':-1,'kernel':5,'useHierarchy':true,"
	     "'disableOOMKiller':false}",
		"memory.low=max\n");
	refused("'memory':{'limit':-2}", EINVAL, "memory.limit: must not be below -1, got -2");
	refused("'memory':{'reservation':-2}", EINVAL,
		"memory.reservation: must not be below -1, got -2");
	refused("'memory':{'swap':-2}", EINVAL, "memory.swap: must not be below -1, got -2");
	refused("'memory':{'swap':5}", EINVAL, "memory.swap: needs memory.limit");
	refused("'memory':{'swap':5,'limit':-1}", EINVAL, "memory.swap: needs memory.limit");
	refused("'memory':{'swap':5,'limit':6}", EINVAL,
		"memory.swap: 5 is less than memory.limit 6, which it includes");
	refused("'memory':{'kernelTCP':1}", ENOTSUP,
		"memory.kernelTCP: not supported with cgroup v2");
	refused("'memory':{'swappiness':0}", ENOTSUP,
		"memory.swappiness: not supported with cgroup v2");
	refused("'memory':{'disableOOMKiller':true}", ENOTSUP,
		"memory.disableOOMKiller: not supported with cgroup v2");
}

static void pids_and_pages(void **state)
{
	(void)state;
	host("'pids':{'limit':100}", "pids.max=100\n");
	host("'pids':{'limit':-1}", "pids.max=max\n");
	host("'pids':{'limit':0}", "pids.max=max\n");
	host("'pids':{}", "");
	host("'hugepageLimits':[{'pageSize':'2MB','limit':0},{'pageSize':'1GB','limit':5}]",
		"?hugetlb.2MB.max=0\n?hugetlb.2MB.rsvd.max=0\n"
		"?hugetlb.1GB.max=5\n?hugetlb.1GB.rsvd.max=5\n");
	refused("'hugepageLimits':[{'pageSize':'2MB','limit':0},{'pageSize':'2MiB','limit':0}]",
		EINVAL, "hugepageLimits[1].pageSize: not a size such as \"2MB\": \"2MiB\"");
	refused("'hugepageLimits':[{'pageSize':'../2MB','limit':0}]", EINVAL,
		"hugepageLimits[0].pageSize: not a size such as \"2MB\": \"../2MB\"");
	refused("'hugepageLimits':[{'pageSize':'02MB','limit':0}]", EINVAL,
		"hugepageLimits[0].pageSize: not a size such as \"2MB\": \"02MB\"");
}

static void block_io(void **state)
{
	(void)state;
	host("'blockIO':{'weight':10}", "?io.bfq.weight=default 10\n?io.weight=default 1\n");
	host("'blockIO':{'weight':1000}",
		"?io.bfq.weight=default 1000\n?io.weight=default 10000\n");
	host("'blockIO':{'weightDevice':[{'major':8,'minor':0,'weight':500}]}",
		"?io.bfq.weight=8:0 500\n?io.weight=8:0 4950\n");
	host("'blockIO':{'throttleReadBpsDevice':[{'major':8,'minor':0,'rate':1}],"
	     "'throttleWriteBpsDevice':[{'major':8,'minor':0,'rate':2}],"
	     "'throttleReadIOPSDevice':[{'major':8,'minor':0,'rate':3}],"
	     "'throttleWriteIOPSDevice':[{'major':8,'minor':16,'rate':0}]}",
		"io.max=8:0 rbps=1\nio.max=8:0 wbps=2\nio.max=8:0 riops=3\nio.max=8:16 "
		"wiops=max\n");
	refused("'blockIO':{'weight':9}", EINVAL, "blockIO.weight: must be from 10 to 1000, got 9");
	refused("'blockIO':{'weightDevice':[{'major':8,'minor':0,'weight':1001}]}", EINVAL,
		"blockIO.weightDevice[0].weight: must be from 10 to 1000, got 1001");
	refused("'blockIO':{'leafWeight':10}", ENOTSUP,
		"blockIO.leafWeight: not supported with cgroup v2");
	refused("'blockIO':{'weightDevice':[{'major':8,'minor':0,'leafWeight':10}]}", ENOTSUP,
		"blockIO.weightDevice[0].leafWeight: not supported with cgroup v2");
}

static void others(void **state)
{
	(void)state;
	host("'rdma':{'mlx5_0':{'hcaHandles':2,'hcaObjects':3},'b':{'hcaObjects':0},'c':{}}",
		"rdma.max=mlx5_0 hca_handle=2 hca_object=3\nrdma.max=b hca_object=0\n");
	host("'unified':{'memory.high':'5','io.max':'8:0 rbps=max'}",
		"memory.high=5\nio.max=8:0 rbps=max\n");
	host("'unified':{'memory.max':'5'},'memory':{'limit':4}", "memory.max=4\nmemory.max=5\n");
	refused("'rdma':{'a b':{'hcaHandles':1}}", EINVAL,
		"rdma: \"a b\" is not the name of a device");
	refused("'network':{'classID':1}", ENOTSUP,
		"network.classID: not supported with cgroup v2");
	refused("'network':{'priorities':[{'name':'e','priority':0}]}", ENOTSUP,
		"network.priorities: not supported with cgroup v2");
	refused("'unified':{'cgroup.procs':'1'}", EINVAL,
		"unified: \"cgroup.procs\" is not a controller's file");
	refused("'unified':{'../memory.max':'1'}", EINVAL,
		"unified: \"../memory.max\" is not a controller's file");
	refused("'unified':{'a/memory.max':'1'}", EINVAL,
		"unified: \"a/memory.max\" is not a controller's file");
	refused("'unified':{'':'1'}", EINVAL, "unified: \"\" is not a controller's file");
	refused("'unified':{'memory':'1'}", EINVAL,
		"unified: \"memory\" is not a controller's file");
}

/* Numbers of CPUs, nodes and devices mean nothing in a guest. */
static void guests_get_what_is_theirs(void **state)
{
	(void)state;
	settings_are(CGROUP_GUEST,
		"'cpu':{'shares':1024,'cpus':'5','mems':'1'},'pids':{'limit':7},"
		"'memory':{'limit':4096},'blockIO':{'weight':10},"
		"'rdma':{'a':{'hcaHandles':1}},'unified':{'memory.high':'1','io.latency':'x',"
		"'cpuset.cpus':'9'}",
		"cpu.weight=39\nmemory.max=4096\npids.max=7\nmemory.high=1\n");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(cpu),
		cmocka_unit_test(memory),
		cmocka_unit_test(pids_and_pages),
		cmocka_unit_test(block_io),
		cmocka_unit_test(others),
		cmocka_unit_test(guests_get_what_is_theirs),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
