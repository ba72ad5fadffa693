/* Namespaces of containers: their own, each other's, and who owns them. */
#include "base/capability.h"
#include "tests/unit/agent_acts.h"
#include "tests/unit/unit.h"

#include <linux/capability.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/syscall.h>

/* With ids 0 to 65535 from 100000 on. */
static void add_user_namespace(struct box_request *r)
{
	static Vmrun__Agent__IdMapping map = VMRUN__AGENT__ID_MAPPING__INIT, *maps[] = { &map };

	vmrun__agent__namespace__init(&r->ns[6]);
	r->ns[6].kind = VMRUN__AGENT__NAMESPACE__KIND__USER;
	r->ns_list[6] = &r->ns[6];
	r->create.n_namespaces = 7;
	map.host_id = 100000;
	map.size = 65536;
	r->create.uid_mappings = r->create.gid_mappings = maps;
	r->create.n_uid_mappings = r->create.n_gid_mappings = 1;
}

static void test_user_namespace(void **state)
{
	struct box_request r;
	struct box_result res;

	(void)state;
	request_init(&r, "c",
		"cat /proc/self/uid_map; id -u; echo x >/dev/null && echo null; stat -c %u /dev;"
		"touch /dir/x && stat -c %u /dir/x; head -c 4 /dev/urandom | wc -c; cat /etc/passwd"
		" | wc -l; echo again >/dev/stdout");
	add_user_namespace(&r);
	request_mount(&r, "tmpfs", "/dir");
	box_run(&box, &r, &res);
	assert_int_equal(res.status, 0);
	assert_non_null(strstr(res.out, "0     100000      65536\n0\nnull\n0\n0\n4\n2\nagain\n"));
	result_done(&res);
}

/* No root of a user namespace may raise a hard limit: the agent does it for him. */
static void test_limits_in_a_user_namespace(void **state)
{
	Vmrun__Agent__Rlimit limit = VMRUN__AGENT__RLIMIT__INIT, *limits[] = { &limit };
	struct box_request r;
	struct rlimit own;
	struct box_result res;
	char wanted[64];

	(void)state;
	assert_int_equal(getrlimit(RLIMIT_SIGPENDING, &own), 0);
	/* Not even the agent may in most containers. */
	if (!capability_effective(CAP_SYS_RESOURCE) || own.rlim_max == RLIM_INFINITY)
		skip();
	request_init(&r, "c", "ulimit -H -i; ulimit -S -i");
	add_user_namespace(&r);
	limit.resource = RLIMIT_SIGPENDING;
	limit.soft = own.rlim_max + 1;
	limit.hard = own.rlim_max + 2;
	r.process.rlimits = limits;
	r.process.n_rlimits = 1;
	box_run(&box, &r, &res);
	snprintf(wanted, sizeof(wanted), "%llu\n%llu\n", (unsigned long long)limit.hard,
		(unsigned long long)limit.soft);
	assert_string_equal(res.out, wanted);
	result_done(&res);
}

/* Root of a user namespace is root of the namespaces that were made with it. */
static void test_user_namespace_owns_the_others(void **state)
{
	Vmrun__Agent__Sysctl ping = VMRUN__AGENT__SYSCTL__INIT, *sysctls[] = { &ping };
	struct box_request r;
	struct box_result res;

	(void)state;
	request_init(&r, "c",
		"tr '\\t' ' ' </proc/sys/net/ipv4/ping_group_range; ls /sys/class/net;"
		"echo 81 >/proc/sys/net/ipv4/ip_default_ttl; cat /proc/sys/net/ipv4/ip_default_ttl;"
		"echo 4321 >/proc/sys/kernel/msgmax; cat /proc/sys/kernel/msgmax;"
		"hostname mine; hostname; mount -t cgroup2 none /tmp && echo mounted");
	add_user_namespace(&r);
	ping.key = (char *)(uintptr_t) "net.ipv4.ping_group_range";
	ping.value = (char *)(uintptr_t) "0 7";
	r.create.sysctls = sysctls;
	r.create.n_sysctls = 1;
	box_run(&box, &r, &res);
	assert_string_equal(res.out, "0 7\nlo\n81\n4321\nmine\nmounted\n");
	assert_int_equal(res.status, 0);
	result_done(&res);
}

