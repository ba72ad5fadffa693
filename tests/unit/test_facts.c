/* The rows of vmrun check, on trees that stand for hosts. */
#include "base/auto.h"
#include "base/buf.h"
#include "base/fd.h"
#include "base/path.h"
#include "base/str.h"
#include "host/fact.h"
#include "host/facts.h"
#include "tests/unit/unit.h"

#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>
#include <sys/utsname.h>
#include <zlib.h>

#define INTEL "processor\t: 0\nmodel name\t: A Xeon\nflags\t\t: fpu vmx sse\nvmx flags\t: ept\n"
#define AMD   "model name\t: An EPYC\nflags\t\t: fpu svm hypervisor\n\nflags\t\t: fpu vmx\n"
#define NONE  "model name\t: A Xeon\nflags\t\t: fpu xvmx vmxx hypervisor\n"

/* A host: a tree of files, and what the probe says. */
struct host {
	char dir[32];
	struct facts_env env;
	struct monitor_facts monitors;
	struct monitor_choice choice;
};

static int make_host(void **state)
{
	struct host *h = calloc(1, sizeof(*h));

	assert_non_null(h);
	snprintf(h->dir, sizeof(h->dir), "/tmp/test_facts.XXXXXX");
	assert_non_null(mkdtemp(h->dir));
	h->monitors.kvm.rate = 1000000000;
	h->env = (struct facts_env){
		.host = open(h->dir, O_PATH | O_DIRECTORY | O_CLOEXEC),
		.root = h->dir,
		.cache_dir = h->dir,
		.kernel = "auto",
		.modules = "",
		.memory_mib = 256,
		.monitors = &h->monitors,
		.choice = &h->choice,
	};
	assert_true(h->env.host >= 0);
	*state = h;
	return 0;
}

static int remove_host(void **state)
{
	struct host *h = *state;
	int r = remove_tree(AT_FDCWD, h->dir);

	close(h->env.host);
	free(h);
	return r;
}

static void put_bytes(const struct host *h, const char *path, const void *data, size_t len)
{
	struct err err = ERR_NONE;
	char full[160], *slash;

	snprintf(full, sizeof(full), "%s/%s", h->dir, path);
	slash = strrchr(full, '/');
	*slash = '\0';
	assert_int_equal(mkdir_all(full, 0700), 0);
	*slash = '/';
	assert_int_equal(file_replace(AT_FDCWD, full, data, len, 0600, &err), 0);
}

static void put(const struct host *h, const char *path, const char *text)
{
	put_bytes(h, path, text, strlen(text));
}

static void look_at(const struct host *h, void (*look)(const struct facts_env *env, struct fact *f),
	struct fact *f)
{
	*f = (struct fact){ .name = "row" };
	look(&h->env, f);
	assert_true(*f->found);
	assert_int_equal(f->status == FACT_OK, *f->fix == '\0');
	assert_null(strchr(f->found, '\n'));
}

static void assert_says(const char *text, const char *part)
{
	if (!strstr(text, part))
		fail_msg("\"%s\" does not say \"%s\"", text, part);
}

static void flags_are_whole_words(void **state)
{
	size_t len;

	(void)state;
	assert_true(cpuinfo_has_flag(INTEL, "vmx"));
	assert_true(cpuinfo_has_flag(INTEL, "fpu"));
	assert_true(cpuinfo_has_flag(INTEL, "sse"));
	assert_false(cpuinfo_has_flag(INTEL, "ept"));
	assert_false(cpuinfo_has_flag(AMD, "vmx")); /* only the first processor counts */
	assert_false(cpuinfo_has_flag(NONE, "vmx"));
	assert_false(cpuinfo_has_flag("", "vmx"));
	assert_false(cpuinfo_has_flag("flags\t\t:", "vmx"));
	assert_false(cpuinfo_has_flag("flags", "vmx"));
	assert_true(cpuinfo_has_flag("flags : vmx", "vmx"));
	assert_memory_equal(cpuinfo_value(INTEL, "model name", &len), "A Xeon\n", 7);
	assert_int_equal(len, 6);
	assert_null(cpuinfo_value(INTEL, "model", &len));
}

