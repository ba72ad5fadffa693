/* Rights without root: the ids that a user has, configurations in them, the namespaces themselves.
 */
#include "base/buf.h"
#include "base/capability.h"
#include "base/str.h"
#include "pod/rootless.h"
#include "pod/subids.h"
#include "tests/unit/oci_text.h"

#include <grp.h>
#include <linux/capability.h>
#include <sched.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/wait.h>

#define USER 4321

static void subordinate_ids(void **state)
{
	static const char passwd[] = "root:x:0:0:r:/root:/bin/sh\nme:x:4321:4321::/:/bin/sh\n"
				     "alias:x:4321:1::/:/bin/sh\nother:x:43210:1::/:/bin/sh\n"
				     "broken\n:x:4321:4321\nshort:x";

	static const struct {
		const char *text, *user;
		const char *wanted; /* without the first, which is always 0 OWN 1 */
	} rows[] = {
		{ "", NULL, "" },
		{ "me:100000:65536\n", NULL, "1 100000 65536" },
		{ "alias:100000:65536", NULL, "1 100000 65536" },
		{ "4321:100000:65536\n", NULL, "1 100000 65536" },
		{ "ldap:100000:65536\n", "ldap", "1 100000 65536" },
		{ "ldap:100000:65536\n", NULL, "" },
		{ "root:1:2\nme:100:10\nother:200:10\nme:300:5\n", NULL, "1 100 10,11 300 5" },
		{ "other:100000:65536\n43210:1:1\n:5:5\n\n#x\n", "", "" },
		{ "me:x:5\nme:5:x\nme:5\nme\nme::\nme:5:0\nme:-1:5\nme:7:1\n", NULL, "1 7 1" },
		/* More than there are numbers. */
		{ "me:4294967295:2\nme:1:4294967295\nme:4294967296:1\nme:9:9\n", NULL, "1 9 9" },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		AUTO_FREE struct id_range *map = NULL;
		char text[128] = "";
		size_t n;

		assert_int_equal(
			subids_map(rows[i].text, passwd, rows[i].user, USER, 77, &map, &n), 0);
		assert_true(
			n > 0 && map[0].inside == 0 && map[0].outside == 77 && map[0].count == 1);
		for (size_t k = 1; k < n; k++)
			snprintf(text + strlen(text), sizeof(text) - strlen(text), "%s%u %u %u",
				k > 1 ? "," : "", map[k].inside, map[k].outside, map[k].count);
		assert_string_equal(text, rows[i].wanted);
	}
}

static void no_more_ranges_than_the_kernel_takes(void **state)
{
	AUTO(buf_done) struct buf text = { 0 };
	AUTO_FREE struct id_range *map = NULL;
	size_t n;

	(void)state;
	for (unsigned i = 0; i < 400; i++)
		assert_int_equal(buf_printf(&text, "4321:%u:1\n", 1000 + i), 0);
	assert_int_equal(subids_map(buf_str(&text), "", NULL, USER, USER, &map, &n), 0);
	assert_int_equal(n, 340);
}

static struct id_range ids[] = { { 0, USER, 1 }, { 1, 100000, 1000 }, { 1001, 300000, 5 } };

static const struct rootless mapped = {
	.mapped = true,
	.uids = ids,
	.gids = ids,
	.uid_count = ARRAY_LEN(ids),
	.gid_count = ARRAY_LEN(ids),
};

#define MAPS(uid, gid)                                                                             \
	CONFIG(",'linux':{'namespaces':[{'type':'user'}],'uidMappings':[" uid                      \
	       "],'gidMappings':[" gid "]}")
#define ONE(inside, outside, size)                                                                 \
	"{'containerID':" #inside ",'hostID':" #outside ",'size':" #size "}"

static void a_configuration_is_translated(void **state)
{
	AUTO(spec_free)
	struct spec *spec = spec_of(MAPS(
		ONE(0, 4321, 1) "," ONE(1, 100000, 1000), ONE(0, 100005, 5) "," ONE(9, 300004, 1)));
	struct err err = ERR_NONE;

	(void)state;
	assert_int_equal(rootless_translate(&mapped, spec, &err), 0);
	assert_int_equal(spec->linux.uid_mappings.v[0].host_id, 0);
	assert_int_equal(spec->linux.uid_mappings.v[1].host_id, 1);
	assert_int_equal(spec->linux.uid_mappings.v[1].size, 1000);
	assert_int_equal(spec->linux.gid_mappings.v[0].host_id, 6);
	assert_int_equal(spec->linux.gid_mappings.v[1].host_id, 1005);
}

