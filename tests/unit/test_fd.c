/* Descriptors: passing, whole files, atomic replacement. */
#include "base/auto.h"
#include "base/fd.h"
#include "tests/unit/unit.h"

#include <fcntl.h>
#include <string.h>
#include <sys/socket.h>

static void passes_descriptors(void **state)
{
	int sv[2], pipefd[2], got[2];
	unsigned n = 2;
	char data[8], c;

	(void)state;
	assert_int_equal(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, sv), 0);
	assert_int_equal(pipe(pipefd), 0);
	assert_int_equal(fd_send(sv[0], "hi", 2, pipefd, 2), 0);
	assert_int_equal(fd_recv(sv[1], data, sizeof(data), got, &n), 2);
	assert_int_equal(n, 2);
	assert_int_equal(fcntl(got[0], F_GETFD), FD_CLOEXEC);
	assert_int_equal(write(got[1], "x", 1), 1);
	assert_int_equal(read(pipefd[0], &c, 1), 1);
	for (int i = 0; i < 2; i++) {
		close(pipefd[i]);
		close(got[i]);
	}
	close(sv[0]);
	n = 2;
	assert_int_equal(fd_recv(sv[1], data, sizeof(data), got, &n), 0);
	close(sv[1]);
}

static void refuses_too_many_descriptors_and_leaks_none(void **state)
{
	int sv[2], fds[3] = { 0, 0, 0 }, got[1], before, after;
	unsigned n = 1;
	char data[8];

	(void)state;
	assert_int_equal(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, sv), 0);
	before = dup(0);
	close(before);
	assert_int_equal(fd_send(sv[0], "hi", 2, fds, 3), 0);
	assert_int_equal(fd_recv(sv[1], data, sizeof(data), got, &n), -EMSGSIZE);
	assert_int_equal(n, 0);
	after = dup(0);
	assert_int_equal(before, after);
	close(after);
	close(sv[0]);
	close(sv[1]);
}

static void replaces_files(void **state)
{
	AUTO(buf_done) struct buf b = { 0 };
	char path[] = "/tmp/test_fd.XXXXXX";
	struct err err = ERR_NONE;

	(void)state;
	close(mkstemp(path));
	assert_int_equal(file_replace(AT_FDCWD, path, "content", 7, 0600, &err), 0);
	assert_int_equal(file_read(AT_FDCWD, path, 7, &b, &err), 0);
	assert_string_equal(buf_str(&b), "content");
	assert_int_equal(file_read(AT_FDCWD, path, 6, &b, &err), -EFBIG);
	err_clear(&err);
	unlink(path);
	assert_int_equal(file_read(AT_FDCWD, path, 6, &b, &err), -ENOENT);
	assert_non_null(strstr(err.msg, path));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(passes_descriptors),
		cmocka_unit_test(refuses_too_many_descriptors_and_leaks_none),
		cmocka_unit_test(replaces_files),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
