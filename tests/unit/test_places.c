/* Where state and caches are kept, for everybody and with all variables. */
#include "base/auto.h"
#include "base/id_map.h"
#include "base/path.h"
#include "base/places.h"
#include "base/str.h"
#include "tests/unit/unit.h"

#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>

/* A folder each test has to itself, with what stands for /run/user and /tmp in it. */
struct box {
	char dir[32], run_user[64], tmp[64];
};

static struct box box;

static int make_box(void **state)
{
	(void)state;
	snprintf(box.dir, sizeof(box.dir), "/tmp/test_places.XXXXXX");
	if (!mkdtemp(box.dir))
		return -1;
	snprintf(box.run_user, sizeof(box.run_user), "%s/user", box.dir);
	snprintf(box.tmp, sizeof(box.tmp), "%s/tmp", box.dir);
	return mkdir(box.run_user, 0755) || mkdir(box.tmp, 0777);
}

static int remove_box(void **state)
{
	(void)state;
	return remove_tree(AT_FDCWD, box.dir);
}

/* Whoever it is, the folders here belong to him who runs the test. */
static const struct caller {
	const char *name;
	uid_t uid;
	bool user_namespace, system;
	uid_t outer_uid;
} callers[] = {
	{ "root", 0, false, true, 0 },
	{ "root of a user namespace", 0, true, false, 4321 },
	{ "root of root's user namespace", 0, true, false, 0 },
	{ "a user", 1000, false, false, 1000 },
	{ "a user in a user namespace", 1000, true, false, 101000 },
};

static struct places of(const struct caller *c)
{
	return (struct places){
		.uid = c->uid,
		.user_namespace = c->user_namespace,
		.outer_uid = c->outer_uid,
		.run_user = box.run_user,
		.tmp = box.tmp,
	};
}

/* Every variable in every condition. What counts for nothing is as if it were not there. */
static const struct value {
	const char *text;
	bool counts;
} values[] = {
	{ NULL, false },
	{ "", false },
	{ "relative/dir", false },
	{ "/a", true },
};

static void check_cache(const struct places *p, const struct caller *c, const struct value *xdg,
	const struct value *home)
{
	char got[PATH_MAX] = "";
	struct err err = ERR_NONE;
	int r = places_cache(p, got, &err);

	if (c->system) {
		assert_string_equal(got, "/var/cache/vmrun");
	} else if (xdg->counts) {
		assert_string_equal(got, "/a/vmrun");
	} else if (home->counts) {
		assert_string_equal(got, "/a/.cache/vmrun");
	} else {
		assert_int_equal(r, -ENOENT);
		assert_non_null(strstr(err.msg, "set HOME or XDG_CACHE_HOME"));
		return;
	}
	assert_int_equal(r, 0);
}

static void check_state(const struct places *p, const struct caller *c, const struct value *runtime)
{
	char got[PATH_MAX] = "", wanted[PATH_MAX];
	struct err err = ERR_NONE;
	int r = places_state(p, got, &err);

	snprintf(wanted, sizeof(wanted), "%s/vmrun-%u", box.tmp, c->outer_uid);
	if (c->system)
		snprintf(wanted, sizeof(wanted), "/run/vmrun");
	else if (runtime->counts)
		snprintf(wanted, sizeof(wanted), "/a/vmrun");
	else if (c->uid != geteuid()) {
		/* The folder that the test makes is not of the user that it speaks for. */
		assert_int_equal(r, -EPERM);
		assert_non_null(strstr(err.msg, "is somebody else's: set XDG_RUNTIME_DIR"));
		return;
	}
	assert_int_equal(r, 0);
	assert_string_equal(got, wanted);
}

static void all_combinations(void **state)
{
	const size_t n = ARRAY_LEN(values);

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(callers) * n * n * n; i++) {
		const struct caller *c = &callers[i / (n * n * n)];
		const struct value *runtime = &values[i % n];
		const struct value *cache = &values[i / n % n];
		const struct value *home = &values[i / (n * n) % n];
		struct places p = of(c);

		p.xdg_runtime_dir = runtime->text;
		p.xdg_cache_home = cache->text;
		p.home = home->text;
		check_cache(&p, c, cache, home);
		check_state(&p, c, runtime);
	}
}

/* Not root's, which every caller who is not system's gets along without. */
static struct places mine(void)
{
	struct caller me = { .uid = geteuid(), .user_namespace = true, .outer_uid = 4321 };

	return of(&me);
}