static void ids_of_others_are_refused(void **state)
{
	static const struct {
		const char *text, *why;
	} rows[] = {
		{ MAPS(ONE(0, 0, 1), ONE(0, 4321, 1)),
			"config.json: linux.uidMappings[0]: ids 0 to 0 of the host are not yours, "
			"which are 4321, 100000 to 100999, 300000 to 300004" },
		{ MAPS(ONE(0, 4321, 1), ONE(0, 4321, 2)),
			"config.json: linux.gidMappings[0]: ids 4321 to 4322 of the host" },
		{ MAPS(ONE(0, 4321, 1) "," ONE(1, 100000, 1001), ONE(0, 4321, 1)),
			"config.json: linux.uidMappings[1]: ids 100000 to 101000 of the host" },
		/* Both ends are ours, but not what lies between. */
		{ MAPS(ONE(0, 100000, 200005), ONE(0, 4321, 1)),
			"config.json: linux.uidMappings[0]: ids 100000 to 300004 of the host" },
		{ CONFIG(",'mounts':[{'destination':'/a','source':'/b','type':'bind',"
			 "'uidMappings':[" ONE(0, 5, 1) "],'gidMappings':[" ONE(0, 5, 1) "]}]"),
			"config.json: mounts[0].uidMappings[0]: ids 5 to 5 of the host" },
	};
	static const struct rootless root = { .mapped = false };

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		AUTO(spec_free) struct spec *spec = spec_of(rows[i].text);
		struct err err = ERR_NONE;

		assert_int_equal(rootless_translate(&root, spec, &err), 0);
		assert_int_equal(rootless_translate(&mapped, spec, &err), -EPERM);
		if (!strstr(err.msg, rows[i].why))
			fail_msg("%s", err.msg);
	}
}

/* In a child; what it returns is the exit status. */
static int in_child(int (*run)(void))
{
	pid_t pid = fork();
	int status;

	if (pid == 0)
		_exit(run());
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_true(WIFEXITED(status));
	return WEXITSTATUS(status);
}

#define WANT(condition)                                                                            \
	do {                                                                                       \
		if (!(condition)) {                                                                \
			print_error("line %d: %s: %s\n", __LINE__, #condition, strerror(errno));   \
			return 1;                                                                  \
		}                                                                                  \
	} while (0)

static int become_a_user(void)
{
	if (geteuid() != 0)
		return 0;
	WANT(setgroups(0, NULL) == 0);
	WANT(setresgid(USER, USER, USER) == 0 && setresuid(USER, USER, USER) == 0);
	/* As after an exec: /proc/self is his. */
	WANT(prctl(PR_SET_DUMPABLE, 1) == 0);
	return 0;
}

static int enter_as_a_user(void)
{
	struct rootless r = ROOTLESS_INIT;
	struct err err = ERR_NONE;
	uid_t uid;

	if (become_a_user())
		return 1;
	uid = geteuid();
	if (rootless_enter(&r, &err) < 0) {
		/* Not all hosts let users. */
		print_message("%s\n", err.msg);
		return strstr(err.msg, "vmrun needs a user namespace") ? 77 : 1;
	}
	WANT(r.mapped && r.uid == uid && r.uid_count >= 1 && r.uids[0].outside == uid);
	WANT(geteuid() == 0 && getegid() == 0 && capability_effective(CAP_SYS_ADMIN));
	WANT(r.mounts >= 0 && setns(r.mounts, CLONE_NEWNS) == 0);
	WANT(mount("none", "/proc", "tmpfs", 0, NULL) == 0);
	rootless_done(&r);
	r = (struct rootless)ROOTLESS_INIT;
	/* Whoever has the rights stays. */
	WANT(rootless_enter(&r, &err) == 0 && !r.mapped && r.mounts < 0);
	rootless_done(&r);
	return 0;
}

static void a_user_gets_rights(void **state)
{
	int status = in_child(enter_as_a_user);

	(void)state;
	if (status == 77)
		skip();
	assert_int_equal(status, 0);
}

static int enter_in_anothers_mounts(void)
{
	struct rootless r = ROOTLESS_INIT;
	struct err err = ERR_NONE;

	if (become_a_user())
		return 1;
	/* As "unshare -r": all capabilities, but no mount namespace to use them in. */
	if (unshare(CLONE_NEWUSER) < 0)
		return 77;
	WANT(rootless_enter(&r, &err) == 0);
	WANT(!r.mapped && r.mounts >= 0);
	WANT(mount("none", "/proc", "tmpfs", 0, NULL) == 0);
	rootless_done(&r);
	return 0;
}

static void root_of_a_namespace_gets_mounts(void **state)
{
	int status = in_child(enter_in_anothers_mounts);

	(void)state;
	if (status == 77)
		skip();
	assert_int_equal(status, 0);
}

static int join_nobody(void)
{
	struct err err = ERR_NONE;

	if (become_a_user())
		return 1;
	/* The namespace that we are in gives no rights to whoever enters it. */
	WANT(rootless_join(getpid(), &err) < 0);
	WANT(strstr(err.msg, "cannot enter the container's user namespace"));
	return 0;
}

static void a_namespace_that_gives_nothing_is_refused(void **state)
{
	(void)state;
	assert_int_equal(in_child(join_nobody), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(subordinate_ids),
		cmocka_unit_test(no_more_ranges_than_the_kernel_takes),
		cmocka_unit_test(a_configuration_is_translated),
		cmocka_unit_test(ids_of_others_are_refused),
		cmocka_unit_test(a_user_gets_rights),
		cmocka_unit_test(root_of_a_namespace_gets_mounts),
		cmocka_unit_test(a_namespace_that_gives_nothing_is_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
