/* The cache: made once, whole or not at all, also with many makers and killed ones. */
#include "base/fd.h"
#include "base/path.h"
#include "guest/cache.h"
#include "tests/unit/unit.h"

#include <dirent.h>
#include <fcntl.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>

#define MAKERS 8

static char dir[] = "/tmp/test_cache.XXXXXX";

static int make_dir(void **state)
{
	(void)state;
	return mkdtemp(dir) ? 0 : -1;
}

static int remove_dir(void **state)
{
	(void)state;
	return remove_tree(AT_FDCWD, dir);
}

static int open_cache(void)
{
	struct err err = ERR_NONE;
	int fd = cache_open(dir, &err);

	assert_true(fd >= 0);
	return fd;
}

static struct cache_key key_of(const char *s)
{
	struct cache_key key;

	cache_key_init(&key);
	cache_key_add_str(&key, s);
	return key;
}

static unsigned count_entries(const char *prefix)
{
	DIR *d = opendir(dir);
	struct dirent *e;
	unsigned n = 0;

	assert_non_null(d);
	while ((e = readdir(d)))
		n += strncmp(e->d_name, prefix, strlen(prefix)) == 0;
	closedir(d);
	return n;
}

static int make_text(void *arg, struct buf *out, struct err *err)
{
	unsigned *calls = arg;

	(void)err;
	++*calls;
	return buf_append_str(out, "made");
}

static int fail_to_make(void *arg, struct buf *out, struct err *err)
{
	(void)arg, (void)out;
	return err_set(err, ENOTSUP, "no way");
}

static void makes_once(void **state)
{
	AUTO_CLOSE int cache = open_cache();
	struct cache_key key = key_of("once");
	struct err err = ERR_NONE;
	unsigned calls = 0;
	struct stat st;

	(void)state;
	for (int i = 0; i < 3; i++) {
		AUTO_CLOSE int fd = cache_get(cache, "once", &key, make_text, &calls, &err);
		char text[8];

		assert_true(fd >= 0);
		assert_int_equal(read(fd, text, sizeof(text)), 4);
		assert_memory_equal(text, "made", 4);
		assert_int_equal(write(fd, "x", 1), -1);
		assert_int_equal(fstat(fd, &st), 0);
		assert_int_equal(st.st_mode & 0777, 0444);
	}
	assert_int_equal(calls, 1);
	assert_int_equal(count_entries("once-"), 1);
	key = key_of("other");
	close(cache_get(cache, "once", &key, make_text, &calls, &err));
	assert_int_equal(calls, 2);
}

static void leaves_nothing_after_failure(void **state)
{
	AUTO_CLOSE int cache = open_cache();
	struct cache_key key = key_of("x");
	struct err err = ERR_NONE;

	(void)state;
	assert_int_equal(cache_get(cache, "fail", &key, fail_to_make, NULL, &err), -ENOTSUP);
	assert_string_equal(err.msg, "no way");
	assert_int_equal(count_entries("fail-"), 0);
}

static int make_and_die(void *arg, struct buf *out, struct err *err)
{
	(void)arg, (void)out, (void)err;
	raise(SIGKILL);
	return 0;
}

static void takes_over_from_a_killed_maker(void **state)
{
	AUTO_CLOSE int cache = open_cache();
	struct cache_key key = key_of("x");
	struct err err = ERR_NONE;
	unsigned calls = 0;
	int status;
	pid_t pid = fork();

	(void)state;
	if (pid == 0)
		_exit(cache_get(cache, "killed", &key, make_and_die, NULL, &err) < 0);
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_true(WIFSIGNALED(status));
	assert_int_equal(count_entries("killed-"), 1);
	close(cache_get(cache, "killed", &key, make_text, &calls, &err));
	assert_int_equal(calls, 1);
	assert_int_equal(count_entries("killed-"), 1);
}

/* Says on a pipe that it makes, and goes on when the other pipe is closed. */
struct gate {
	int started, go;
};

static int make_slowly(void *arg, struct buf *out, struct err *err)
{
	struct gate *gate = arg;
	char c;

	(void)err;
	if (write(gate->started, "m", 1) != 1 || read(gate->go, &c, 1) != 0)
		return -EIO;
	return buf_append_str(out, "made");
}