static void the_processor(void **state)
{
	struct host *h = *state;
	struct fact f;

	look_at(h, fact_cpu, &f);
	assert_int_equal(f.status, FACT_WARN);
	put(h, "proc/cpuinfo", INTEL);
	look_at(h, fact_cpu, &f);
	assert_string_equal(f.found, "A Xeon: VMX");
	put(h, "proc/cpuinfo", AMD);
	look_at(h, fact_cpu, &f);
	assert_string_equal(f.found, "An EPYC: SVM");
	assert_int_equal(f.status, FACT_OK);
	put(h, "proc/cpuinfo", NONE);
	look_at(h, fact_cpu, &f);
	assert_int_equal(f.status, FACT_OK); /* KVM is fast nevertheless */
	h->monitors.kvm.rate = 1000000;
	look_at(h, fact_cpu, &f);
	assert_says(f.found, "neither VMX nor SVM");
	assert_says(f.fix, "nested");
	put(h, "proc/cpuinfo", "model name\t: old\nflags\t\t: fpu\n");
	look_at(h, fact_cpu, &f);
	assert_says(f.fix, "firmware");
}

static void kvm_by_speed_and_back_end(void **state)
{
	struct host *h = *state;
	struct fact f;

	put(h, "sys/module/kvm_amd/parameters/nested", "1\n");
	look_at(h, fact_kvm, &f);
	assert_int_equal(f.status, FACT_OK);
	assert_says(f.found, "kvm_amd, fast: 1000.0 million");
	h->monitors.kvm.rate = 4000000;
	look_at(h, fact_kvm, &f);
	assert_int_equal(f.status, FACT_WARN);
	assert_says(f.found, "crawls: 4.0 million");
	h->env.choice = NULL;
	look_at(h, fact_kvm, &f);
	assert_int_equal(f.status, FACT_FAIL);
	h->monitors.kvm = (struct kvm_speed){ .rate = 1000000000, .lacks = true, .why = "lacks X" };
	look_at(h, fact_kvm, &f);
	assert_says(f.found, "lacks X");
	assert_says(f.fix, "newer kernel");
}

static void kvm_that_is_not_there(void **state)
{
	static const struct {
		int code;
		const char *cpuinfo, *fix;
	} cases[] = {
		{ ENOENT, INTEL, "modprobe kvm_intel" },
		{ ENOENT, AMD, "modprobe kvm_amd" },
		{ ENOENT, NONE, "VMX or SVM is needed" },
		{ EACCES, INTEL, "run as root" },
		{ EPERM, INTEL, "run as root" },
		{ EBUSY, INTEL, "stop the other hypervisor" },
	};

	struct host *h = *state;
	struct fact f;

	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		put(h, "proc/cpuinfo", cases[i].cpuinfo);
		h->monitors.kvm =
			(struct kvm_speed){ .code = cases[i].code, .why = "/dev/kvm: no" };
		look_at(h, fact_kvm, &f);
		assert_int_equal(f.status, FACT_WARN);
		assert_string_equal(f.found, "/dev/kvm: no");
		assert_says(f.fix, cases[i].fix);
	}
}

static void in_a_machine_or_not(void **state)
{
	struct host *h = *state;
	struct fact f;

	put(h, "proc/cpuinfo", INTEL);
	look_at(h, fact_nested, &f);
	assert_string_equal(f.found, "no");
	put(h, "proc/cpuinfo", AMD);
	look_at(h, fact_nested, &f);
	assert_string_equal(f.found, "yes");
	put(h, "sys/class/dmi/id/sys_vendor", "QEMU\n");
	put(h, "sys/class/dmi/id/product_name", "Standard PC\n");
	put(h, "sys/module/kvm_amd/parameters/nested", "Y\n");
	look_at(h, fact_nested, &f);
	assert_string_equal(f.found, "yes: QEMU Standard PC; its guests may have KVM themselves");
	put(h, "sys/module/kvm_amd/parameters/nested", "0\n");
	put(h, "sys/class/dmi/id/sys_vendor", "");
	look_at(h, fact_nested, &f);
	assert_string_equal(f.found, "yes: Standard PC; its guests cannot have KVM themselves");
}

#define M(type, options)                                                                           \
	"30 20 0:26 / /sys/fs/cgroup rw,nosuid shared:9 master:2 - " type " src " options "\n"

