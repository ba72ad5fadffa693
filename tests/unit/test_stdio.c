/* The streams of a process: descriptors of the caller, and the handshake of a console socket. */
#include "base/auto.h"
#include "base/fd.h"
#include "base/path.h"
#include "container/stdio.h"
#include "rpc/vmctl.h"
#include "tests/unit/unit.h"

#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>

struct console {
	char dir[32], path[48];
	int listener;
};

static int make_console(void **state)
{
	struct console *c = calloc(1, sizeof(*c));
	struct sockaddr_un addr = { .sun_family = AF_UNIX };

	assert_non_null(c);
	snprintf(c->dir, sizeof(c->dir), "/tmp/test_stdio.XXXXXX");
	assert_non_null(mkdtemp(c->dir));
	snprintf(c->path, sizeof(c->path), "%s/console", c->dir);
	memcpy(addr.sun_path, c->path, strlen(c->path) + 1);
	c->listener = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	assert_true(c->listener >= 0);
	assert_int_equal(bind(c->listener, (struct sockaddr *)&addr, sizeof(addr)), 0);
	assert_int_equal(listen(c->listener, 1), 0);
	*state = c;
	return 0;
}

static int remove_console(void **state)
{
	struct console *c = *state;
	int r = remove_tree(AT_FDCWD, c->dir);

	close(c->listener);
	free(c);
	return r;
}

/* The one message of the handshake, as conmon and containerd read it. */
static int receive_master(const struct console *c)
{
	AUTO_CLOSE int conn = accept4(c->listener, NULL, NULL, SOCK_CLOEXEC);
	char name[64];
	int fds[FD_PASS_MAX];
	unsigned n = FD_PASS_MAX;
	ssize_t len;

	assert_true(conn >= 0);
	len = fd_recv(conn, name, sizeof(name), fds, &n);
	assert_true(len > 0);
	assert_int_equal(name[len - 1], '\0');
	assert_int_equal(n, 1);
	/* And nothing after it. */
	assert_int_equal(read(conn, name, sizeof(name)), 0);
	return fds[0];
}

static void the_console_gets_a_raw_master(void **state)
{
	static const char bytes[] = "a\r\nb\x03\x04\x1a\x7f";
	const struct console *c = *state;
	struct stdio s = STDIO_INIT;
	struct err err = ERR_NONE;
	AUTO_CLOSE int master = -1;
	char back[64] = "";
	struct termios mode;
	struct winsize ws = { .ws_row = 31, .ws_col = 117 }, seen;

	if (stdio_from_console(&s, c->path, &err) < 0)
		fail_msg("%s", err.msg);
	master = receive_master(c);
	assert_true(s.terminal && s.tty_own && isatty(master));
	assert_int_equal(s.count, 1);
	assert_int_equal(s.stream[0].flags, VMCTL_TO_GUEST | VMCTL_FROM_GUEST);
	assert_true(s.stream[0].token != 0);
	/* Raw: no echo, no lines, no signals, no translation; the guest does all that. */
	assert_int_equal(tcgetattr(s.stream[0].fd, &mode), 0);
	assert_int_equal(mode.c_lflag & (ECHO | ICANON | ISIG | IEXTEN), 0);
	assert_int_equal(mode.c_iflag & (ICRNL | IXON), 0);
	assert_int_equal(mode.c_oflag & OPOST, 0);
	/* Every byte passes as it is, both ways. */
	assert_int_equal(fd_write_all(master, bytes, sizeof(bytes)), 0);
	assert_int_equal(fcntl(s.stream[0].fd, F_GETFL) & O_NONBLOCK, O_NONBLOCK);
	assert_int_equal(fcntl(s.tty_fd, F_GETFL) & O_NONBLOCK, 0);
	assert_int_equal(fd_read_all(s.tty_fd, back, sizeof(bytes)), 0);
	assert_memory_equal(back, bytes, sizeof(bytes));
	assert_int_equal(fd_write_all(s.stream[0].fd, bytes, sizeof(bytes)), 0);
	assert_int_equal(fd_read_all(master, back, sizeof(bytes)), 0);
	assert_memory_equal(back, bytes, sizeof(bytes));
	/* The anchor sees the sizes that the master is given. */
	assert_int_equal(ioctl(master, TIOCSWINSZ, &ws), 0);
	assert_int_equal(ioctl(s.tty_fd, TIOCGWINSZ, &seen), 0);
	assert_int_equal(seen.ws_col, 117);
	/* Afterwards nobody but the console's owner holds the terminal: its reads fail. */
	stdio_done(&s);
	assert_int_equal(s.tty_fd, -1);
	assert_int_equal(read(master, back, 1), -1);
	assert_int_equal(errno, EIO);
}

