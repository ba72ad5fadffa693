/* linux.intelRdt in a folder that looks like resctrl: what is made, written, entered and removed.
 */
#include "base/auto.h"
#include "base/fd.h"
#include "base/path.h"
#include "container/container.h"
#include "tests/unit/child.h"

#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>

struct fs {
	char root[64];
	struct strv groups;
	struct resctrl_made made;
};

static void put(const struct fs *fs, const char *path, const char *text)
{
	char whole[256];
	struct err err = ERR_NONE;

	snprintf(whole, sizeof(whole), "%s/%s", fs->root, path);
	assert_int_equal(file_replace(AT_FDCWD, whole, text, strlen(text), 0644, &err), 0);
}

static void expect_file(const struct fs *fs, const char *path, const char *text)
{
	AUTO(buf_done) struct buf b = { 0 };
	struct err err = ERR_NONE;
	char whole[256];

	snprintf(whole, sizeof(whole), "%s/%s", fs->root, path);
	assert_int_equal(file_read(AT_FDCWD, whole, 4096, &b, &err), 0);
	assert_string_equal(buf_str(&b), text);
}

static bool there(const struct fs *fs, const char *path)
{
	char whole[256];

	snprintf(whole, sizeof(whole), "%s/%s", fs->root, path);
	return access(whole, F_OK) == 0;
}

static void folder(const struct fs *fs, const char *path)
{
	char whole[256];

	snprintf(whole, sizeof(whole), "%s/%s", fs->root, path);
	assert_int_equal(mkdir_all(whole, 0755), 0);
}

static int set_up(void **state)
{
	struct fs *fs = calloc(1, sizeof(*fs));

	assert_non_null(fs);
	snprintf(fs->root, sizeof(fs->root), "/tmp/test_resctrl.XXXXXX");
	assert_non_null(mkdtemp(fs->root));
	put(fs, "tasks", "");
	/* A group as the kernel makes it has its files; here they are there before. */
	folder(fs, "shared");
	put(fs, "shared/tasks", "");
	put(fs, "shared/schemata", "    L3:0=f;1=f\n    MB:0=100\n");
	*state = fs;
	return 0;
}

static int tear_down(void **state)
{
	struct fs *fs = *state;

	strv_done(&fs->groups);
	resctrl_made_done(&fs->made);
	assert_int_equal(remove_tree(AT_FDCWD, fs->root), 0);
	free(fs);
	return 0;
}

static int not_recorded(void *arg, struct err *err)
{
	(void)arg;
	(void)err;
	return 0;
}

static int make(struct fs *fs, const struct spec_intel_rdt *rdt, struct err *err)
{
	return resctrl_make(fs->root, rdt, "web", &fs->groups, &fs->made, not_recorded, NULL, err);
}

static void a_named_group_must_be_there_or_get_schemata(void **state)
{
	struct fs *fs = *state;
	struct err err = ERR_NONE;

	assert_int_equal(make(fs, &(struct spec_intel_rdt){ .clos_id = "none" }, &err), -ENOENT);
	assert_non_null(strstr(err.msg, "config.json: linux.intelRdt.closID: "));
	assert_non_null(strstr(err.msg, "/none does not exist"));
	err_clear(&err);
	assert_int_equal(make(fs, &(struct spec_intel_rdt){ .clos_id = "shared" }, &err), 0);
	assert_int_equal(fs->made.own.n, 0);
	assert_int_equal(resctrl_add(&fs->groups, 42, &err), 0);
	expect_file(fs, "shared/tasks", "42");
	resctrl_remove(&fs->made);
	assert_true(there(fs, "shared"));
}

static void a_group_that_is_there_is_not_changed(void **state)
{
	struct fs *fs = *state;
	struct err err = ERR_NONE;
	struct spec_intel_rdt rdt = { .clos_id = "shared", .l3_cache_schema = "L3:0=f;1=f" };

	assert_int_equal(make(fs, &rdt, &err), 0);
	expect_file(fs, "shared/schemata", "    L3:0=f;1=f\n    MB:0=100\n");
	rdt.mem_bw_schema = "MB:0=50";
	assert_int_equal(make(fs, &rdt, &err), -EINVAL);
	assert_non_null(strstr(err.msg, "linux.intelRdt.memBwSchema: "));
	assert_non_null(strstr(err.msg, "/shared exists and does not have \"MB:0=50\""));
}

/* The kernel would have made the files: what is refused is told, and undone by the caller. */
static void a_refused_schema_is_told_with_the_kernels_reason(void **state)
{
	struct fs *fs = *state;
	struct err err = ERR_NONE;
	const char *lines[] = { "L3:0=fffff", NULL };
	struct spec_intel_rdt rdt = { .schemata = { lines, 1 } };

	folder(fs, "info");
	put(fs, "info/last_cmd_status", "mask too long\n");
	assert_true(make(fs, &rdt, &err) < 0);
	assert_non_null(strstr(err.msg, "cannot write \"L3:0=fffff\" to "));
	assert_non_null(strstr(err.msg, "/web/schemata (mask too long)"));
	assert_int_equal(fs->made.own.n, 1);
	resctrl_remove(&fs->made);
	assert_false(there(fs, "web"));
}

static void counters_go_before_their_group(void **state)
{
	struct fs *fs = *state;
	struct err err = ERR_NONE;

	/* As the kernel does when the group is made. */
	folder(fs, "web2/mon_groups");
	assert_int_equal(
		make(fs, &(struct spec_intel_rdt){ .clos_id = "web2", .enable_monitoring = true },
			&err),
		0);
	assert_int_equal(fs->groups.n, 2);
	assert_int_equal(fs->made.own.n, 1);
	assert_true(there(fs, "web2/mon_groups/web"));
	resctrl_remove(&fs->made);
	assert_false(there(fs, "web2/mon_groups/web"));
}