static void cgroups_by_mounts(void **state)
{
	static const struct {
		const char *mountinfo;
		enum cgroup_kind kind;
		const char *controllers;
	} cases[] = {
		{ M("cgroup2", "rw,nsdelegate"), CGROUP_V2, "" },
		{ M("cgroup", "rw,cpu,cpuacct") M("cgroup", "rw,memory"), CGROUP_V1,
			"cpu cpuacct memory" },
		{ M("cgroup", "rw,pids") M("cgroup2", "rw"), CGROUP_HYBRID, "pids" },
		{ M("cgroup", "rw,xattr,name=systemd"), CGROUP_V1, "" },
		{ M("tmpfs", "rw,memory"), CGROUP_NONE, "" },
		{ "", CGROUP_NONE, "" },
		{ "nonsense\n\n30 20 - cgroup2\n", CGROUP_NONE, "" },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		AUTO(buf_done) struct buf list = { 0 };

		assert_int_equal(cgroup_kind_of(cases[i].mountinfo, &list), cases[i].kind);
		assert_string_equal(buf_str(&list), cases[i].controllers);
	}
}

static void the_cgroup_row(void **state)
{
	struct host *h = *state;
	struct fact f;

	look_at(h, fact_cgroup, &f);
	assert_int_equal(f.status, FACT_WARN);
	put(h, "proc/self/mountinfo", M("cgroup2", "rw"));
	put(h, "sys/fs/cgroup/cgroup.controllers", "cpu memory\n");
	look_at(h, fact_cgroup, &f);
	assert_string_equal(f.found, "v2: cpu memory");
	assert_int_equal(f.status, FACT_OK);
	put(h, "proc/self/mountinfo", M("cgroup2", "rw") M("cgroup", "rw,cpu"));
	look_at(h, fact_cgroup, &f);
	assert_string_equal(f.found, "v1 and v2 (hybrid): cpu");
}

static void memory_that_is_left(void **state)
{
	struct host *h = *state;
	struct fact f;

	look_at(h, fact_memory, &f);
	assert_int_equal(f.status, FACT_WARN);
	put(h, "proc/meminfo", "MemTotal: 9 kB\nMemAvailable:   2097152 kB\nBuffers: 1 kB\n");
	look_at(h, fact_memory, &f);
	assert_string_equal(f.found, "2048 MiB available; a pod that asks for none gets 256");
	assert_int_equal(f.status, FACT_OK);
	put(h, "proc/meminfo", "MemTotal: 9 kB\nMemAvailable: 260000 kB\n");
	look_at(h, fact_memory, &f);
	assert_int_equal(f.status, FACT_WARN);
	put(h, "proc/meminfo", "MemTotal: 9 kB\nMemAvailable:");
	look_at(h, fact_memory, &f);
	assert_int_equal(f.status, FACT_WARN);
	put(h, "proc/meminfo", "\nMemAvailable: 99999999999999999999999 kB\n");
	look_at(h, fact_memory, &f);
	assert_int_equal(f.status, FACT_WARN);
}

static void options_of_a_kernel(void **state)
{
	static const char config[] = "CONFIG_NET_ACT_MIRRED_X=y\n# CONFIG_TUN is not set\n"
				     "CONFIG_NET_ACT_MIRRED=m\nCONFIG_A=y\nCONFIG_S=\"y\"\n";

	(void)state;
	assert_int_equal(kernel_config_value(config, "CONFIG_NET_ACT_MIRRED"), 'm');
	assert_int_equal(kernel_config_value(config, "CONFIG_NET_ACT_MIRRED_X"), 'y');
	assert_int_equal(kernel_config_value(config, "CONFIG_A"), 'y');
	assert_int_equal(kernel_config_value(config, "CONFIG_TUN"), 'n');
	assert_int_equal(kernel_config_value(config, "CONFIG_S"), 0);
	assert_int_equal(kernel_config_value(config, "CONFIG_B"), 0);
	assert_int_equal(kernel_config_value("", "CONFIG_B"), 0);
	assert_int_equal(kernel_config_value("CONFIG_B", "CONFIG_B"), 0);
}