static void test_bad_mapping(void **state)
{
	Vmrun__Agent__IdMapping map = VMRUN__AGENT__ID_MAPPING__INIT, *maps[] = { &map };
	struct box_request r;

	(void)state;
	/* Found only when the child exists already. */
	request_init(&r, "c", "true");
	vmrun__agent__namespace__init(&r.ns[6]);
	r.ns[6].kind = VMRUN__AGENT__NAMESPACE__KIND__USER;
	r.ns_list[6] = &r.ns[6];
	r.create.n_namespaces = 7;
	r.create.uid_mappings = maps;
	r.create.n_uid_mappings = 1;
	create_fails(&r, "uid_map: Invalid argument");
}

static void test_joined_namespaces(void **state)
{
	struct box_request r;
	struct box_result res;

	(void)state;
	run_detached("pod", "hostname pod; sleep 1000");
	request_init(&r, "c",
		"until test $(hostname) = pod && grep -q ^sleep /proc/1/cmdline; do :; done; "
		"readlink /proc/self/ns/net;"
		"tr '\\0' ' ' </proc/1/cmdline; echo; echo $$");
	r.ns[0].join_container = (char *)(uintptr_t) "pod"; /* pid */
	r.ns[2].join_container = (char *)(uintptr_t) "pod"; /* uts */
	r.ns[4].join_container = (char *)(uintptr_t) "pod"; /* network */
	box_run(&box, &r, &res);
	assert_int_equal(res.status, 0);
	has_line(&res, "sleep 1000 ");
	result_done(&res);
	box_delete(&box, "pod");
}

static void start_pod_with_user_namespace(void)
{
	struct box_request r;

	request_init(&r, "pod", "hostname pod; sleep 1000");
	add_user_namespace(&r);
	r.stdio.stdin = r.stdio.stdout = r.stdio.stderr = 0;
	box_call(&box, create_container, &r.create);
	start("pod");
}

#define LOOK                                                                                       \
	"until test $(hostname) = pod; do :; done; id -u; stat -c %u /dev/null /dev/tty /bin;"     \
	"cat /proc/self/uid_map | tr -s ' '; ls /sys/class/net;"                                   \
	"echo 81 >/proc/sys/net/ipv4/ip_default_ttl; cat /proc/sys/net/ipv4/ip_default_ttl;"       \
	"echo 4321 >/proc/sys/kernel/msgmax && echo ipc; grep -l ^sleep /proc/[0-9]*/cmdline | "   \
	"wc -l; hostname mine && "                                                                 \
	"hostname; echo again >/dev/stdout"

/* As containers of a Kubernetes pod: what is shared and what is the container's own belongs to the
 * user namespace that they share. */
static void test_joined_user_namespace(void **state)
{
	struct box_request r;
	struct box_result res;

	(void)state;
	start_pod_with_user_namespace();
	request_init(&r, "c", LOOK);
	add_user_namespace(&r);
	/* The ids come with the namespace. */
	r.create.n_uid_mappings = r.create.n_gid_mappings = 0;
	r.ns[2].join_container = (char *)(uintptr_t) "pod"; /* uts */
	r.ns[3].join_container = (char *)(uintptr_t) "pod"; /* ipc */
	r.ns[4].join_container = (char *)(uintptr_t) "pod"; /* network */
	r.ns[6].join_container = (char *)(uintptr_t) "pod"; /* user */
	box_run(&box, &r, &res);
	assert_string_equal(
		res.out, "0\n0\n0\n65534\n 0 100000 65536\nlo\n81\nipc\n0\nmine\nagain\n");
	result_done(&res);
	/* One network of its own, and the pod's processes. */
	request_init(&r, "c", LOOK);
	add_user_namespace(&r);
	r.ns[0].join_container = (char *)(uintptr_t) "pod"; /* pid */
	r.ns[2].join_container = (char *)(uintptr_t) "pod";
	r.ns[6].join_container = (char *)(uintptr_t) "pod";
	exec_in("pod", "hostname pod", &res);
	result_done(&res);
	box_run(&box, &r, &res);
	assert_string_equal(
		res.out, "0\n0\n0\n65534\n 0 100000 65536\nlo\n81\nipc\n1\nmine\nagain\n");
	result_done(&res);
	box_delete(&box, "pod");
}

