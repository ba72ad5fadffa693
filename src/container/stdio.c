/* The streams of a process: see stdio.h. */
#include "container/stdio.h"

#include "base/auto.h"
#include "base/fd.h"
#include "rpc/vmclient.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/random.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

/*
 * A description of our own with O_NONBLOCK, because setting the flag on the caller's would change
 * it for the caller too. Only where opening again means the same thing: pipes and terminals.
 * Anything else, and what may not be opened again, is passed as it is.
 */
static int nonblocking_copy(int fd, int access)
{
	struct stat st;
	char path[32];
	int copy = -1;

	if (fstat(fd, &st) < 0)
		return -errno;
	snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	if (S_ISFIFO(st.st_mode) || isatty(fd))
		copy = open(path, access | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
	if (copy < 0)
		copy = fcntl(fd, F_DUPFD_CLOEXEC, 3);
	return copy < 0 ? -errno : copy;
}

/* Without the pipe that tells of its end. */
static int add_plain(struct stdio *s, int fd, uint32_t flags, struct err *err)
{
	struct stream *st = &s->stream[s->count];

	st->fd = fd;
	st->flags = flags;
	st->done_in = st->done_out = -1;
	s->count++;
	do {
		if (getrandom(&st->token, sizeof(st->token), 0) != (ssize_t)sizeof(st->token))
			return err_sys(err, errno, "getrandom");
	} while (st->token == 0); /* 0 means no stream */
	return 0;
}

static int make_pipe(int *in, int *out, struct err *err)
{
	int fds[2];

	if (pipe2(fds, O_CLOEXEC) < 0)
		return err_sys(err, errno, "pipe");
	*in = fds[0];
	*out = fds[1];
	return 0;
}

static int add_stream(struct stdio *s, int fd, uint32_t flags, struct err *err)
{
	struct stream *st = &s->stream[s->count];
	int r = add_plain(s, fd, flags, err);

	return r ? r : make_pipe(&st->done_in, &st->done_out, err);
}

/* The pipe is one for all: it ends when the last of them has let go of it. */
int stdio_add(
	struct stdio *s, int fd, bool readable, bool writable, uint64_t *token, struct err *err)
{
	uint32_t flags = (readable ? VMCTL_TO_GUEST : 0U) | (writable ? VMCTL_FROM_GUEST : 0U);
	int copy = nonblocking_copy(fd, readable && writable ? O_RDWR
					: readable	     ? O_RDONLY
							     : O_WRONLY);
	struct stream *st = &s->stream[s->count];
	int r;

	if (copy < 0)
		return err_sys(err, -copy, "descriptor %d", fd);
	if (s->count == STREAMS_MAX) {
		close(copy);
		return err_set(err, E2BIG, "descriptor %d: too many streams", fd);
	}
	r = add_plain(s, copy, flags, err);
	if (r == 0 && writable && s->more_done_out < 0)
		r = make_pipe(&s->more_done_in, &s->more_done_out, err);
	if (r < 0)
		return r;
	*token = st->token;
	if (!writable)
		return 0;
	st->done_out = fcntl(s->more_done_out, F_DUPFD_CLOEXEC, DESCRIPTOR_FIRST);
	return st->done_out < 0 ? err_sys(err, errno, "descriptor %d", fd) : 0;
}

int stdio_from_caller(struct stdio *s, struct err *err)
{
	static const struct {
		int access;
		uint32_t flags;
	} side[STDIO_STREAMS_MAX] = {
		{ O_RDONLY, VMCTL_TO_GUEST },
		{ O_WRONLY, VMCTL_FROM_GUEST },
		{ O_WRONLY, VMCTL_FROM_GUEST },
	};

	for (int i = 0; i < STDIO_STREAMS_MAX; i++) {
		int fd = nonblocking_copy(i, side[i].access), r;

		if (fd < 0)
			return err_sys(err, -fd, "descriptor %d", i);
		r = add_stream(s, fd, side[i].flags, err);
		if (r < 0)
			return r;
	}
	return 0;
}

static void take_size(struct stdio *s, int fd)
{
	struct winsize ws;

	if (ioctl(fd, TIOCGWINSZ, &ws) == 0) {
		s->rows = ws.ws_row;
		s->columns = ws.ws_col;
	}
}

static int add_terminal(struct stdio *s, int fd, struct err *err)
{
	s->terminal = true;
	take_size(s, fd);
	return add_stream(s, fd, VMCTL_TO_GUEST | VMCTL_FROM_GUEST, err);
}

int stdio_hand_out(const char *option, const char *path, const char *name, int fd, struct err *err)
{
	AUTO_CLOSE int sock = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	struct sockaddr_un addr = { .sun_family = AF_UNIX };
	int r;

	if (strlen(path) >= sizeof(addr.sun_path))
		return err_set(err, ENAMETOOLONG, "%s %s: the path is too long", option, path);
	memcpy(addr.sun_path, path, strlen(path) + 1);
	if (sock < 0 || connect(sock, (struct sockaddr *)&addr, sizeof(addr)) < 0)
		return err_sys(err, errno, "%s %s", option, path);
	r = fd_send(sock, name, strlen(name) + 1, &fd, 1);
	return r < 0 ? err_sys(err, -r, "%s %s", option, path) : 0;
}

int stdio_from_console(struct stdio *s, const char *console, struct err *err)
{
	AUTO_CLOSE int master = posix_openpt(O_RDWR | O_NOCTTY | O_CLOEXEC);
	AUTO_CLOSE int slave = -1;
	struct termios mode;
	int r;

	if (master < 0 || grantpt(master) < 0 || unlockpt(master) < 0)
		return err_sys(err, errno, "cannot make a terminal");
	slave = ioctl(master, TIOCGPTPEER, O_RDWR | O_NOCTTY | O_CLOEXEC | O_NONBLOCK);
	s->tty_fd = ioctl(master, TIOCGPTPEER, O_RDWR | O_NOCTTY | O_CLOEXEC);
	if (slave < 0 || s->tty_fd < 0 || tcgetattr(slave, &mode) < 0)
		return err_sys(err, errno, "cannot make a terminal");
	/* The line discipline is the guest's: this one passes bytes. Before anybody has the master.
	 */
	cfmakeraw(&mode);
	if (tcsetattr(slave, TCSANOW, &mode) < 0)
		return err_sys(err, errno, "cannot make the terminal raw");
	s->tty_own = true;
	r = stdio_hand_out("--console-socket", console, "/dev/ptmx", master, err);
	return r ? r : add_terminal(s, steal_fd(&slave), err);
}

/* A copy for us, whatever becomes of the streams. */
static int open_own_terminal(struct err *err)
{
	int fd = -1;

	for (int i = 2; i >= 0 && fd < 0; i--)
		if (isatty(i))
			fd = fcntl(i, F_DUPFD_CLOEXEC, 3);
	if (fd < 0)
		fd = open("/dev/tty", O_RDWR | O_NOCTTY | O_CLOEXEC);
	return fd < 0 ? err_sys(err, errno,
				"a terminal is asked for, but no standard stream is one (use "
				"--console-socket, or no terminal): /dev/tty")
		      : fd;
}

static int make_raw(struct stdio *s, struct err *err)
{
	struct termios mode;

	if (tcgetattr(s->tty_fd, &s->saved) < 0)
		return err_sys(err, errno, "terminal");
	mode = s->saved;
	cfmakeraw(&mode);
	/* The guest's ends lines with "\r\n" only where this is all that its output goes to. */
	if (s->apart)
		mode.c_oflag |= s->saved.c_oflag & OPOST;
	if (tcsetattr(s->tty_fd, TCSADRAIN, &mode) < 0)
		return err_sys(err, errno, "cannot make the terminal raw");
	s->raw = true;
	return 0;
}

static bool same_terminal(int a, int b)
{
	struct stat x, y;

	return isatty(a) && isatty(b) && fstat(a, &x) == 0 && fstat(b, &y) == 0 &&
	       x.st_rdev == y.st_rdev;
}

/* One direction of the terminal. */
static int add_side(struct stdio *s, int fd, int access, uint32_t flags, struct err *err)
{
	int copy = nonblocking_copy(fd, access);

	return copy < 0 ? err_sys(err, -copy, "descriptor %d", fd)
			: add_stream(s, copy, flags, err);
}

int stdio_from_terminal(struct stdio *s, struct err *err)
{
	int r;

	s->tty_fd = open_own_terminal(err);
	if (s->tty_fd < 0)
		return s->tty_fd;
	take_size(s, s->tty_fd);
	s->terminal = true;
	s->apart = !same_terminal(STDIN_FILENO, STDOUT_FILENO);
	if (s->apart) {
		r = add_side(s, STDIN_FILENO, O_RDONLY, VMCTL_TO_GUEST, err);
		if (r == 0)
			r = add_side(s, STDOUT_FILENO, O_WRONLY, VMCTL_FROM_GUEST, err);
	} else {
		r = add_side(s, STDIN_FILENO, O_RDWR, VMCTL_TO_GUEST | VMCTL_FROM_GUEST, err);
	}
	return r ? r : make_raw(s, err);
}

void stdio_describe(const struct stdio *s, Vmrun__Agent__Stdio *ret)
{
	ret->terminal = s->terminal;
	if (s->terminal) {
		ret->stdout = s->stream[s->apart].token;
		if (s->apart)
			ret->stdin = s->stream[0].token;
		if (s->rows && s->columns) {
			ret->rows = s->rows;
			ret->columns = s->columns;
		}
		return;
	}
	ret->stdin = s->stream[0].token;
	ret->stdout = s->stream[1].token;
	ret->stderr = s->stream[2].token;
}

int stdio_connect(struct stdio *s, int ctl, struct err *err)
{
	for (unsigned i = 0; i < s->count; i++) {
		struct stream *st = &s->stream[i];
		const int fds[2] = { st->fd, st->done_out };
		int r = vmclient_send_stream(
			ctl, st->token, st->flags, fds, st->done_out < 0 ? 1 : 2, err);

		if (r < 0)
			return r;
		/* Only vmrun-vm holds them now, so that their end is seen. */
		close_fd(&st->fd);
		close_fd(&st->done_out);
	}
	close_fd(&s->more_done_out);
	return 0;
}

int stdio_connected(struct stdio *s, int ctl, struct err *err)
{
	for (unsigned i = 0; i < s->count; i++) {
		int r = vmclient_reply(ctl, err);

		if (r < 0)
			return err_prefix(err, "cannot connect the streams: ");
	}
	return 0;
}

void stdio_done(struct stdio *s)
{
	if (s->raw)
		(void)tcsetattr(s->tty_fd, TCSADRAIN, &s->saved);
	s->raw = false;
	for (unsigned i = 0; i < s->count; i++) {
		close_fd(&s->stream[i].fd);
		close_fd(&s->stream[i].done_in);
		close_fd(&s->stream[i].done_out);
	}
	s->count = 0;
	close_fd(&s->more_done_in);
	close_fd(&s->more_done_out);
	close_fd(&s->tty_fd);
}
