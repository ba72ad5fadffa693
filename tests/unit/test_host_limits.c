/* linux.resources to the host's cgroup, v2 and v1: the files, their values, the room in them. */
#include "base/buf.h"
#include "oci/host_limits.h"
#include "tests/unit/oci_text.h"

#define GIB (UINT64_C(1) << 30)

/* A guest of 1 GiB whose monitor takes 100 bytes more, with 512 processes. */
static const struct host_room room = { GIB, 100, 512 };

static void limits_are(bool v2, const char *resources, const char *expected)
{
	char text[2048];
	AUTO(cgroup_settings_done) struct cgroup_settings settings = { 0 };
	AUTO(spec_free) struct spec *spec = NULL;
	AUTO(buf_done) struct buf lines = { 0 };
	struct err err = ERR_NONE;

	snprintf(text, sizeof(text), CONFIG_RESOURCES("%s"), resources);
	spec = spec_of(text);
	if (resources_to_host(&spec->linux.resources, &room, v2, "c.json", "linux.resources.",
		    &settings, &err) < 0)
		fail_msg("%s: %s", resources, err.msg);
	for (size_t i = 0; i < settings.n; i++)
		assert_int_equal(buf_printf(&lines, "%s%s=%s\n", settings.v[i].optional ? "?" : "",
					 settings.v[i].file, settings.v[i].value),
			0);
	assert_string_equal(lines.len ? buf_str(&lines) : "", expected);
}

static void memory_has_room_for_the_machine(void **state)
{
	(void)state;
	limits_are(true, "'memory':{'limit':1048576}", "memory.max=1073741924\n");
	limits_are(true, "'memory':{'limit':2147483648}", "memory.max=2147483748\n");
	limits_are(true, "'memory':{'limit':-1}", "memory.max=max\n?memory.swap.max=max\n");
	limits_are(true, "'memory':{'limit':1048576,'swap':2097152}",
		"memory.max=1073741924\n?memory.swap.max=1048576\n");
	limits_are(true, "'unified':{'memory.high':'4G','memory.max':'1k','memory.low':'5'}",
		"memory.high=4294967396\nmemory.max=1073741924\nmemory.low=5\n");
	/* What is no plain number is the guest's to judge. */
	limits_are(true, "'unified':{'memory.max':'lots','memory.high':'1x','memory.min':'1'}",
		"memory.min=1\n");
	limits_are(true, "'unified':{'memory.max':'0x10','memory.high':'99999999999999e'}", "");
	limits_are(true, "'unified':{'memory.max':'max'}", "memory.max=max\n");
	limits_are(false, "'memory':{'limit':1048576,'swap':2097152,'reservation':-1}",
		"memory.limit_in_bytes=1073741924\n?memory.memsw.limit_in_bytes=1073741924\n"
		"memory.soft_limit_in_bytes=-1\n");
}

static void pids_leave_the_monitor_its_threads(void **state)
{
	(void)state;
	limits_are(true, "'pids':{'limit':5}", "pids.max=512\n");
	limits_are(true, "'pids':{'limit':1000}", "pids.max=1000\n");
	limits_are(true, "'pids':{'limit':-1}", "pids.max=max\n");
	limits_are(true, "'unified':{'pids.max':'7'}", "pids.max=512\n");
	/* A write for each line. */
	limits_are(true, "'unified':{'io.max':'7:1 riops=3\\n7:2 wiops=4\\n'}",
		"io.max=7:1 riops=3\nio.max=7:2 wiops=4\n");
	limits_are(false, "'pids':{'limit':5}", "pids.max=512\n");
	limits_are(false, "'pids':{'limit':1000}", "pids.max=1000\n");
	limits_are(false, "'pids':{'limit':0}", "pids.max=max\n");
	limits_are(false, "", "");
}

static void cpus(void **state)
{
	(void)state;
	limits_are(true, "'cpu':{'cpus':'0-1','mems':'0','quota':50000}",
		"cpuset.cpus=0-1\ncpuset.mems=0\ncpu.max=50000 100000\n");
	limits_are(false,
		"'cpu':{'cpus':'0-1','mems':'0','shares':1024,'quota':50000,'period':100000,"
		"'burst':7}",
		"cpuset.cpus=0-1\ncpuset.mems=0\ncpu.shares=1024\ncpu.cfs_period_us=100000\n"
		"cpu.cfs_quota_us=50000\n?cpu.cfs_burst_us=7\n");
	limits_are(false, "'cpu':{'quota':-5,'idle':1,'shares':9,'cpus':''}",
		"?cpu.idle=1\ncpu.cfs_quota_us=-1\n");
}

static void devices_and_pages(void **state)
{
	(void)state;
	limits_are(false,
		"'blockIO':{'weight':500,'weightDevice':[{'major':8,'minor':0,'weight':300}],"
		"'throttleReadBpsDevice':[{'major':8,'minor':0,'rate':10}],"
		"'throttleWriteIOPSDevice':[{'major':8,'minor':16,'rate':20}]}",
		"?blkio.bfq.weight=500\n?blkio.weight=500\n?blkio.weight_device=8:0 300\n"
		"blkio.throttle.read_bps_device=8:0 10\n"
		"blkio.throttle.write_iops_device=8:16 20\n");
	limits_are(false, "'hugepageLimits':[{'pageSize':'2MB','limit':9}]",
		"?hugetlb.2MB.limit_in_bytes=9\n");
	limits_are(false, "'rdma':{'mlx5_1':{'hcaHandles':3}}", "rdma.max=mlx5_1 hca_handle=3\n");
	limits_are(true, "'rdma':{'mlx5_1':{'hcaHandles':3}}", "rdma.max=mlx5_1 hca_handle=3\n");
}

/* The guest's cgroup is v2 and takes the others. */
static void unified_keys_of_the_host_need_v2(void **state)
{
	AUTO(cgroup_settings_done) struct cgroup_settings settings = { 0 };
	AUTO(spec_free) struct spec *spec = NULL;
	struct err err = ERR_NONE;

	(void)state;
	limits_are(false, "'unified':{'memory.high':'5'}", "");
	spec = spec_of(CONFIG_RESOURCES("'unified':{'io.max':'8:0 rbps=1'}"));
	assert_int_equal(resources_to_host(&spec->linux.resources, &room, false, "c.json",
				 "linux.resources.", &settings, &err),
		-ENOTSUP);
	assert_string_equal(err.msg,
		"c.json: linux.resources.unified: \"io.max\" needs cgroup v2, this host has v1");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(memory_has_room_for_the_machine),
		cmocka_unit_test(pids_leave_the_monitor_its_threads),
		cmocka_unit_test(cpus),
		cmocka_unit_test(devices_and_pages),
		cmocka_unit_test(unified_keys_of_the_host_need_v2),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
