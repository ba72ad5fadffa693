/* Which kernel is taken, of folders made here. */
#include "base/fd.h"
#include "base/path.h"
#include "base/str.h"
#include "guest/find.h"
#include "tests/unit/unit.h"

#include <fcntl.h>
#include <stdio.h>

static char root[] = "/tmp/test_find.XXXXXX";

static int make_root(void **state)
{
	(void)state;
	return mkdtemp(root) ? 0 : -1;
}

static int remove_root(void **state)
{
	(void)state;
	return remove_tree(AT_FDCWD, root);
}

/* An absolute path below the test's folder, in one of a few static buffers. */
static const char *at(const char *relative)
{
	static char paths[8][256];
	static unsigned next;
	char *p = paths[next++ % 8];

	snprintf(p, sizeof(paths[0]), "%s/%s", root, relative);
	return p;
}

static void touch(const char *relative)
{
	struct err err = ERR_NONE;
	char *folder = strdup(at(relative));

	*strrchr(folder, '/') = '\0';
	assert_int_equal(mkdir_all(folder, 0755), 0);
	assert_int_equal(file_replace(AT_FDCWD, at(relative), "x", 1, 0644, &err), 0);
	free(folder);
}

/* Refuses what its name is in unfit; notes what it was asked about. */
struct trial {
	const char *unfit;
	struct strv tried;
};

static int try(void *arg, const char *path, struct err *err)
{
	struct trial *t = arg;

	assert_int_equal(strv_add(&t->tried, path), 0);
	if (t->unfit && strstr(t->unfit, strrchr(path, '/') + 1))
		return err_set(err, ENOENT, "%s lacks a driver", path);
	return 0;
}

/* The path that was taken; NULL: none. */
static const char *choose(const char *option, const char *unfit, struct err *err)
{
	static struct trial t;
	AUTO(kernel_places_done) struct kernel_places places = { .boot = at("boot") };
	int r;

	strv_done(&t.tried);
	t = (struct trial){ .unfit = unfit };
	assert_int_equal(strv_add(&places.own, at("build/vmlinux")), 0);
	assert_int_equal(strv_add(&places.own, at("lib/vmlinux")), 0);
	err_clear(err);
	r = kernel_choose(&places, option, try, &t, err);
	return r == 0 ? t.tried.v[t.tried.n - 1] : NULL;
}

static void takes_the_newest(void **state)
{
	struct err err = ERR_NONE;

	(void)state;
	assert_null(choose(NULL, NULL, &err));
	assert_int_equal(err.code, ENOENT);
	assert_non_null(strstr(err.msg, "VMRUN_KERNEL"));
	touch("boot/vmlinuz-6.1.0-9-amd64");
	touch("boot/vmlinuz-6.1.0-56-amd64");
	touch("boot/vmlinuz-6.1.0-8-amd64");
	touch("boot/vmlinuz-6.9.0-1-amd64.old");
	touch("boot/vmlinuz-6.9.0-1-amd64.dpkg-new");
	touch("boot/initrd.img-7.0.0-1-amd64");
	assert_string_equal(choose("auto", NULL, &err), at("boot/vmlinuz-6.1.0-56-amd64"));
	touch("boot/vmlinuz-6.12.1-1-amd64");
	assert_string_equal(choose(NULL, NULL, &err), at("boot/vmlinuz-6.12.1-1-amd64"));
}

/* The newest may be a cloud kernel without its modules. */
static void passes_over_what_cannot_be_used(void **state)
{
	static const char all[] = "vmlinuz-6.12.1-1-amd64 vmlinuz-6.1.0-56-amd64 "
				  "vmlinuz-6.1.0-9-amd64 vmlinuz-6.1.0-8-amd64";
	struct err err = ERR_NONE;

	(void)state;
	assert_string_equal(choose("auto", "vmlinuz-6.12.1-1-amd64 vmlinuz-6.1.0-56-amd64", &err),
		at("boot/vmlinuz-6.1.0-9-amd64"));
	assert_int_equal(err.code, 0);
	assert_null(choose("auto", all, &err));
	assert_int_equal(err.code, ENOENT);
	assert_non_null(strstr(err.msg, "boot/vmlinuz-6.12.1-1-amd64 lacks a driver; "));
	assert_non_null(strstr(err.msg, "boot/vmlinuz-6.1.0-8-amd64 lacks a driver"));
	assert_non_null(strstr(err.msg, "VMRUN_KERNEL"));
}

static void one_that_is_named_decides_alone(void **state)
{
	struct err err = ERR_NONE;

	(void)state;
	assert_string_equal(choose("/some/where", NULL, &err), "/some/where");
	assert_null(choose("/some/where", "where", &err));
	assert_string_equal(err.msg, "/some/where lacks a driver");
}

static void takes_ours_first(void **state)
{
	struct err err = ERR_NONE;

	(void)state;
	touch("lib/vmlinux");
	assert_string_equal(choose(NULL, NULL, &err), at("lib/vmlinux"));
	touch("build/vmlinux");
	assert_string_equal(choose(NULL, NULL, &err), at("build/vmlinux"));
	assert_string_equal(choose(NULL, "vmlinux", &err), at("boot/vmlinuz-6.12.1-1-amd64"));
}

static void finds_the_folder_of_modules(void **state)
{
	struct err err = ERR_NONE;
	char *folder;

	(void)state;
	assert_int_equal(
		kernel_modules_folder(at("a/boot/vmlinuz-9.8.7"), "9.8.7", &folder, &err), 0);
	assert_null(folder);
	touch("a/usr/lib/modules/9.8.7/modules.dep");
	assert_int_equal(
		kernel_modules_folder(at("a/boot/vmlinuz-9.8.7"), "9.8.7", &folder, &err), 0);
	assert_string_equal(folder, at("a/usr/lib/modules/9.8.7"));
	free(folder);
	touch("a/lib/modules/9.8.7/modules.dep");
	assert_int_equal(
		kernel_modules_folder(at("a/boot/vmlinuz-9.8.7"), "9.8.7", &folder, &err), 0);
	assert_string_equal(folder, at("a/lib/modules/9.8.7"));
	free(folder);
	assert_int_equal(
		kernel_modules_folder(at("a/lib/modules/9.8.7/vmlinuz"), "9", &folder, &err), 0);
	assert_string_equal(folder, at("a/lib/modules/9.8.7"));
	free(folder);
	assert_int_equal(kernel_modules_folder("vmlinuz", "9.8.7", &folder, &err), 0);
	assert_null(folder);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(takes_the_newest),
		cmocka_unit_test(passes_over_what_cannot_be_used),
		cmocka_unit_test(one_that_is_named_decides_alone),
		cmocka_unit_test(takes_ours_first),
		cmocka_unit_test(finds_the_folder_of_modules),
	};

	return cmocka_run_group_tests(tests, make_root, remove_root);
}