static void one_of_many_makes(void **state)
{
	int started[2], go[2], status;
	struct cache_key key = key_of("x");
	pid_t pids[MAKERS];
	char c[MAKERS];

	(void)state;
	assert_int_equal(pipe2(started, O_CLOEXEC), 0);
	assert_int_equal(pipe2(go, O_CLOEXEC), 0);
	for (int i = 0; i < MAKERS; i++) {
		pids[i] = fork();
		if (pids[i] == 0) {
			struct gate gate = { started[1], go[0] };
			struct err err = ERR_NONE;
			int cache = cache_open(dir, &err);
			int fd;

			close(go[1]);
			fd = cache_get(cache, "race", &key, make_slowly, &gate, &err);
			_exit(fd < 0 || read(fd, c, MAKERS) != 4);
		}
	}
	close(started[1]);
	close(go[0]);
	assert_int_equal(read(started[0], c, 1), 1);
	close(go[1]);
	for (int i = 0; i < MAKERS; i++) {
		assert_int_equal(waitpid(pids[i], &status, 0), pids[i]);
		assert_int_equal(status, 0);
	}
	/* Nobody else has made it: the pipe ends without a second letter. */
	assert_int_equal(read(started[0], c, 1), 0);
	close(started[0]);
	assert_int_equal(count_entries("race-"), 1);
}

static void keys_tell_files_apart(void **state)
{
	struct cache_key a = key_of("f"), b = a, c = a, missing = a;
	char path[64];
	struct err err = ERR_NONE;

	(void)state;
	snprintf(path, sizeof(path), "%s/file", dir);
	assert_int_equal(file_replace(AT_FDCWD, path, "1", 1, 0600, &err), 0);
	assert_int_equal(cache_key_add_file(&a, path, &err), 0);
	assert_int_equal(cache_key_add_file(&b, path, &err), 0);
	assert_true(a.hash == b.hash);
	assert_int_equal(file_replace(AT_FDCWD, path, "2", 1, 0600, &err), 0);
	assert_int_equal(cache_key_add_file(&c, path, &err), 0);
	assert_true(a.hash != c.hash);
	assert_int_equal(cache_key_add_file(&missing, "/nonexistent", &err), -ENOENT);
	a = key_of("ab");
	cache_key_add_str(&a, "c");
	b = key_of("a");
	cache_key_add_str(&b, "bc");
	assert_true(a.hash != b.hash);
	a = key_of(NULL);
	b = key_of("");
	assert_true(a.hash != b.hash);
}

/* FNV-1a of 128 bits over the byte "n", computed by other means. */
static void hashes_as_published(void **state)
{
	struct cache_key key = key_of(NULL);

	(void)state;
	assert_true((uint64_t)(key.hash >> 64) == 0xd228cb69661a8caf);
	assert_true((uint64_t)key.hash == 0x78912b704e4a7e51);
}

static void refuses_folders_of_others(void **state)
{
	char path[64];
	struct err err = ERR_NONE;

	(void)state;
	snprintf(path, sizeof(path), "%s/open", dir);
	assert_int_equal(mkdir(path, 0700), 0);
	assert_int_equal(chmod(path, 0770), 0);
	assert_int_equal(cache_open(path, &err), -EPERM);
	assert_non_null(strstr(err.msg, path));
}

static void prunes_what_is_old(void **state)
{
	AUTO_CLOSE int cache = open_cache();
	struct cache_key key = key_of("old"), young = key_of("young");
	struct timespec long_ago[2] = { { 1000000, 0 }, { 1000000, 0 } };
	struct err err = ERR_NONE;
	unsigned calls = 0;
	int fd;

	(void)state;
	fd = cache_get(cache, "prune", &key, make_text, &calls, &err);
	assert_int_equal(futimens(fd, long_ago), 0);
	close(fd);
	close(cache_get(cache, "prune", &young, make_text, &calls, &err));
	assert_int_equal(count_entries("prune-"), 1);
	close(cache_get(cache, "prune", &young, make_text, &calls, &err));
	assert_int_equal(calls, 2);
	close(cache_get(cache, "prune", &key, make_text, &calls, &err));
	assert_int_equal(calls, 3);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(makes_once),
		cmocka_unit_test(leaves_nothing_after_failure),
		cmocka_unit_test(takes_over_from_a_killed_maker),
		cmocka_unit_test(one_of_many_makes),
		cmocka_unit_test(keys_tell_files_apart),
		cmocka_unit_test(hashes_as_published),
		cmocka_unit_test(refuses_folders_of_others),
		cmocka_unit_test(prunes_what_is_old),
	};

	return cmocka_run_group_tests(tests, make_dir, remove_dir);
}
