/* Standard streams of processes: see stdio.h. */
#include "agent/stdio.h"

#include "agent/duplex.h"
#include "agent/pump.h"
#include "base/fd.h"

#include <fcntl.h>
#include <sys/ioctl.h>

/* How long something else may keep the pipes of a process open after its end. */
#define GRACE_MS 2000

static const Vmrun__Agent__Stdio no_streams = VMRUN__AGENT__STDIO__INIT;

/* Nothing more will come: neither a pump runs nor does a pipe wait for its connection. */
static bool stream_ended(const struct stdio_stream *s)
{
	return !s->pump && s->fd < 0;
}

static bool more_ended(const struct stdio *io)
{
	for (unsigned i = 0; i < io->more_count; i++)
		if (io->more[i].duplex)
			return false;
	return true;
}

static void check_drained(struct stdio *io)
{
	if (!io->ended || io->drained || io->tty_claim || !stream_ended(&io->out) ||
		!stream_ended(&io->error) || !more_ended(io))
		return;
	io->drained = true;
	loop_timer_free(io->grace);
	io->grace = NULL;
	io->told(io->arg);
}

static void on_pump_end(void *arg)
{
	struct stdio_stream *s = arg;

	s->pump = NULL;
	check_drained(s->io);
}

/* Joins the two descriptors, both owned by the pump; without one the stream has ended. */
static void start_pump(struct stdio_stream *s, int process_end, int connection)
{
	int src = s->output ? process_end : connection;
	int dst = s->output ? connection : process_end;

	if (src < 0 || dst < 0) {
		close_fd(&src);
		close_fd(&dst);
	} else if (pump_new(s->io->loop, src, dst, on_pump_end, s, &s->pump) < 0) {
		s->pump = NULL;
	}
	check_drained(s->io);
}

static void on_connection(void *arg, int fd)
{
	struct stdio_stream *s = arg;
	int process_end = steal_fd(&s->fd);

	if (fd_set_nonblock(fd, true) < 0)
		close_fd(&fd);
	start_pump(s, process_end, fd);
}

static void start_terminal(struct stdio *io)
{
	int connection = steal_fd(&io->connection);
	int out = fcntl(io->tty, F_DUPFD_CLOEXEC, 3);

	if (!io->own_input)
		start_pump(&io->in, fcntl(io->tty, F_DUPFD_CLOEXEC, 3),
			fcntl(connection, F_DUPFD_CLOEXEC, 3));
	io->out.fd = -1;
	start_pump(&io->out, out, connection);
}

/* When it ends the terminal stays as it is: a line that hangs up is not what its user means. */
static void start_input(struct stdio *io)
{
	start_pump(&io->in, fcntl(io->tty, F_DUPFD_CLOEXEC, 3), steal_fd(&io->input));
}

static void on_tty_input(void *arg, int fd)
{
	struct stdio *io = arg;

	if (fd_set_nonblock(fd, true) < 0) {
		close(fd);
		return;
	}
	io->input = fd;
	if (io->tty >= 0)
		start_input(io);
}

static void on_tty_connection(void *arg, int fd)
{
	struct stdio *io = arg;

	if (fd_set_nonblock(fd, true) < 0) {
		close(fd);
		return;
	}
	io->connection = fd;
	if (io->tty >= 0)
		start_terminal(io);
}

void stdio_set_terminal(struct stdio *io, int master)
{
	io->tty = master;
	if (fd_set_nonblock(master, true) < 0)
		return;
	if (io->connection >= 0)
		start_terminal(io);
	if (io->input >= 0)
		start_input(io);
}

int stdio_resize(struct stdio *io, uint32_t rows, uint32_t columns)
{
	struct winsize size = { .ws_row = (unsigned short)rows, .ws_col = (unsigned short)columns };

	if (io->tty < 0)
		return -ENOTTY;
	return ioctl(io->tty, TIOCSWINSZ, &size) < 0 ? -errno : 0;
}

/* A pipe of which *child gets the process's end; claims the token. Without a token: nothing. */
static int stream_init(
	struct stdio_stream *s, struct stream_hub *hub, uint64_t token, int *child, struct err *err)
{
	int fds[2], r;

	if (token == 0)
		return 0;
	if (pipe2(fds, O_CLOEXEC) < 0)
		return err_sys(err, errno, "pipe");
	*child = fds[s->output];
	s->fd = fds[!s->output];
	r = fd_set_nonblock(s->fd, true);
	if (r == 0)
		r = stream_claim(hub, token, on_connection, s, &s->claim);
	return r < 0 ? err_sys(err, -r, "stdio: claim of stream %llx", (unsigned long long)token)
		     : 0;
}

