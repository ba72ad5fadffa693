/* Cgroups of containers: limits, device rules, what was used. Where the machine has cgroup v2 only.
 */
#include "agent/calls.h"
#include "base/fd.h"
#include "tests/unit/agent_acts.h"
#include "tests/unit/unit.h"

#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/mount.h>

/* On a machine with the unified hierarchy only; elsewhere controllers belong to the old one. */
static bool has_controller(const char *name)
{
	AUTO(buf_done) struct buf text = { 0 };
	struct err err = ERR_NONE;
	char path[160];

	snprintf(path, sizeof(path), "%s/cgroup.controllers", box.cgroup);
	return box.cgroup[0] && file_read(AT_FDCWD, path, 4096, &text, &err) == 0 &&
	       buf_str(&text) && strstr((char *)text.data, name);
}

static uint64_t counter_of(Vmrun__Agent__Counter *const *list, size_t n, const char *key)
{
	for (size_t i = 0; i < n; i++)
		if (strcmp(list[i]->key, key) == 0)
			return list[i]->value;
	fail_msg("no %s", key);
	return 0;
}

static void test_stats(void **state)
{
	Vmrun__Agent__ContainerRequest request = VMRUN__AGENT__CONTAINER_REQUEST__INIT;
	Vmrun__Agent__StatsResponse *s;
	struct err err = ERR_NONE;
	uint64_t user, system;

	(void)state;
	if (!box.cgroup[0])
		skip();
	run_detached("c", "sleep 1000 & wait");
	request.container = (char *)(uintptr_t) "c";
	assert_int_equal(agent_call_stats(box.client, &request, 5000, &s, &err), 0);
	/* Of the kernel's core, in any hierarchy; the others where there are controllers. */
	user = counter_of(s->cpu, s->n_cpu, "user_usec");
	system = counter_of(s->cpu, s->n_cpu, "system_usec");
	assert_true(counter_of(s->cpu, s->n_cpu, "usage_usec") >= user + system - 1);
	if (has_controller("memory")) {
		assert_true(s->memory_current > 0);
		assert_true(s->memory_max == UINT64_MAX);
		assert_true(counter_of(s->memory, s->n_memory, "anon") > 0);
	}
	if (has_controller("pids"))
		assert_true(s->pids_current > 0 && s->pids_max == UINT64_MAX);
	vmrun__agent__stats_response__free_unpacked(s, NULL);
	box_delete(&box, "c");
	box_fails(&box, stats, &request, "does not exist");
}

static void test_device_rules(void **state)
{
	Vmrun__Agent__Device *device;
	struct box_request r;
	struct box_result res;

	(void)state;
	if (!box.cgroup[0])
		skip();
	request_init(&r, "c",
		"stat -c %a:%t,%T:%u /dev/kmsg2; cat /dev/kmsg2 >/dev/null || echo denied;"
		"mknod /dev/mine c 1 3 && echo x >/dev/mine && echo null; cat </dev/zero | head -c "
		"2 | wc -c");
	device = request_device(&r, "/dev/kmsg2", 1, 11);
	device->mode = 0640;
	device->uid = 7;
	box_run(&box, &r, &res);
	assert_string_equal(res.out, "640:1,b:7\ndenied\nnull\n2\n");
	result_done(&res);
}

static void test_limits_and_oom(void **state)
{
	static const char *const values[][2] = { { "memory.max", "33554432" },
		{ "memory.swap.max", "0" }, { "pids.max", "20" } };
	Vmrun__Agent__CgroupSetting settings[4], *list[4];
	Vmrun__Agent__NextEventsResponse *events;
	struct box_request r;
	struct box_result res;
	size_t ooms = 0;

	(void)state;
	if (!has_controller("memory") || !has_controller("pids"))
		skip();
	request_init(&r, "c",
		"cat /sys/fs/cgroup/memory.max /sys/fs/cgroup/pids.max; ls -d "
		"/sys/fs/cgroup/../vmrun*;"
		"head -c 100000000 /dev/zero | sort >/dev/null; echo $?; exec sort /dev/zero");
	request_mount(&r, "cgroup", "/sys/fs/cgroup")->flags = MS_RDONLY;
	for (size_t i = 0; i < ARRAY_LEN(values); i++) {
		vmrun__agent__cgroup_setting__init(&settings[i]);
		settings[i].file = (char *)(uintptr_t)values[i][0];
		settings[i].value = (char *)(uintptr_t)values[i][1];
		settings[i].optional = i == 1;
		list[i] = &settings[i];
	}
	r.create.cgroup = list;
	r.create.n_cgroup = ARRAY_LEN(values);
	box_run(&box, &r, &res);
	has_line(&res, "33554432");
	has_line(&res, "20");
	has_line(&res, "137");
	assert_int_equal(res.status, 137);
	result_done(&res);
	next_events(0, &events);
	for (size_t i = 0; i < events->n_events; i++)
		ooms += events->events[i]->kind == VMRUN__AGENT__EVENT__KIND__OOM;
	assert_true(ooms > 0);
	protobuf_c_message_free_unpacked(&events->base, NULL);

	vmrun__agent__cgroup_setting__init(&settings[3]);
	settings[3].file = (char *)(uintptr_t) "memory.max";
	settings[3].value = (char *)(uintptr_t) "lots";
	list[0] = &settings[3];
	request_init(&r, "c", "true");
	r.create.cgroup = list;
	r.create.n_cgroup = 1;
	create_fails(&r, "cgroup: write of \"lots\" to memory.max: Invalid argument");
}

/* As systemd does: the container's own cgroup can then hold no process any more. */
static void test_exec_beside_own_cgroups(void **state)
{
	AUTO_CLOSE int out = -1;
	struct box_request r;
	struct box_result res;
	char text[8];

	(void)state;
	if (!has_controller("pids"))
		skip();
	request_init(&r, "c",
		"cd /sys/fs/cgroup && mkdir main && echo 1 >main/cgroup.procs &&"
		"echo +pids >cgroup.subtree_control && echo up; exec sleep 1000");
	request_mount(&r, "cgroup2", "/sys/fs/cgroup");
	r.stdio.stdin = r.stdio.stderr = 0;
	box_call(&box, create_container, &r.create);
	out = box_stream(&box, r.stdio.stdout);
	start("c");
	assert_int_equal(fd_read_all(out, text, 3), 0);
	exec_in("c", "cat /proc/self/cgroup", &res);
	has_line(&res, "0::/main");
	result_done(&res);
	box_delete(&box, "c");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_teardown(test_stats, clean_up),
		cmocka_unit_test_teardown(test_device_rules, clean_up),
		cmocka_unit_test_teardown(test_limits_and_oom, clean_up),
		cmocka_unit_test_teardown(test_exec_beside_own_cgroups, clean_up),
	};

	if (!box_possible())
		return 77; /* automake: skipped */
	return cmocka_run_group_tests(tests, box_set_up, box_tear_down);
}