static void modules_in_lists(void **state)
{
	static const char list[] = "kernel/net/sched/act_mirred.ko.xz: kernel/net/sched/x.ko\n"
				   "kernel/net/sched/sch-ingress.ko\nkernel/a/act_mirred2.ko:\n";

	(void)state;
	assert_true(modules_list_has(list, "act_mirred"));
	assert_true(modules_list_has(list, "sch_ingress"));
	assert_true(modules_list_has(list, "act_mirred2"));
	assert_false(modules_list_has(list, "x")); /* another's dependency */
	assert_false(modules_list_has(list, "mirred"));
	assert_false(modules_list_has(list, "sched"));
	assert_false(modules_list_has("", "x"));
	assert_true(modules_list_has("x.ko", "x"));
	assert_false(modules_list_has("x.k", "x"));
}

static void put_config_gz(const struct host *h, const char *text)
{
	uint8_t out[512];
	z_stream z = { 0 };

	assert_int_equal(deflateInit2(&z, 6, Z_DEFLATED, 15 + 16, 8, Z_DEFAULT_STRATEGY), Z_OK);
	z.next_in = (Bytef *)(uintptr_t)text;
	z.avail_in = (uInt)strlen(text);
	z.next_out = out;
	z.avail_out = sizeof(out);
	assert_int_equal(deflate(&z, Z_FINISH), Z_STREAM_END);
	put_bytes(h, "proc/config.gz", out, z.total_out);
	deflateEnd(&z);
}

static void traffic_control(void **state)
{
	struct host *h = *state;
	char path[128];
	struct utsname u;
	struct fact f;

	uname(&u);
	look_at(h, fact_tc, &f);
	assert_string_equal(f.found, "sch_ingress perhaps, act_mirred perhaps");
	assert_says(f.fix, "modprobe sch_ingress");
	put_config_gz(h, "CONFIG_NET_SCH_INGRESS=y\n# CONFIG_NET_ACT_MIRRED is not set\n");
	look_at(h, fact_tc, &f);
	assert_string_equal(f.found, "sch_ingress there, act_mirred missing");
	assert_int_equal(f.status, FACT_WARN);
	put_config_gz(h, "CONFIG_NET_SCH_INGRESS=m\nCONFIG_NET_ACT_MIRRED=m\n");
	put(h, "sys/module/sch_ingress/refcnt", "0\n");
	look_at(h, fact_tc, &f);
	assert_string_equal(f.found, "sch_ingress there, act_mirred missing");
	snprintf(path, sizeof(path), "lib/modules/%s/modules.dep", u.release);
	put(h, path, "kernel/net/sched/act_mirred.ko.xz:\n");
	look_at(h, fact_tc, &f);
	assert_string_equal(f.found, "sch_ingress there, act_mirred there");
	assert_int_equal(f.status, FACT_OK);
	/* Damaged, or a file beside the kernel instead. */
	put(h, "proc/config.gz", "\x1f\x8bnonsense");
	put(h, path, "");
	look_at(h, fact_tc, &f);
	assert_string_equal(f.found, "sch_ingress there, act_mirred perhaps");
	snprintf(path, sizeof(path), "boot/config-%s", u.release);
	put(h, path, "CONFIG_NET_ACT_MIRRED=y\n");
	look_at(h, fact_tc, &f);
	assert_int_equal(f.status, FACT_OK);
}

static void tun(void **state)
{
	struct host *h = *state;
	struct fact f;

	look_at(h, fact_tun, &f);
	assert_says(f.fix, "modprobe tun");
	put(h, "dev/net/tun", "");
	look_at(h, fact_tun, &f);
	assert_says(f.found, "something else");
	assert_int_equal(f.status, FACT_WARN);
}

static void folders(void **state)
{
	struct host *h = *state;
	char path[128];
	struct fact f;

	look_at(h, fact_state, &f);
	assert_true(f.status != FACT_FAIL);
	assert_says(f.found, "MiB free");
	snprintf(path, sizeof(path), "%s/a/b", h->dir);
	h->env.root = path;
	look_at(h, fact_state, &f);
	assert_true(f.status != FACT_FAIL);
	assert_says(f.found, "made when it is needed");
	put(h, "a", "a file");
	look_at(h, fact_state, &f);
	assert_int_equal(f.status, FACT_FAIL);
	assert_says(f.found, "Not a directory");
	look_at(h, fact_cache, &f);
	assert_true(f.status != FACT_FAIL);
	assert_int_equal(chmod(h->dir, 0770), 0);
	look_at(h, fact_cache, &f);
	assert_int_equal(f.status, FACT_FAIL);
	assert_says(f.found, "others could write");
	assert_says(f.fix, "chmod 700");
}