static void no_console_no_terminal(void **state)
{
	const struct console *c = *state;
	struct stdio s = STDIO_INIT;
	struct err err = ERR_NONE;
	char path[200];

	snprintf(path, sizeof(path), "%s/none", c->dir);
	assert_int_equal(stdio_from_console(&s, path, &err), -ENOENT);
	assert_non_null(strstr(err.msg, path));
	stdio_done(&s);
	memset(path, 'a', sizeof(path) - 1);
	path[sizeof(path) - 1] = '\0';
	err_clear(&err);
	assert_int_equal(stdio_from_console(&s, path, &err), -ENAMETOOLONG);
	assert_non_null(strstr(err.msg, "--console-socket"));
	stdio_done(&s);
}

static void a_terminal_is_one_stream_in_the_message(void **state)
{
	const struct console *c = *state;
	struct stdio s = STDIO_INIT;
	struct err err = ERR_NONE;
	Vmrun__Agent__Stdio m = VMRUN__AGENT__STDIO__INIT;

	assert_int_equal(stdio_from_console(&s, c->path, &err), 0);
	s.rows = 24;
	s.columns = 80;
	stdio_describe(&s, &m);
	assert_true(m.terminal);
	assert_true(m.stdout == s.stream[0].token);
	assert_int_equal(m.stdin, 0);
	assert_int_equal(m.stderr, 0);
	assert_int_equal(m.rows, 24);
	assert_int_equal(m.columns, 80);
	stdio_done(&s);
}