static void a_folder_of_the_login_is_used_if_it_is_ours(void **state)
{
	struct places p = mine();
	char got[PATH_MAX], dir[128], wanted[160];
	struct err err = ERR_NONE;

	(void)state;
	snprintf(dir, sizeof(dir), "%s/4321", box.run_user);
	snprintf(wanted, sizeof(wanted), "%s/vmrun", dir);
	assert_int_equal(mkdir(dir, 0700), 0);
	assert_int_equal(places_state(&p, got, &err), 0);
	assert_string_equal(got, wanted);
	/* Others may write to it. */
	assert_int_equal(chmod(dir, 0777), 0);
	snprintf(wanted, sizeof(wanted), "%s/vmrun-4321", box.tmp);
	assert_int_equal(places_state(&p, got, &err), 0);
	assert_string_equal(got, wanted);
	assert_int_equal(rmdir(dir), 0);
	assert_int_equal(symlink(box.tmp, dir), 0);
	assert_int_equal(places_state(&p, got, &err), 0);
	assert_string_equal(got, wanted);
}

static void nobody_else_gets_the_one_in_tmp(void **state)
{
	struct places p = mine();
	char got[PATH_MAX], dir[128];
	struct err err = ERR_NONE;
	struct stat st;

	(void)state;
	snprintf(dir, sizeof(dir), "%s/vmrun-4321", box.tmp);
	assert_int_equal(places_state(&p, got, &err), 0);
	assert_int_equal(lstat(dir, &st), 0);
	assert_int_equal(st.st_mode & 07777, 0700);
	/* It is found again, but not when others can write to it, nor behind a link. */
	assert_int_equal(places_state(&p, got, &err), 0);
	assert_int_equal(chmod(dir, 0777), 0);
	assert_int_equal(places_state(&p, got, &err), -EPERM);
	err_clear(&err);
	assert_int_equal(rmdir(dir), 0);
	assert_int_equal(symlink(box.run_user, dir), 0);
	assert_int_equal(places_state(&p, got, &err), -EPERM);
	err_clear(&err);
	p.tmp = "/no/such/folder";
	assert_int_equal(places_state(&p, got, &err), -ENOENT);
	assert_non_null(strstr(err.msg, "XDG_RUNTIME_DIR is not set"));
}

static void long_paths_are_errors(void **state)
{
	static char path[PATH_MAX];
	struct places p = mine();
	char got[PATH_MAX];
	struct err err = ERR_NONE;

	(void)state;
	memset(path, '/', sizeof(path) - 1);
	p.xdg_runtime_dir = p.home = path;
	assert_int_equal(places_state(&p, got, &err), -ENAMETOOLONG);
	err_clear(&err);
	assert_int_equal(places_cache(&p, got, &err), -ENAMETOOLONG);
}

static void maps(void **state)
{
	static const struct {
		const char *text;
		uint32_t uid, outer;
		bool initial, mapped;
	} rows[] = {
		{ "         0          0 4294967295\n", 0, 0, true, true },
		{ "         0          0 4294967295\n", 1000, 1000, true, true },
		{ "         0       4321          1\n", 0, 4321, false, true },
		{ "         0          0          1\n", 0, 0, false, true },
		{ "0 1000 1\n1 100000 65536\n", 0, 1000, false, true },
		{ "0 1000 1\n1 100000 65536\n", 1000, 100999, false, true },
		{ "0 1 1000\n1000 0 1\n1001 1001 64536\n", 1000, 0, false, true },
		{ "0 0 4294967294\n", 0, 0, false, true },
		{ "0 1000 1\n", 65534, 0, false, false },
		{ "", 65534, 0, false, false },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		AUTO_FREE struct id_range *map = NULL;
		uint32_t outer = 0, inner = 0;
		size_t n;

		assert_int_equal(id_map_parse(rows[i].text, &map, &n), 0);
		assert_int_equal(id_map_is_initial(map, n), rows[i].initial);
		assert_int_equal(id_map_outward(map, n, rows[i].uid, &outer), rows[i].mapped);
		assert_int_equal(outer, rows[i].outer);
		assert_int_equal(id_map_inward(map, n, outer, &inner), rows[i].mapped);
		assert_int_equal(inner, rows[i].mapped ? rows[i].uid : 0);
	}
}

static void this_process(void **state)
{
	struct places p;

	(void)state;
	assert_int_equal(setenv("XDG_RUNTIME_DIR", "/r", 1), 0);
	assert_int_equal(setenv("XDG_CACHE_HOME", "/c", 1), 0);
	assert_int_equal(setenv("HOME", "/h", 1), 0);
	p = places_look();
	assert_int_equal(p.uid, geteuid());
	assert_string_equal(p.xdg_runtime_dir, "/r");
	assert_string_equal(p.xdg_cache_home, "/c");
	assert_string_equal(p.home, "/h");
	assert_string_equal(p.run_user, "/run/user");
	assert_string_equal(p.tmp, "/tmp");
	assert_int_equal(unsetenv("HOME"), 0);
	assert_null(places_look().home);
}

int main(void)
{
#define TEST(f) cmocka_unit_test_setup_teardown(f, make_box, remove_box)
	const struct CMUnitTest tests[] = {
		TEST(all_combinations),
		TEST(a_folder_of_the_login_is_used_if_it_is_ours),
		TEST(nobody_else_gets_the_one_in_tmp),
		TEST(long_paths_are_errors),
		TEST(maps),
		TEST(this_process),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