/* An exec enters what was joined; what is the pod's without a user namespace is joined as before.
 */
static void test_exec_in_joined_user_namespace(void **state)
{
	struct box_request r;
	struct box_result res;

	(void)state;
	start_pod_with_user_namespace();
	request_init(&r, "c", "sleep 1000");
	add_user_namespace(&r);
	r.create.n_uid_mappings = r.create.n_gid_mappings = 0;
	r.ns[4].join_container = r.ns[6].join_container = (char *)(uintptr_t) "pod";
	r.stdio.stdin = r.stdio.stdout = r.stdio.stderr = 0;
	box_call(&box, create_container, &r.create);
	start("c");
	exec_in("c",
		"id -u; cat /proc/self/uid_map | tr -s ' ';"
		"echo 82 >/proc/sys/net/ipv4/ip_default_ttl; echo again >/dev/stdout",
		&res);
	assert_string_equal(res.out, "0\n 0 100000 65536\nagain\n");
	result_done(&res);
	exec_in("pod", "cat /proc/sys/net/ipv4/ip_default_ttl", &res);
	has_line(&res, "82");
	result_done(&res);
	box_delete(&box, "c");
	box_delete(&box, "pod");
}

/* As Docker's --network container:ID with --userns-remap: the network stays the other's. */
static void test_namespaces_of_others_with_an_own_user_namespace(void **state)
{
	struct box_request r;
	struct box_result res;

	(void)state;
	run_detached("pod", "echo 83 >/proc/sys/net/ipv4/ip_default_ttl; hostname pod; sleep 1000");
	request_init(&r, "c",
		"until test $(hostname) = pod; do :; done; cat /proc/self/uid_map | tr -s ' ';"
		"cat /proc/sys/net/ipv4/ip_default_ttl; hostname mine 2>/dev/null || echo theirs");
	add_user_namespace(&r);
	r.ns[2].join_container = (char *)(uintptr_t) "pod"; /* uts */
	r.ns[4].join_container = (char *)(uintptr_t) "pod"; /* network */
	box_run(&box, &r, &res);
	assert_string_equal(res.out, " 0 100000 65536\n83\ntheirs\n");
	result_done(&res);
	/* The agent's is nothing to join: it is there. */
	request_init(&r, "c", "cat /proc/self/uid_map | tr -s ' '");
	add_user_namespace(&r);
	r.create.n_uid_mappings = r.create.n_gid_mappings = 0;
	r.ns[6].join_container = (char *)(uintptr_t) "pod";
	box_run(&box, &r, &res);
	assert_string_equal(res.out, " 0 0 4294967295\n");
	result_done(&res);
	box_delete(&box, "pod");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_teardown(test_user_namespace, clean_up),
		cmocka_unit_test_teardown(test_user_namespace_owns_the_others, clean_up),
		cmocka_unit_test_teardown(test_limits_in_a_user_namespace, clean_up),
		cmocka_unit_test_teardown(test_bad_mapping, clean_up),
		cmocka_unit_test_teardown(test_joined_namespaces, clean_up),
		cmocka_unit_test_teardown(test_joined_user_namespace, clean_up),
		cmocka_unit_test_teardown(test_exec_in_joined_user_namespace, clean_up),
		cmocka_unit_test_teardown(
			test_namespaces_of_others_with_an_own_user_namespace, clean_up),
	};

	if (!box_possible())
		return 77; /* automake: skipped */
	return cmocka_run_group_tests(tests, box_set_up, box_tear_down);
}
