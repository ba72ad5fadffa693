/* Kinds of descriptors: each that there is, made here, and what is said of it. */
#include "base/auto.h"
#include "container/fd_kind.h"
#include "tests/unit/unit.h"

#include <fcntl.h>
#include <netinet/in.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/inotify.h>
#include <sys/mman.h>
#include <sys/pidfd.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/timerfd.h>
#include <sys/un.h>

static void crosses(int fd, enum fd_kind kind, bool readable, bool writable)
{
	struct fd_facts facts;
	struct err err = ERR_NONE;

	assert_true(fd >= 0);
	if (fd_classify(fd, "--preserve-fds", 5, &facts, &err) < 0)
		fail_msg("%s", err.msg);
	assert_int_equal(facts.kind, kind);
	assert_int_equal(facts.readable, readable);
	assert_int_equal(facts.writable, writable);
}

static void refused(int fd, const char *name)
{
	struct fd_facts facts;
	struct err err = ERR_NONE;
	char wanted[256];

	assert_true(fd >= 0);
	snprintf(wanted, sizeof(wanted),
		"--preserve-fds: descriptor 5 is %s, which cannot cross into a virtual machine",
		name);
	assert_int_equal(fd_classify(fd, "--preserve-fds", 5, &facts, &err), -ENOTSUP);
	assert_string_equal(err.msg, wanted);
	close(fd);
}

static void pipes_and_sockets(void **state)
{
	int fds[2];

	(void)state;
	assert_int_equal(pipe2(fds, O_CLOEXEC), 0);
	crosses(fds[0], FD_STREAM, true, false);
	crosses(fds[1], FD_STREAM, false, true);
	close(fds[0]);
	close(fds[1]);
	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fds), 0);
	crosses(fds[0], FD_STREAM, true, true);
	close(fds[0]);
	close(fds[1]);
	assert_int_equal(socketpair(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0, fds), 0);
	refused(fds[0], "a datagram socket");
	close(fds[1]);
	assert_int_equal(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, fds), 0);
	refused(fds[0], "a socket of packets");
	close(fds[1]);
	refused(socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0), "a socket without connection");
	refused(socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, 0), "a raw socket");
	refused(socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0), "a datagram socket");
}

static void both_ends_of_a_pipe(void **state)
{
	char path[] = "/tmp/test_fd_kind.XXXXXX";

	(void)state;
	assert_non_null(mkdtemp(path));
	{
		char fifo[64];

		snprintf(fifo, sizeof(fifo), "%s/fifo", path);
		assert_int_equal(mkfifo(fifo, 0600), 0);
		refused(open(fifo, O_RDWR | O_CLOEXEC),
			"a pipe opened for both reading and writing");
		refused(open(fifo, O_PATH | O_CLOEXEC), "a descriptor of a name only (O_PATH)");
		unlink(fifo);
	}
	rmdir(path);
}

static void listening_sockets(void **state)
{
	struct sockaddr_un un = { .sun_family = AF_UNIX };
	struct sockaddr_in6 in6 = { .sin6_family = AF_INET6 };
	AUTO_CLOSE int a = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	AUTO_CLOSE int b = socket(AF_INET6, SOCK_STREAM | SOCK_CLOEXEC, 0);

	(void)state;
	assert_int_equal(bind(a, (struct sockaddr *)&un, sizeof(sa_family_t)), 0);
	assert_int_equal(listen(a, 1), 0);
	crosses(a, FD_LISTENER, true, true);
	if (b < 0 || bind(b, (struct sockaddr *)&in6, sizeof(in6)) < 0 || listen(b, 1) < 0)
		return; /* no IPv6 here */
	crosses(b, FD_LISTENER, true, true);
}

static void files(void **state)
{
	AUTO_CLOSE int memory = memfd_create("x", MFD_CLOEXEC);
	AUTO_CLOSE int dir = open("/", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	AUTO_CLOSE int name = open("/", O_PATH | O_CLOEXEC);
	AUTO_CLOSE int file = open("/etc/passwd", O_RDONLY | O_CLOEXEC);
	struct fd_facts facts;
	struct err err = ERR_NONE;

	(void)state;
	crosses(memory, FD_FILE, true, true);
	crosses(dir, FD_FILE, true, false);
	crosses(name, FD_FILE, true, false);
	assert_int_equal(lseek(file, 7, SEEK_SET), 7);
	assert_int_equal(fd_classify(file, "x", 3, &facts, &err), 0);
	assert_int_equal(facts.offset, 7);
	assert_false(facts.directory);
	assert_int_equal(facts.flags & O_ACCMODE, O_RDONLY);
	refused(open("/proc/version", O_RDONLY | O_CLOEXEC), "a file of the host's proc");
	refused(open("/sys/kernel", O_RDONLY | O_CLOEXEC), "a file of the host's sysfs");
	refused(open("/proc/self/ns/uts", O_RDONLY | O_CLOEXEC), "a namespace");
}

static void devices(void **state)
{
	static const char *const same[] = { "/dev/null", "/dev/zero", "/dev/full", "/dev/random",
		"/dev/urandom" };
	AUTO_CLOSE int terminal = posix_openpt(O_RDWR | O_NOCTTY | O_CLOEXEC);
	int other;

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(same); i++) {
		AUTO_CLOSE int fd = open(same[i], O_RDONLY | O_CLOEXEC);

		crosses(fd, FD_DEVICE, true, false);
	}
	crosses(terminal, FD_STREAM, true, true);
	other = open("/dev/fuse", O_RDWR | O_CLOEXEC);
	if (other >= 0)
		refused(other, "a device of the host");
}

static void objects(void **state)
{
	sigset_t none;

	(void)state;
	sigemptyset(&none);
	refused(eventfd(0, EFD_CLOEXEC), "an eventfd");
	refused(epoll_create1(EPOLL_CLOEXEC), "an epoll instance");
	refused(signalfd(-1, &none, SFD_CLOEXEC), "a signalfd");
	refused(timerfd_create(CLOCK_MONOTONIC, TFD_CLOEXEC), "a timerfd");
	refused(inotify_init1(IN_CLOEXEC), "an inotify instance");
	refused(pidfd_open(getpid(), 0), "a pidfd");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(pipes_and_sockets),
		cmocka_unit_test(both_ends_of_a_pipe),
		cmocka_unit_test(listening_sockets),
		cmocka_unit_test(files),
		cmocka_unit_test(devices),
		cmocka_unit_test(objects),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
