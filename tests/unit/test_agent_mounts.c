/* Mounts of containers, and what hides or changes what they show. */
#include "tests/unit/agent_acts.h"
#include "tests/unit/unit.h"

#include <string.h>
#include <sys/mount.h>

static void test_mounts(void **state)
{
	Vmrun__Agent__ShareRef dir = VMRUN__AGENT__SHARE_REF__INIT;
	Vmrun__Agent__ShareRef file = VMRUN__AGENT__SHARE_REF__INIT;
	Vmrun__Agent__Mount *m;
	struct box_request r;
	struct box_result res;

	(void)state;
	dir.share = (char *)(uintptr_t) "1";
	file.share = (char *)(uintptr_t) "2";
	request_init(&r, "c",
		"cat /vol/file /new/deep/file /escape/out; touch /vol/x || echo ro;"
		"touch /rw/y && echo rw; cat /copied/passwd | head -1; stat -c %a /dir;"
		"grep ' /dir ' /proc/mounts; touch /tight/a && touch /tight/b; touch /x || echo "
		"sealed");
	m = request_mount(&r, "bind", "/vol");
	m->flags = MS_BIND | MS_REC | MS_RDONLY;
	m->share = &dir;
	m = request_mount(&r, "", "/new/deep/file");
	m->flags = MS_BIND;
	m->share = &file;
	/* Through a symlink that points outside: it stays inside, at /etc of the container. */
	m = request_mount(&r, "bind", "/escape/out");
	m->flags = MS_BIND;
	m->share = &file;
	m = request_mount(&r, "bind", "/rw");
	m->flags = MS_BIND;
	m->share = &dir;
	m = request_mount(&r, "tmpfs", "/dir");
	m->flags = MS_NOSUID | MS_NOEXEC | MS_NOATIME;
	m = request_mount(&r, "tmpfs", "/etc2");
	m->optional = true;
	m->data = (char *)(uintptr_t) "nosuchoption";
	m = request_mount(&r, "tmpfs", "/tight");
	m->flags = MS_RDONLY;
	r.create.rootfs_readonly = true;
	box_run(&box, &r, &res);
	has_line(&res, "from share 1");
	assert_non_null(strstr(res.out, "single file\nsingle file\nro\nrw\n"));
	has_line(&res, "755");
	assert_non_null(strstr(res.out, "nosuid,noexec,noatime"));
	has_line(&res, "sealed");
	assert_non_null(strstr(res.error, "/tight/a: Read-only file system"));
	result_done(&res);
	run_script("cat /etc/out; test -e /new/deep/file && echo there; stat -c %s /etc/out", &res);
	assert_non_null(strstr(res.out, "there\n0\n"));
	result_done(&res);
}

static void test_copy_up(void **state)
{
	Vmrun__Agent__Mount *m;
	struct box_request r;
	struct box_result res;

	(void)state;
	request_init(&r, "c",
		"cat /etc/passwd | head -1; echo x >/etc/passwd; readlink /etc/link; touch "
		"/etc/ro");
	m = request_mount(&r, "tmpfs", "/etc");
	m->copy_up = true;
	m->flags = MS_NOSUID;
	box_run(&box, &r, &res);
	has_line(&res, "root:x:0:0:root:/root:/bin/sh");
	result_done(&res);
	run_script("wc -l </etc/passwd; ls /etc/ro", &res);
	has_line(&res, "2");
	assert_int_not_equal(res.status, 0);
	result_done(&res);
}

static void test_masks_and_sysctls(void **state)
{
	char *masked[] = { (char *)(uintptr_t) "/proc/cpuinfo", (char *)(uintptr_t) "/proc/acpi",
		(char *)(uintptr_t) "/no/such", (char *)(uintptr_t) "/home",
		(char *)(uintptr_t) "/home", (char *)(uintptr_t) "/proc/tty" };
	char *readonly[] = { (char *)(uintptr_t) "/proc/sys", (char *)(uintptr_t) "/nosuch",
		(char *)(uintptr_t) "/tmp" };
	Vmrun__Agent__Sysctl sysctl = VMRUN__AGENT__SYSCTL__INIT, *sysctls[] = { &sysctl };
	struct box_request r;
	struct box_result res;

	(void)state;
	request_init(&r, "c",
		"wc -c </proc/cpuinfo; ls /home | wc -l; touch /tmp/x || echo ro;"
		"echo 1 >/proc/sys/net/ipv4/ip_forward || echo ro2; touch /home/x || echo ro3;"
		"cat /proc/sys/net/ipv4/ip_default_ttl; hostname; cat /proc/sys/kernel/domainname;"
		/* Named twice, covered once; and all directories are of one tmpfs. */
		"grep -c ' /home ' /proc/mounts; grep -E ' /(home|proc/tty) ' /proc/self/mountinfo "
		"|"
		"cut -d' ' -f3 | sort -u | wc -l; touch /proc/tty/x || echo ro4");
	r.create.masked_paths = masked;
	r.create.n_masked_paths = ARRAY_LEN(masked);
	r.create.readonly_paths = readonly;
	r.create.n_readonly_paths = ARRAY_LEN(readonly);
	r.create.hostname = (char *)(uintptr_t) "box";
	r.create.domainname = (char *)(uintptr_t) "example";
	sysctl.key = (char *)(uintptr_t) "net.ipv4.ip_default_ttl";
	sysctl.value = (char *)(uintptr_t) "77";
	r.create.sysctls = sysctls;
	r.create.n_sysctls = 1;
	box_run(&box, &r, &res);
	assert_string_equal(res.out, "0\n0\nro\nro2\nro3\n77\nbox\nexample\n1\n1\nro4\n");
	result_done(&res);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_teardown(test_mounts, clean_up),
		cmocka_unit_test_teardown(test_copy_up, clean_up),
		cmocka_unit_test_teardown(test_masks_and_sysctls, clean_up),
	};

	if (!box_possible())
		return 77; /* automake: skipped */
	return cmocka_run_group_tests(tests, box_set_up, box_tear_down);
}