static int terminal_init(
	struct stdio *io, struct stream_hub *hub, const Vmrun__Agent__Stdio *spec, struct err *err)
{
	int r = 0;

	io->own_input = spec->stdin != 0;
	if (spec->stdout)
		r = stream_claim(hub, spec->stdout, on_tty_connection, io, &io->tty_claim);
	if (r == 0 && io->own_input)
		r = stream_claim(hub, spec->stdin, on_tty_input, io, &io->in.claim);
	return r < 0 ? err_sys(err, -r, "stdio: claim of the terminal's stream") : 0;
}

int stdio_init(struct stdio *io, struct loop *loop, struct stream_hub *hub,
	const Vmrun__Agent__Stdio *spec, void (*told)(void *arg), void *arg, int child[3],
	struct err *err)
{
	int r;

	spec = spec ? spec : &no_streams;
	*io = (struct stdio){
		.loop = loop,
		.in = { .io = io, .fd = -1 },
		.out = { .io = io, .fd = -1, .output = true },
		.error = { .io = io, .fd = -1, .output = true },
		.terminal = spec->terminal,
		.tty = -1,
		.connection = -1,
		.input = -1,
		.told = told,
		.arg = arg,
	};
	child[0] = child[1] = child[2] = -1;
	if (spec->terminal)
		return terminal_init(io, hub, spec, err);
	r = stream_init(&io->in, hub, spec->stdin, &child[0], err);
	if (r == 0)
		r = stream_init(&io->out, hub, spec->stdout, &child[1], err);
	if (r == 0)
		r = stream_init(&io->error, hub, spec->stderr, &child[2], err);
	return r;
}

static void on_more_end(void *arg)
{
	struct stdio_more *m = arg;

	duplex_free(steal_ptr(&m->duplex));
	check_drained(m->io);
}

int stdio_add(struct stdio *io, struct agent *a, int fd, uint64_t token, unsigned directions)
{
	struct stdio_more *m = &io->more[io->more_count];

	if (io->more_count == DESCRIPTORS_MAX) {
		close(fd);
		return -E2BIG;
	}
	io->more_count++;
	m->io = io;
	return duplex_new(a, fd, token, directions, on_more_end, m, &m->duplex);
}

static void stream_done(struct stdio_stream *s)
{
	stream_claim_drop(s->claim);
	pump_free(steal_ptr(&s->pump));
	close_fd(&s->fd);
}

/* The grace is over: what still comes is not the process's; what is there is passed on. */
static void on_grace_end(void *arg)
{
	struct stdio *io = arg;

	loop_timer_free(io->grace);
	io->grace = NULL;
	stream_claim_drop(io->out.claim);
	stream_claim_drop(io->error.claim);
	stream_claim_drop(io->tty_claim);
	close_fd(&io->out.fd);
	close_fd(&io->error.fd);
	if (io->out.pump)
		pump_finish(io->out.pump);
	if (io->error.pump)
		pump_finish(io->error.pump);
	for (unsigned i = 0; i < io->more_count; i++)
		if (io->more[i].duplex)
			duplex_finish(io->more[i].duplex);
	/* A reader that does not read holds up its own bytes only, not the answer. */
	if (!io->drained) {
		io->drained = true;
		io->told(io->arg);
	}
}

void stdio_process_ended(struct stdio *io)
{
	stream_done(&io->in);
	close_fd(&io->input);
	for (unsigned i = 0; i < io->more_count; i++)
		if (io->more[i].duplex)
			duplex_end_input(io->more[i].duplex);
	io->ended = true;
	if (loop_timer_new(io->loop, on_grace_end, io, &io->grace) < 0 ||
		loop_timer_set(io->grace, GRACE_MS) < 0) {
		on_grace_end(io);
		return;
	}
	check_drained(io);
}

void stdio_done(struct stdio *io)
{
	stream_done(&io->in);
	stream_done(&io->out);
	stream_done(&io->error);
	for (unsigned i = 0; i < io->more_count; i++)
		duplex_free(steal_ptr(&io->more[i].duplex));
	stream_claim_drop(io->tty_claim);
	loop_timer_free(io->grace);
	io->grace = NULL;
	close_fd(&io->connection);
	close_fd(&io->input);
	close_fd(&io->tty);
}
