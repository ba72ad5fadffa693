/* What processes may do: ids, capabilities, limits, seccomp. */
#include "tests/unit/agent_acts.h"
#include "tests/unit/unit.h"

#include <linux/capability.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/syscall.h>

static void test_credentials(void **state)
{
	Vmrun__Agent__Rlimit limit = VMRUN__AGENT__RLIMIT__INIT, *limits[] = { &limit };
	Vmrun__Agent__Seccomp seccomp = VMRUN__AGENT__SECCOMP__INIT;
	struct sock_filter filter[] = {
		BPF_STMT(BPF_LD | BPF_W | BPF_ABS, 0),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_mkdir, 0, 1),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | EIO),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
	};
	uint32_t groups[] = { 5, 6 };
	struct box_request r;
	struct box_result res;

	(void)state;
	for (int nnp = 0; nnp < 2; nnp++) {
		request_init(&r, "c",
			"id; umask; ulimit -n; ulimit -Hn; cat /proc/self/status; pwd;"
			"mkdir /tmp/no; echo $HOME; echo again >/dev/stdout");
		r.process.uid = r.process.gid = 1000;
		r.process.additional_gids = groups;
		r.process.n_additional_gids = 2;
		r.process.has_umask = true;
		r.process.umask = 077;
		r.process.cwd = (char *)(uintptr_t) "/home/made";
		limit.resource = RLIMIT_NOFILE;
		limit.soft = 100;
		limit.hard = 200;
		r.process.rlimits = limits;
		r.process.n_rlimits = 1;
		r.caps.bounding = r.caps.effective = r.caps.permitted = r.caps.inheritable =
			r.caps.ambient = 1 << 5; /* CAP_KILL */
		r.process.no_new_privileges = nnp;
		seccomp.filter.data = (uint8_t *)filter;
		seccomp.filter.len = sizeof(filter);
		r.process.seccomp = &seccomp;
		box_run(&box, &r, &res);
		has_line(&res, "uid=1000(u) gid=1000 groups=5,6");
		has_line(&res, "0077");
		has_line(&res, "100");
		has_line(&res, "200");
		has_line(&res, "CapBnd:\t0000000000000020");
		has_line(&res, "CapEff:\t0000000000000020");
		has_line(&res, "CapAmb:\t0000000000000020");
		has_line(&res, nnp ? "NoNewPrivs:\t1" : "NoNewPrivs:\t0");
		has_line(&res, "Seccomp:\t2");
		has_line(&res, "/home/made");
		has_line(&res, "/home/u");
		has_line(&res, "again");
		assert_non_null(strstr(res.error, "/tmp/no': Input/output error"));
		result_done(&res);
	}
}

static void test_no_capabilities(void **state)
{
	struct box_request r;
	struct box_result res;

	(void)state;
	request_init(&r, "c", "grep Cap /proc/self/status");
	r.process.capabilities = NULL;
	box_run(&box, &r, &res);
	has_line(&res, "CapPrm:\t0000000000000000");
	has_line(&res, "CapBnd:\t0000000000000000");
	result_done(&res);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_teardown(test_credentials, clean_up),
		cmocka_unit_test_teardown(test_no_capabilities, clean_up),
	};

	if (!box_possible())
		return 77; /* automake: skipped */
	return cmocka_run_group_tests(tests, box_set_up, box_tear_down);
}
