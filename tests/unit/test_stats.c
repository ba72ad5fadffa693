/* Statistics in runc's JSON: order, what is left out, and a guest that makes numbers up. */
#include "container/stats.h"
#include "oci/json.h"
#include "tests/unit/unit.h"

#include <string.h>

static Vmrun__Agent__Counter counter(const char *key, uint64_t value)
{
	Vmrun__Agent__Counter c = VMRUN__AGENT__COUNTER__INIT;

	c.key = (char *)(uintptr_t)key;
	c.value = value;
	return c;
}

static char *print(const Vmrun__Agent__StatsResponse *s)
{
	struct buf b = { 0 };

	assert_int_equal(stats_print("web", s, &b), 0);
	assert_non_null(buf_str(&b));
	return (char *)b.data;
}

static void nothing_but_zeros(void **state)
{
	Vmrun__Agent__StatsResponse s = VMRUN__AGENT__STATS_RESPONSE__INIT;
	AUTO_FREE char *text = print(&s);

	(void)state;
	assert_string_equal(text,
		"{\"type\":\"stats\",\"id\":\"web\",\"data\":{\"cpu\":{\"usage\":{\"kernel\":0,"
		"\"user\":0},\"throttling\":{}},\"cpuset\":{\"cpu_exclusive\":0,\"mem_hardwall\":0,"
		"\"mem_exclusive\":0,\"memory_migrate\":0,\"memory_spread_page\":0,"
		"\"memory_spread_slab\":0,\"memory_pressure\":0,\"sched_load_balance\":0,"
		"\"sched_relax_domain_level\":0},\"memory\":{\"usage\":{\"limit\":0,\"failcnt\":0},"
		"\"swap\":{\"limit\":0,\"failcnt\":0},\"kernel\":{\"limit\":0,\"failcnt\":0},"
		"\"kernelTCP\":{\"limit\":0,\"failcnt\":0}},\"pids\":{},\"blkio\":{},"
		"\"hugetlb\":{},\"intel_rdt\":{},\"network_interfaces\":null}}\n");
}

static void all_numbers(void **state)
{
	Vmrun__Agent__Counter cpu[] = { counter("usage_usec", 3000), counter("user_usec", 2000),
		counter("system_usec", 1000), counter("nr_periods", 7), counter("nr_throttled", 5),
		counter("throttled_usec", 11) };
	Vmrun__Agent__Counter memory[] = { counter("file", 8192), counter("anon", 4096) };
	Vmrun__Agent__Counter io[] = { counter("rbytes", 512), counter("wios", 2) };
	Vmrun__Agent__Counter *cpus[] = { &cpu[0], &cpu[1], &cpu[2], &cpu[3], &cpu[4], &cpu[5] };
	Vmrun__Agent__Counter *memories[] = { &memory[0], &memory[1] }, *ios[] = { &io[0], &io[1] };
	Vmrun__Agent__DeviceCounters disk = VMRUN__AGENT__DEVICE_COUNTERS__INIT,
				     *disks[] = { &disk };
	Vmrun__Agent__HugetlbCounters huge = VMRUN__AGENT__HUGETLB_COUNTERS__INIT;
	Vmrun__Agent__HugetlbCounters *huges[] = { &huge };
	Vmrun__Agent__StatsResponse s = VMRUN__AGENT__STATS_RESPONSE__INIT;
	AUTO_FREE char *text = NULL;

	(void)state;
	s.cpu = cpus;
	s.n_cpu = ARRAY_LEN(cpus);
	s.memory = memories;
	s.n_memory = ARRAY_LEN(memories);
	disk.major = 254;
	disk.counters = ios;
	disk.n_counters = ARRAY_LEN(ios);
	s.io = disks;
	s.n_io = 1;
	huge.page_size = (char[]){ "2MB" };
	huge.usage = 4194304;
	s.hugetlb = huges;
	s.n_hugetlb = 1;
	s.memory_current = 12288;
	s.memory_max = 65536;
	s.memory_peak = 20480;
	s.swap_max = UINT64_MAX;
	s.pids_current = 3;
	s.pids_max = UINT64_MAX;
	text = print(&s);
	assert_non_null(strstr(text,
		"\"usage\":{\"total\":3000000,\"kernel\":1000000,\"user\":2000000},\"throttling\":"
		"{\"periods\":7,\"throttledPeriods\":5,\"throttledTime\":11000}"));
	assert_non_null(strstr(text,
		"\"memory\":{\"cache\":8192,\"usage\":{\"limit\":65536,\"usage\":12288,\"max\":"
		"20480,"
		"\"failcnt\":0},\"swap\":{\"limit\":18446744073709551615,\"usage\":12288,"));
	assert_non_null(strstr(text, "\"raw\":{\"anon\":4096,\"file\":8192}"));
	assert_non_null(strstr(text, "\"pids\":{\"current\":3}"));
	assert_non_null(strstr(text,
		"\"blkio\":{\"ioServiceBytesRecursive\":[{\"major\":254,\"op\":\"Read\",\"value\":"
		"512},"
		"{\"major\":254,\"op\":\"Write\"}],\"ioServicedRecursive\":[{\"major\":254,\"op\":"
		"\"Read\"},{\"major\":254,\"op\":\"Write\",\"value\":2}]}"));
	assert_non_null(strstr(text, "\"hugetlb\":{\"2MB\":{\"usage\":4194304,\"failcnt\":0}}"));
}

static void a_guest_that_lies(void **state)
{
	Vmrun__Agent__Counter cpu[] = { counter("usage_usec", UINT64_MAX) };
	Vmrun__Agent__Counter memory[] = { counter("anon", 2), counter("anon", 1),
		counter("\x1b[31m", 1), counter("a\",\"b", 1), counter("", 1) };
	Vmrun__Agent__Counter *cpus[] = { &cpu[0] };
	Vmrun__Agent__Counter *memories[] = { &memory[0], &memory[1], &memory[2], &memory[3],
		&memory[4] };
	Vmrun__Agent__HugetlbCounters huge = VMRUN__AGENT__HUGETLB_COUNTERS__INIT;
	Vmrun__Agent__HugetlbCounters *huges[] = { &huge };
	Vmrun__Agent__StatsResponse s = VMRUN__AGENT__STATS_RESPONSE__INIT;
	AUTO(json_doc_free) struct json_doc *doc = NULL;
	AUTO_FREE char *text = NULL;
	struct err err = ERR_NONE;

	(void)state;
	s.cpu = cpus;
	s.n_cpu = 1;
	s.memory = memories;
	s.n_memory = ARRAY_LEN(memories);
	huge.page_size = (char[]){ "\x1b]0;x\a" };
	s.hugetlb = huges;
	s.n_hugetlb = 1;
	s.memory_current = s.swap_current = UINT64_MAX - 1;
	text = print(&s);
	assert_int_equal(json_doc_parse("stats", text, strlen(text), 0, &doc, &err), 0);
	assert_null(strchr(text, '\x1b'));
	assert_non_null(strstr(text, "\"total\":18446744073709551615"));
	assert_non_null(strstr(text, "\"swap\":{\"limit\":0,\"usage\":18446744073709551615"));
	assert_non_null(strstr(text, "\"hugetlb\":{}"));
	assert_null(strstr(strstr(text, "\"anon\"") + 1, "\"anon\""));
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(nothing_but_zeros),
		cmocka_unit_test(all_numbers),
		cmocka_unit_test(a_guest_that_lies),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
