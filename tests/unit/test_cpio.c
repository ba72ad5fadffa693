/* The archive writer, read back by an own reader and by cpio(1) where it is installed. */
#include "base/fd.h"
#include "guest/cpio.h"
#include "tests/unit/newc.h"
#include "tests/unit/unit.h"

#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>
#include <sys/wait.h>

static void make_archive(struct cpio *c)
{
	assert_int_equal(cpio_dir(c, "dev", 0755), 0);
	assert_int_equal(cpio_char_dev(c, "dev/console", 0600, 5, 1), 0);
	assert_int_equal(cpio_file(c, "init", 0755, "#!agent", 7), 0);
	assert_int_equal(cpio_file(c, "empty", 0644, NULL, 0), 0);
	assert_int_equal(cpio_file(c, "a-longer-name.txt", 0600, "12345678", 8), 0);
	assert_int_equal(cpio_finish(c), 0);
}

static void reads_back(void **state)
{
	static const struct {
		const char *name, *content;
		unsigned mode, nlink;
	} want[] = {
		{ "dev", "", S_IFDIR | 0755, 2 },
		{ "dev/console", "", S_IFCHR | 0600, 1 },
		{ "init", "#!agent", S_IFREG | 0755, 1 },
		{ "empty", "", S_IFREG | 0644, 1 },
		{ "a-longer-name.txt", "12345678", S_IFREG | 0600, 1 },
	};
	AUTO(cpio_done) struct cpio c = { 0 };
	struct newc_entry e;
	size_t at = 0, n = 0;

	(void)state;
	make_archive(&c);
	for (; newc_next(c.bytes.data, c.bytes.len, &at, &e); n++) {
		assert_true(n < ARRAY_LEN(want));
		assert_string_equal(e.name, want[n].name);
		assert_int_equal(e.mode, want[n].mode);
		assert_int_equal(e.nlink, want[n].nlink);
		assert_int_equal(e.len, strlen(want[n].content));
		assert_memory_equal(e.data, want[n].content, e.len);
		assert_int_equal(e.uid | e.gid | e.mtime, 0);
		/* Equal inode numbers would make hard links of files. */
		assert_int_equal(e.ino, n + 1);
		if (S_ISCHR(e.mode)) {
			assert_int_equal(e.rdev_major, 5);
			assert_int_equal(e.rdev_minor, 1);
		}
	}
	assert_int_equal(n, ARRAY_LEN(want));
}

/* Runs cpio on the archive; its list goes to the returned string. */
static char *list_with_cpio(const char *archive)
{
	AUTO(buf_done) struct buf out = { 0 };
	int fds[2], status;
	pid_t pid;

	assert_int_equal(pipe2(fds, O_CLOEXEC), 0);
	pid = fork();
	if (pid == 0) {
		int in = open(archive, O_RDONLY);

		dup2(in, 0);
		dup2(fds[1], 1);
		execlp("cpio", "cpio", "--quiet", "-t", "-H", "newc", (char *)NULL);
		_exit(127);
	}
	assert_true(pid > 0);
	close(fds[1]);
	assert_int_equal(fd_read_to_end(fds[0], 4096, &out), 0);
	close(fds[0]);
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_true(WIFEXITED(status));
	if (WEXITSTATUS(status) == 127)
		return NULL;
	assert_int_equal(WEXITSTATUS(status), 0);
	return strdup(buf_str(&out));
}

static void cpio_lists_it(void **state)
{
	AUTO(cpio_done) struct cpio c = { 0 };
	AUTO_FREE char *list = NULL;
	char path[] = "/tmp/test_cpio.XXXXXX";
	int fd = mkstemp(path);

	(void)state;
	make_archive(&c);
	assert_int_equal(fd_write_all(fd, c.bytes.data, c.bytes.len), 0);
	close(fd);
	list = list_with_cpio(path);
	unlink(path);
	if (!list) {
		print_message("cpio is not installed\n");
		skip();
	}
	assert_string_equal(list, "dev\ndev/console\ninit\nempty\na-longer-name.txt\n");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(reads_back),
		cmocka_unit_test(cpio_lists_it),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