static void the_default_group_is_the_root(void **state)
{
	struct fs *fs = *state;
	struct err err = ERR_NONE;

	assert_int_equal(make(fs, &(struct spec_intel_rdt){ .clos_id = "/" }, &err), 0);
	assert_int_equal(resctrl_add(&fs->groups, 7, &err), 0);
	expect_file(fs, "tasks", "7");
	assert_int_equal(fs->made.own.n, 0);
}

static void without_resctrl_it_is_refused(void **state)
{
	const char *root;
	struct err err = ERR_NONE;

	(void)state;
	if (access("/sys/fs/resctrl/schemata", F_OK) == 0)
		skip();
	assert_int_equal(resctrl_root(&root, &err), -ENOTSUP);
	assert_non_null(strstr(err.msg, "config.json: linux.intelRdt: no resctrl file system"));
}

/* A create that is killed after so many records, or else where it ends. */
struct killed {
	struct pod *pod;
	unsigned records_left;
};

static int record_or_die(void *arg, struct err *err)
{
	struct killed *k = arg;

	if (pod_save_cgroups(k->pod, err) < 0)
		_exit(1);
	if (--k->records_left == 0)
		raise(SIGKILL);
	return 0;
}

static void create_killed(struct fs *fs, const struct spec_intel_rdt *rdt, unsigned records)
{
	char root[80];
	pid_t pid;

	snprintf(root, sizeof(root), "%s/state", fs->root);
	pid = fork();
	assert_true(pid >= 0);
	if (pid == 0) {
		struct err err = ERR_NONE;
		struct killed k = { NULL, records };
		struct state *s;

		if (state_create(root, "web", &s, &err) < 0 || state_set_pod(s, "web", &err) < 0 ||
			pod_enter(root, "web", "web", true, &k.pod, &err) < 0)
			_exit(1);
		(void)!resctrl_make(fs->root, rdt, "web", &fs->groups, &k.pod->resctrl,
			record_or_die, &k, &err);
		raise(SIGKILL);
	}
	assert_true(child_was_killed(pid));
}

/* In turn as "delete --force" does it and as the next create of the id. */
static void clean_up(struct fs *fs, bool by_create)
{
	AUTO(state_free) struct state *s = NULL;
	struct err err = ERR_NONE;
	char root[80];

	snprintf(root, sizeof(root), "%s/state", fs->root);
	if (by_create) {
		assert_int_equal(state_create(root, "web", &s, &err), 0);
		assert_false(there(fs, "state/pods/web"));
		assert_int_equal(state_remove(s, &err), 0);
	} else {
		const struct runtime rt = { .root = root };

		assert_int_equal(container_delete(&rt, "web", true, &err), 0);
	}
	assert_false(there(fs, "state/containers/web"));
	assert_false(there(fs, "state/pods/web"));
}

static void whatever_a_killed_create_has_made_goes(void **state)
{
	struct fs *fs = *state;
	struct spec_intel_rdt own = { .enable_monitoring = false };
	struct spec_intel_rdt counters = { .clos_id = "shared", .enable_monitoring = true };
	/* Ends where the kernel's file is missing, after the group was made. */
	struct spec_intel_rdt named = { .clos_id = "new", .l3_cache_schema = "L3:0=f" };

	folder(fs, "shared/mon_groups");
	/* Before it is made, when that is written down, and later. */
	for (unsigned i = 0; i < 6; i++) {
		create_killed(fs, &own, i / 2 + 1);
		assert_int_equal(there(fs, "web"), i > 1);
		clean_up(fs, i % 2);
		assert_false(there(fs, "web"));

		create_killed(fs, &counters, i / 2 + 1);
		assert_int_equal(there(fs, "shared/mon_groups/web"), i > 1);
		clean_up(fs, i % 2);
		assert_false(there(fs, "shared/mon_groups/web"));
		assert_true(there(fs, "shared"));

		create_killed(fs, &named, i / 2 + 1);
		assert_int_equal(there(fs, "new"), i > 1);
		clean_up(fs, i % 2);
		assert_false(there(fs, "new"));
	}
}

static void what_was_there_before_a_killed_create_stays(void **state)
{
	struct fs *fs = *state;

	folder(fs, "web");
	folder(fs, "shared/mon_groups/web");
	for (unsigned i = 0; i < 2; i++) {
		create_killed(fs, &(struct spec_intel_rdt){ .clos_id = NULL }, 9);
		clean_up(fs, i % 2);
		assert_true(there(fs, "web"));
		create_killed(fs,
			&(struct spec_intel_rdt){ .clos_id = "shared", .enable_monitoring = true },
			9);
		clean_up(fs, i % 2);
		assert_true(there(fs, "shared/mon_groups/web"));
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(
			a_named_group_must_be_there_or_get_schemata, set_up, tear_down),
		cmocka_unit_test_setup_teardown(
			a_group_that_is_there_is_not_changed, set_up, tear_down),
		cmocka_unit_test_setup_teardown(
			a_refused_schema_is_told_with_the_kernels_reason, set_up, tear_down),
		cmocka_unit_test_setup_teardown(counters_go_before_their_group, set_up, tear_down),
		cmocka_unit_test_setup_teardown(the_default_group_is_the_root, set_up, tear_down),
		cmocka_unit_test_setup_teardown(
			whatever_a_killed_create_has_made_goes, set_up, tear_down),
		cmocka_unit_test_setup_teardown(
			what_was_there_before_a_killed_create_stays, set_up, tear_down),
		cmocka_unit_test(without_resctrl_it_is_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
