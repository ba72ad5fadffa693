/* linux.cgroupsPath, in the forms of cgroupfs and of systemd. Makes no cgroup. */
#include "base/auto.h"
#include "pod/cgroup.h"
#include "tests/unit/unit.h"

struct row {
	const char *path, *want;
};

static void expect(const struct row *row, bool systemd)
{
	AUTO_FREE char *got = NULL;
	struct err err = ERR_NONE;

	if (cgroup_path(row->path, systemd, "web", &got, &err) < 0)
		fail_msg("%s: %s", row->path ? row->path : "none", err.msg);
	assert_string_equal(got, row->want);
}

static void cgroupfs_paths(void **state)
{
	static const struct row rows[] = {
		{ NULL, "/vmrun/web" },
		{ "", "/vmrun/web" },
		{ "/machine/web", "/machine/web" },
		{ "pod/web", "/vmrun/pod/web" },
		{ "/a..b/..c/d..", "/a..b/..c/d.." }, /* dots in names are just dots */
		{ "/kubepods/a:b:c", "/kubepods/a:b:c" },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++)
		expect(&rows[i], false);
}

static void systemd_paths(void **state)
{
	static const struct row rows[] = {
		{ "machine.slice:libpod:web", "/machine.slice/libpod-web.scope" },
		{ ":vmrun:web", "/system.slice/vmrun-web.scope" },
		{ "user.slice::web", "/user.slice/web.scope" },
		{ "a-b-c.slice:p:n", "/a.slice/a-b.slice/a-b-c.slice/p-n.scope" },
		{ "-.slice:p:n", "/p-n.scope" }, /* the root slice */
		{ "machine.slice:p:pod.slice", "/machine.slice/pod.slice" },
		{ NULL, "/system.slice/vmrun-web.scope" },
		{ "", "/system.slice/vmrun-web.scope" },
		{ "/machine/web", "/machine/web" },
		{ "user-1000.slice:a-b:c", "/user.slice/user-1000.slice/a-b-c.scope" },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++)
		expect(&rows[i], true);
}

static void refused_paths(void **state)
{
	static const struct {
		const char *path;
		bool systemd;
		const char *why;
	} rows[] = {
		{ "..", false, "contains .." },
		{ "/..", false, "contains .." },
		{ "../web", false, "contains .." },
		{ "/a/../../web", false, "contains .." },
		{ "a/..", false, "contains .." },
		{ "a.slice:../..:n", true, "names no scope" },
		{ "a.slice:p:", true, "names no scope" },
		{ "a.slice:p:n/m", true, "names no scope" },
		{ "a:p:n", true, "is not the name of a slice" },
		{ "a/b.slice:p:n", true, "is not the name of a slice" },
		{ "a--b.slice:p:n", true, "is not the name of a slice" },
		{ "-a.slice:p:n", true, "is not the name of a slice" },
		{ "a-.slice:p:n", true, "is not the name of a slice" },
		{ "a.slice:only", true, "slice:prefix:name" },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		AUTO_FREE char *got = NULL;
		struct err err = ERR_NONE;

		assert_int_equal(
			cgroup_path(rows[i].path, rows[i].systemd, "web", &got, &err), -EINVAL);
		assert_non_null(strstr(err.msg, rows[i].why));
		assert_non_null(strstr(err.msg, "linux.cgroupsPath"));
		assert_null(got);
	}
}

/* What holds ".." only between colons becomes a name in which it is harmless, or is refused. */
static void colons_do_not_hide_a_way_out(void **state)
{
	static const char *const paths[] = { "..:p:n", "a.slice:..:n", "a.slice:p:..", "a/..:p:n",
		"a.slice:p:../n", "a.slice:p:x/../../n", "a.slice::../../n", "a.slice::..",
		"a/../b.slice:p:n", "a.slice:..:x.slice" };

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(paths); i++) {
		AUTO_FREE char *got = NULL;
		struct err err = ERR_NONE;

		if (cgroup_path(paths[i], true, "web", &got, &err) < 0)
			continue;
		assert_null(strstr(got, "/../"));
		assert_true(strlen(got) < 3 || !streq(got + strlen(got) - 3, "/.."));
	}
}

static void delegated_paths(void **state)
{
	static const struct {
		const char *own, *wanted;
	} rows[] = {
		{ "/", "/vmrun/c" },
		{ "/a", "/vmrun/c" },
		{ "/a/b", "/a/vmrun/c" },
		{ "/user.slice/user-1000.slice/session-1.scope",
			"/user.slice/user-1000.slice/vmrun/c" },
		{ "/user.slice/user-1000.slice/user@1000.service/app.slice/app-x.slice/x.scope",
			"/user.slice/user-1000.slice/user@1000.service/vmrun/c" },
		{ "/user.slice/user-1000.slice/user@1000.service/init.scope",
			"/user.slice/user-1000.slice/user@1000.service/vmrun/c" },
		{ "/user.slice/user-1000.slice/user@1000.service",
			"/user.slice/user-1000.slice/user@1000.service/vmrun/c" },
		{ "/user@/b", "/user@/vmrun/c" },
		{ "/user@1000.serviceable/b", "/user@1000.serviceable/vmrun/c" },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		AUTO_FREE char *got = cgroup_delegated_path(rows[i].own, "/vmrun/c");

		assert_string_equal(got, rows[i].wanted);
	}
}

static void common_paths(void **state)
{
	static const struct {
		const char *a, *b, *wanted;
	} rows[] = {
		{ "/", "/", "/" },
		{ "/a", "/a", "/a" },
		{ "/a", "/b", "" },
		{ "/a/b", "/a", "/a" },
		{ "/a", "/a/b/c", "/a" },
		{ "/a/bc", "/a/bd", "/a" },
		{ "/a/b", "/a/bc", "/a" },
		{ "/", "/a", "" },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		AUTO_FREE char *got = cgroup_common_path(rows[i].a, rows[i].b);

		assert_string_equal(got, rows[i].wanted);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(cgroupfs_paths),
		cmocka_unit_test(systemd_paths),
		cmocka_unit_test(refused_paths),
		cmocka_unit_test(colons_do_not_hide_a_way_out),
		cmocka_unit_test(delegated_paths),
		cmocka_unit_test(common_paths),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
