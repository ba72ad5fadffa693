/* Ids, look-ups that stay inside a root, trees made and removed. */
#include "base/auto.h"
#include "base/fd.h"
#include "base/path.h"
#include "tests/unit/unit.h"

#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

static char dir[] = "/tmp/test_path.XXXXXX";

static void ids(void **state)
{
	char longest[258];
	const char *bad[] = { "", ".", "..", "../x", "a/b", "/", "a b", "a:b", "ü", "a\n" };
	const char *good[] = { "a1_+.-", "-x", "--", "-h", "_a", "+a", ".a", "..a", "..." };
	struct err err = ERR_NONE;

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
		assert_int_equal(id_check(bad[i], &err), -EINVAL);
		err_clear(&err);
	}
	memset(longest, 'x', sizeof(longest));
	longest[255] = '\0';
	assert_int_equal(id_check(longest, &err), 0);
	longest[255] = 'x';
	longest[256] = '\0';
	assert_int_equal(id_check(longest, &err), -EINVAL);
	assert_non_null(strstr(err.msg, "at most 255"));
	err_clear(&err);
	for (size_t i = 0; i < ARRAY_LEN(good); i++)
		assert_int_equal(id_check(good[i], &err), 0);
}

static void stays_in_the_root(void **state)
{
	AUTO_CLOSE int root = open(dir, O_PATH | O_DIRECTORY | O_CLOEXEC);
	AUTO_CLOSE int made = -1;
	struct stat inside, by_link;

	(void)state;
	made = mkdir_in_root(root, "/a/./b//c", 0755);
	assert_true(made >= 0);
	assert_int_equal(symlinkat("/a", root, "absolute"), 0);
	assert_int_equal(symlinkat("../../../../../etc", root, "escape"), 0);
	close_fd(&made);
	made = mkdir_in_root(root, "absolute/b/d", 0755);
	assert_true(made >= 0);
	assert_int_equal(fstat(made, &by_link), 0);
	assert_int_equal(fstatat(root, "a/b/d", &inside, 0), 0);
	assert_int_equal(inside.st_ino, by_link.st_ino);
	/* The escape names /etc inside the root, which does not exist. */
	assert_int_equal(open_in_root(root, "escape/passwd", O_RDONLY, 0), -ENOENT);
	close_fd(&made);
	made = mkdir_in_root(root, "escape/x", 0755);
	assert_true(made >= 0);
	assert_int_equal(faccessat(root, "etc/x", F_OK, 0), 0);
	assert_int_equal(symlinkat("../new/./deep", root, "a/dangling"), 0);
	close_fd(&made);
	made = mkdir_in_root(root, "absolute/dangling/y", 0755);
	assert_true(made >= 0);
	assert_int_equal(faccessat(root, "new/deep/y", F_OK, 0), 0);
	close_fd(&made);
	assert_int_equal(symlinkat("../no/such/file", root, "a/nowhere"), 0);
	assert_int_equal(symlinkat("/absolute/nowhere", root, "a/twice"), 0);
	made = file_in_root(root, "absolute/twice", 0600);
	assert_true(made >= 0);
	assert_int_equal(fstat(made, &by_link), 0);
	assert_int_equal(fstatat(root, "no/such/file", &inside, 0), 0);
	assert_int_equal(inside.st_ino, by_link.st_ino);
	assert_true(S_ISREG(inside.st_mode));
	assert_int_equal(symlinkat("loop", root, "loop"), 0);
	assert_int_equal(file_in_root(root, "loop", 0600), -ELOOP);
	assert_int_equal(mkdir_in_root(root, "loop/x", 0755), -ELOOP);
	assert_int_equal(symlinkat("ever/more", root, "more"), 0);
	assert_int_equal(symlinkat("../more", root, "ever"), 0);
	assert_int_equal(mkdir_in_root(root, "more", 0755), -ELOOP);
	close_fd(&made);
	made = open_in_root(root, "../../a", O_PATH, 0);
	assert_true(made >= 0);
}

static void removes_trees(void **state)
{
	AUTO_CLOSE int root = open(dir, O_PATH | O_DIRECTORY | O_CLOEXEC);
	struct err err = ERR_NONE;

	(void)state;
	assert_int_equal(mkdirat(root, "outside", 0755), 0);
	assert_int_equal(file_replace(root, "outside/kept", "x", 1, 0644, &err), 0);
	assert_int_equal(mkdirat(root, "tree", 0755), 0);
	assert_int_equal(symlinkat("../outside", root, "tree/link"), 0);
	assert_int_equal(mkdirat(root, "tree/sub", 0755), 0);
	assert_int_equal(file_replace(root, "tree/sub/f", "x", 1, 0644, &err), 0);
	assert_int_equal(remove_tree(root, "tree"), 0);
	assert_int_equal(faccessat(root, "tree", F_OK, 0), -1);
	assert_int_equal(faccessat(root, "outside/kept", F_OK, 0), 0);
	assert_int_equal(remove_tree(root, "never-was"), 0);
}

static int make_dir(void **state)
{
	(void)state;
	return mkdtemp(dir) ? 0 : -1;
}

static int drop_dir(void **state)
{
	(void)state;
	return remove_tree(AT_FDCWD, dir);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(ids),
		cmocka_unit_test(stays_in_the_root),
		cmocka_unit_test(removes_trees),
	};

	return cmocka_run_group_tests(tests, make_dir, drop_dir);
}