/* What a child with these three descriptors makes of them; in a child, as they are the caller's. */
static void in_a_child(int in, int out, int err_fd, void (*body)(void))
{
	pid_t pid = fork();
	int status;

	assert_true(pid >= 0);
	if (pid == 0) {
		const int fds[3] = { in, out, err_fd };

		for (int i = 0; i < 3; i++) {
			close(i);
			if (fds[i] >= 0 && dup2(fds[i], i) != i)
				_exit(100);
		}
		/* As main() does first: else a closed number becomes that of our next file. */
		if (fds_open_stdio() < 0)
			_exit(101);
		body();
		_exit(0);
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_true(WIFEXITED(status));
	assert_int_equal(WEXITSTATUS(status), 0);
}

/* Where the child cannot print, the line that failed is its exit status. */
#define CHILD_ASSERT(what)                                                                         \
	do {                                                                                       \
		if (!(what))                                                                       \
			_exit(__LINE__ % 200 + 1);                                                 \
	} while (0)

static void check_callers_streams(void)
{
	struct stdio s = STDIO_INIT;
	struct err err = ERR_NONE;
	Vmrun__Agent__Stdio m = VMRUN__AGENT__STDIO__INIT;
	struct stat null, st;

	CHILD_ASSERT(stdio_from_caller(&s, &err) == 0);
	CHILD_ASSERT(!s.terminal && s.count == 3 && s.tty_fd == -1);
	/* A pipe is opened again: our flag is not the caller's. */
	CHILD_ASSERT(s.stream[0].flags == VMCTL_TO_GUEST);
	CHILD_ASSERT(fcntl(s.stream[0].fd, F_GETFL) & O_NONBLOCK);
	CHILD_ASSERT(!(fcntl(0, F_GETFL) & O_NONBLOCK));
	CHILD_ASSERT(fcntl(s.stream[0].fd, F_GETFD) & FD_CLOEXEC);
	/* A file is not: the offset is shared. */
	CHILD_ASSERT(s.stream[1].flags == VMCTL_FROM_GUEST);
	CHILD_ASSERT(fd_write_all(s.stream[1].fd, "text", 4) == 0);
	CHILD_ASSERT(lseek(1, 0, SEEK_CUR) == 4);
	/* A closed one becomes /dev/null. */
	CHILD_ASSERT(s.stream[2].flags == VMCTL_FROM_GUEST);
	CHILD_ASSERT(stat("/dev/null", &null) == 0 && fstat(s.stream[2].fd, &st) == 0);
	CHILD_ASSERT(st.st_rdev == null.st_rdev);
	stdio_describe(&s, &m);
	CHILD_ASSERT(!m.terminal && m.stdin && m.stdout && m.stderr);
	CHILD_ASSERT(m.stdin != m.stdout && m.stdout != m.stderr && m.stdin != m.stderr);
	/* The end of a stream is the end of the pipe whose other end vmrun-vm has. */
	for (unsigned i = 0; i < s.count; i++) {
		char byte;

		close_fd(&s.stream[i].done_out);
		CHILD_ASSERT(read(s.stream[i].done_in, &byte, 1) == 0);
	}
	stdio_done(&s);
	CHILD_ASSERT(s.count == 0);
}

static void the_callers_streams(void **state)
{
	AUTO_CLOSE int file = memfd_create("stdout", MFD_CLOEXEC);
	int pipefd[2];

	(void)state;
	assert_true(file >= 0);
	assert_int_equal(pipe2(pipefd, O_CLOEXEC), 0);
	in_a_child(pipefd[0], file, -1, check_callers_streams);
	close(pipefd[0]);
	close(pipefd[1]);
}

static void check_all_closed(void)
{
	struct stdio s = STDIO_INIT;
	struct err err = ERR_NONE;

	CHILD_ASSERT(stdio_from_caller(&s, &err) == 0);
	CHILD_ASSERT(s.count == 3);
	for (unsigned i = 0; i < 3; i++)
		CHILD_ASSERT(fcntl(s.stream[i].fd, F_GETFL) >= 0);
	/* Every stream has a descriptor of its own. */
	CHILD_ASSERT(s.stream[0].fd != s.stream[1].fd && s.stream[1].fd != s.stream[2].fd);
	stdio_done(&s);
}

static void a_caller_without_streams(void **state)
{
	(void)state;
	in_a_child(-1, -1, -1, check_all_closed);
}

static void check_terminal(void)
{
	struct stdio s = STDIO_INIT;
	struct err err = ERR_NONE;
	struct termios before, during, after;

	CHILD_ASSERT(tcgetattr(0, &before) == 0 && (before.c_lflag & ICANON));
	CHILD_ASSERT(stdio_from_terminal(&s, &err) == 0);
	CHILD_ASSERT(s.terminal && !s.tty_own && s.raw && s.count == 1);
	CHILD_ASSERT(s.rows == 5 && s.columns == 6);
	CHILD_ASSERT(tcgetattr(0, &during) == 0 && !(during.c_lflag & (ICANON | ECHO)));
	CHILD_ASSERT(!(during.c_oflag & OPOST));
	CHILD_ASSERT(!(fcntl(0, F_GETFL) & O_NONBLOCK));
	stdio_done(&s);
	CHILD_ASSERT(tcgetattr(0, &after) == 0 && after.c_lflag == before.c_lflag);
}

static void check_no_terminal(void)
{
	struct stdio s = STDIO_INIT;
	struct err err = ERR_NONE;

	/* Whoever runs the test may have one. */
	CHILD_ASSERT(setsid() > 0);
	CHILD_ASSERT(stdio_from_terminal(&s, &err) == -ENXIO);
	CHILD_ASSERT(strstr(err.msg, "--console-socket"));
	stdio_done(&s);
}

/* Input comes from a file, output goes to the terminal that is made raw. */
static void check_input_apart(void)
{
	struct stdio s = STDIO_INIT;
	struct err err = ERR_NONE;
	struct termios mode;
	Vmrun__Agent__Stdio m = VMRUN__AGENT__STDIO__INIT;

	CHILD_ASSERT(stdio_from_terminal(&s, &err) == 0);
	CHILD_ASSERT(s.terminal && s.raw && s.count == 2 && s.rows == 5);
	CHILD_ASSERT(s.stream[0].flags == VMCTL_TO_GUEST && !isatty(s.stream[0].fd));
	CHILD_ASSERT(s.stream[1].flags == VMCTL_FROM_GUEST && isatty(s.stream[1].fd));
	CHILD_ASSERT(tcgetattr(1, &mode) == 0 && !(mode.c_lflag & ICANON));
	/* The guest leaves ends of lines to it. */
	CHILD_ASSERT(mode.c_oflag & OPOST);
	stdio_describe(&s, &m);
	CHILD_ASSERT(m.terminal && m.stdin == s.stream[0].token && m.stdout == s.stream[1].token);
	stdio_done(&s);
	CHILD_ASSERT(tcgetattr(1, &mode) == 0 && (mode.c_lflag & ICANON));
}

static void our_own_terminal(void **state)
{
	AUTO_CLOSE int master = posix_openpt(O_RDWR | O_NOCTTY | O_CLOEXEC);
	AUTO_CLOSE int slave = -1, file = memfd_create("stdin", MFD_CLOEXEC);
	struct winsize ws = { .ws_row = 5, .ws_col = 6 };

	(void)state;
	assert_true(master >= 0 && file >= 0);
	assert_int_equal(grantpt(master), 0);
	assert_int_equal(unlockpt(master), 0);
	assert_int_equal(ioctl(master, TIOCSWINSZ, &ws), 0);
	slave = ioctl(master, TIOCGPTPEER, O_RDWR | O_NOCTTY | O_CLOEXEC);
	assert_true(slave >= 0);
	in_a_child(slave, slave, slave, check_terminal);
	in_a_child(file, slave, slave, check_input_apart);
	in_a_child(file, file, file, check_no_terminal);
}

/* Every stream is asked for with both its descriptors, and we keep only the end to wait on. */
static void streams_are_handed_over(void **state)
{
	const struct console *c = *state;
	struct stdio s = STDIO_INIT;
	struct err err = ERR_NONE;
	struct vmctl_request req;
	int sv[2], fds[FD_PASS_MAX];
	unsigned n = FD_PASS_MAX;
	uint64_t token;
	char byte;

	assert_int_equal(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, sv), 0);
	assert_int_equal(stdio_from_console(&s, c->path, &err), 0);
	token = s.stream[0].token;
	assert_int_equal(stdio_connect(&s, sv[0], &err), 0);
	assert_int_equal(
		fd_recv(sv[1], &req, sizeof(req), fds, &n), vmctl_request_size(VMCTL_CONNECT));
	assert_int_equal(req.op, VMCTL_CONNECT);
	assert_int_equal(req.u.connect.has_preamble, 1);
	assert_true(req.u.connect.preamble == token);
	assert_int_equal(n, 2);
	assert_true(isatty(fds[0]));
	assert_int_equal(s.stream[0].fd, -1);
	assert_int_equal(s.stream[0].done_out, -1);
	close(fds[0]);
	close(fds[1]);
	assert_int_equal(read(s.stream[0].done_in, &byte, 1), 0);
	/* vmrun-vm refuses, then goes away. */
	{
		struct vmctl_reply no = {
			.size = sizeof(no), .kind = VMCTL_REPLY, .code = ECONNREFUSED
		};

		snprintf(no.msg, sizeof(no.msg), "nobody listens");
		assert_int_equal(fd_send(sv[1], &no, sizeof(no), NULL, 0), 0);
	}
	assert_int_equal(stdio_connected(&s, sv[0], &err), -ECONNREFUSED);
	assert_string_equal(err.msg, "cannot connect the streams: nobody listens");
	close(sv[1]);
	err_clear(&err);
	assert_int_equal(stdio_connected(&s, sv[0], &err), -EPIPE);
	close(sv[0]);
	stdio_done(&s);
}

int main(void)
{
#define WITH_CONSOLE(f) cmocka_unit_test_setup_teardown(f, make_console, remove_console)
	const struct CMUnitTest tests[] = {
		WITH_CONSOLE(the_console_gets_a_raw_master),
		WITH_CONSOLE(no_console_no_terminal),
		WITH_CONSOLE(a_terminal_is_one_stream_in_the_message),
		cmocka_unit_test(the_callers_streams),
		cmocka_unit_test(a_caller_without_streams),
		cmocka_unit_test(our_own_terminal),
		WITH_CONSOLE(streams_are_handed_over),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