static void a_kernel_that_is_none(void **state)
{
	struct host *h = *state;
	char path[64];
	struct fact f;

	snprintf(path, sizeof(path), "%s/vmlinuz", h->dir);
	h->env.kernel = path;
	look_at(h, fact_kernel, &f);
	assert_int_equal(f.status, FACT_FAIL);
	assert_says(f.found, path);
	assert_says(f.fix, "VMRUN_KERNEL");
	put(h, "vmlinuz", "nonsense");
	look_at(h, fact_kernel, &f);
	assert_int_equal(f.status, FACT_FAIL);
	assert_says(f.found, path);
	look_at(h, fact_drivers, &f);
	assert_int_equal(f.status, FACT_FAIL);
}

static void qemu_as_it_is_needed(void **state)
{
	struct host *h = *state;
	struct fact f;

	look_at(h, fact_qemu, &f);
	assert_string_equal(f.found, "not found, and not needed");
	assert_int_equal(f.status, FACT_OK);
	h->env.choice = NULL;
	snprintf(h->monitors.qemu_why, sizeof(h->monitors.qemu_why), "no QEMU");
	look_at(h, fact_qemu, &f);
	assert_int_equal(f.status, FACT_FAIL);
	assert_string_equal(f.fix, "apt install qemu-system-x86");
	/* One that does not say its version: a failure only if it is to be used. */
	h->monitors.qemu = (char[]){ "/bin/false" };
	h->env.choice = &h->choice;
	look_at(h, fact_qemu, &f);
	assert_int_equal(f.status, FACT_WARN);
	h->choice.qemu = h->monitors.qemu;
	look_at(h, fact_qemu, &f);
	assert_int_equal(f.status, FACT_FAIL);
}

static void security_modules(void **state)
{
	struct host *h = *state;
	struct fact f;

	look_at(h, fact_lsm, &f);
	assert_says(f.found, "securityfs is not mounted");
	put(h, "sys/kernel/security/lsm", "capability,selinux");
	put(h, "sys/fs/selinux/enforce", "1");
	look_at(h, fact_lsm, &f);
	assert_string_equal(f.found, "capability,selinux (SELinux enforces)");
}

/* However little a host tells, each row has something to say, and nothing overflows. */
static void all_rows_of_an_empty_host(void **state)
{
	struct host *h = *state;
	struct fact rows[FACT_ROWS];
	AUTO(buf_done) struct buf b = { 0 };

	facts_look(&h->env, rows);
	while (b.len < 5000)
		assert_int_equal(buf_append_str(&b, "a very long line "), 0);
	put(h, "proc/cpuinfo", "");
	put(h, "sys/kernel/security/lsm", buf_str(&b));
	put(h, "sys/class/dmi/id/sys_vendor", buf_str(&b));
	assert_int_equal(buf_printf(&b, " :"), 0);
	facts_look(&h->env, rows);
	for (size_t i = 0; i < FACT_ROWS; i++) {
		assert_string_equal(rows[i].name, fact_rows[i].name);
		assert_true(*rows[i].found);
		assert_true(strlen(rows[i].found) < sizeof(rows[i].found));
		assert_int_equal(rows[i].status == FACT_OK, *rows[i].fix == '\0');
	}
}

int main(void)
{
#define TEST(f) cmocka_unit_test_setup_teardown(f, make_host, remove_host)
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(flags_are_whole_words),
		TEST(the_processor),
		TEST(kvm_by_speed_and_back_end),
		TEST(kvm_that_is_not_there),
		TEST(in_a_machine_or_not),
		cmocka_unit_test(cgroups_by_mounts),
		TEST(the_cgroup_row),
		TEST(memory_that_is_left),
		cmocka_unit_test(options_of_a_kernel),
		cmocka_unit_test(modules_in_lists),
		TEST(traffic_control),
		TEST(tun),
		TEST(folders),
		TEST(a_kernel_that_is_none),
		TEST(qemu_as_it_is_needed),
		TEST(security_modules),
		TEST(all_rows_of_an_empty_host),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
