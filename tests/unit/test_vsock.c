/* virtio-vsock: a guest's packets on one side, descriptors of every kind on the other. */
#include "base/auto.h"
#include "dev/vsock/packet.h"
#include "dev/vsock/vsock.h"
#include "tests/unit/fakeguest.h"
#include "tests/unit/unit.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <pty.h>
#include <signal.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/timerfd.h>
#include <termios.h>
#include <time.h>

enum { RX, TX, EVENT };

#define CID	     3
#define PORT	     1025 /* of the guest */
#define LISTEN_PORT  1024 /* of the host */
#define RX_BYTES     4096
#define RX_BUFFERS   32
#define ROOM	     (256 << 10) /* what either side takes */
#define NOT_ANSWERED (-1)
#define BOTH	     VSOCK_SHUTDOWN_BOTH
#define RECEIVE	     VSOCK_SHUTDOWN_RECEIVE
#define SEND	     VSOCK_SHUTDOWN_SEND

/* What the driver gets in one buffer. */
struct got {
	struct vsock_packet p;
	char data[RX_BYTES];
};

struct ctx {
	struct fakeguest g;
	struct loop *loop;
	struct vsock *vsock;
	uint64_t rx[256]; /* by head */
	int ups, accepted_fd;
	uint32_t accepted_port;
	uint64_t tx_gpa;
};

/* The guest's end of one connection. */
struct peer {
	uint32_t host_port, guest_port;
	uint32_t alloc, fwd;
};

static struct ctx t;

/*
 * Time: the sixty seconds that a dial may take pass at once. The clock runs ahead by what was
 * skipped, and the device's one timer is set to what then is left.
 */
static time_t skipped_s, timer_due_s;
static int timer_fd = -1;

int clock_gettime(clockid_t id, struct timespec *ts)
{
	int r = (int)syscall(SYS_clock_gettime, id, ts);

	ts->tv_sec += skipped_s;
	return r;
}

int timerfd_settime(int fd, int flags, const struct itimerspec *in, struct itimerspec *old)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	timer_fd = fd;
	timer_due_s = now.tv_sec + in->it_value.tv_sec;
	return (int)syscall(SYS_timerfd_settime, fd, flags, in, old);
}

static void skip_time(time_t s)
{
	struct itimerspec left = { .it_value = { .tv_nsec = 1 } };
	struct timespec now;

	skipped_s += s;
	clock_gettime(CLOCK_MONOTONIC, &now);
	if (timer_due_s > now.tv_sec)
		left.it_value.tv_sec = timer_due_s - now.tv_sec;
	assert_int_equal(syscall(SYS_timerfd_settime, timer_fd, 0, &left, NULL), 0);
}

/* Runs the device until it rests: one that spins fails the test. */
static void run(void)
{
	for (int turn = 0; turn < 5000; turn++) {
		int n = loop_turn(t.loop, 0);

		assert_true(n >= 0);
		if (n == 0)
			return;
	}
	fail_msg("the device never comes to rest");
}

static void post_rx(unsigned n)
{
	while (n--) {
		uint64_t gpa = fg_alloc(&t.g, RX_BYTES);
		uint16_t head = fg_post(&t.g, RX, (struct fg_buf[]){ { gpa, RX_BYTES, true } }, 1);

		t.rx[head] = gpa;
	}
	fg_kick(&t.g, RX);
}

static bool receive(struct got *ret)
{
	uint16_t head;
	uint32_t len;

	run();
	if (!fg_used(&t.g, RX, &head, &len))
		return false;
	assert_in_range(len, sizeof(ret->p), RX_BYTES);
	memcpy(ret, fg_at(&t.g, t.rx[head]), len);
	assert_int_equal(ret->p.len, len - sizeof(ret->p));
	assert_int_equal(ret->p.src_cid, VSOCK_CID_HOST);
	assert_int_equal(ret->p.dst_cid, CID);
	assert_int_equal(ret->p.buf_alloc == 0, ret->p.op == VSOCK_OP_RST);
	t.rx[fg_post(&t.g, RX, (struct fg_buf[]){ { t.rx[head], RX_BYTES, true } }, 1)] =
		t.rx[head];
	fg_kick(&t.g, RX);
	return true;
}

static void nothing_comes(void)
{
	struct got got;

	if (receive(&got))
		fail_msg("packet %u came", got.p.op);
}

static struct got expect(enum vsock_op op, const struct peer *peer)
{
	struct got got;

	if (!receive(&got))
		fail_msg("packet %d did not come", (int)op);
	if (got.p.op != op)
		fail_msg("packet %d came, not %d", got.p.op, (int)op);
	assert_int_equal(got.p.type, VSOCK_TYPE_STREAM);
	if (peer) {
		assert_int_equal(got.p.src_port, peer->host_port);
		assert_int_equal(got.p.dst_port, peer->guest_port);
	}
	return got;
}

static void expect_data(const struct peer *peer, const char *text)
{
	struct got got = expect(VSOCK_OP_RW, peer);

	assert_int_equal(got.p.len, strlen(text));
	assert_memory_equal(got.data, text, got.p.len);
}

static void expect_shutdown(const struct peer *peer, uint32_t flags)
{
	assert_int_equal(expect(VSOCK_OP_SHUTDOWN, peer).p.flags, flags);
}

/* Any packet, data behind it. */
static void send_raw(const struct vsock_packet *p, const void *data, size_t len)
{
	uint16_t head;
	uint32_t used;

	memcpy(fg_at(&t.g, t.tx_gpa), p, sizeof(*p));
	if (len)
		memcpy((char *)fg_at(&t.g, t.tx_gpa) + sizeof(*p), data, len);
	/* In two buffers, as drivers do it. */
	fg_post(&t.g, TX,
		(struct fg_buf[]){ { t.tx_gpa, sizeof(*p), false },
			{ t.tx_gpa + sizeof(*p), (uint32_t)len, false } },
		2);
	fg_kick(&t.g, TX);
	run();
	assert_true(fg_used(&t.g, TX, &head, &used));
	assert_int_equal(used, 0);
}

static struct vsock_packet packet(const struct peer *peer, enum vsock_op op)
{
	return (struct vsock_packet){
		.src_cid = CID,
		.dst_cid = VSOCK_CID_HOST,
		.src_port = peer->guest_port,
		.dst_port = peer->host_port,
		.type = VSOCK_TYPE_STREAM,
		.op = (uint16_t)op,
		.buf_alloc = peer->alloc,
		.fwd_cnt = peer->fwd,
	};
}

static void send_op(const struct peer *peer, enum vsock_op op)
{
	struct vsock_packet p = packet(peer, op);

	send_raw(&p, NULL, 0);
}

static void send_shutdown(const struct peer *peer, uint32_t flags)
{
	struct vsock_packet p = packet(peer, VSOCK_OP_SHUTDOWN);

	p.flags = flags;
	send_raw(&p, NULL, 0);
}

static void send_data(const struct peer *peer, const void *data, size_t len)
{
	struct vsock_packet p = packet(peer, VSOCK_OP_RW);

	p.len = (uint32_t)len;
	send_raw(&p, data, len);
}

static void send_text(const struct peer *peer, const char *text)
{
	send_data(peer, text, strlen(text));
}

static void on_up(void *arg)
{
	(void)arg;
	t.ups++;
}

static void on_accept(void *arg, uint32_t guest_port, int fd)
{
	assert_ptr_equal(arg, &t);
	t.accepted_port = guest_port;
	t.accepted_fd = fd;
}

static void on_connected(void *arg, int code)
{
	assert_int_equal(*(int *)arg, NOT_ANSWERED);
	*(int *)arg = code;
}

static void start_guest(void)
{
	fg_start(&t.g, VDEV_F_EVENT_IDX);
	post_rx(RX_BUFFERS);
	run();
}

static int fresh(void **state)
{
	(void)state;
	memset(&t, 0, sizeof(t));
	skipped_s = 0;
	fg_init(&t.g);
	t.tx_gpa = fg_alloc(&t.g, 70000);
	assert_int_equal(loop_new(&t.loop), 0);
	assert_int_equal(vsock_new(t.loop, &t.g.gm, CID, 0, on_up, NULL, &t.vsock), 0);
	assert_int_equal(vsock_listen(t.vsock, LISTEN_PORT, on_accept, &t), 0);
	fg_attach(&t.g, vsock_vdev(t.vsock));
	start_guest();
	assert_int_equal(t.ups, 1);
	return 0;
}

static int gone(void **state)
{
	(void)state;
	fg_done(&t.g);
	vsock_free(t.vsock);
	loop_free(t.loop);
	return 0;
}

static int dial(int fd, int done_fd, bool to_guest, bool from_guest, int *code)
{
	struct vsock_host_end end = {
		.fd = fd,
		.done_fd = done_fd,
		.to_guest = to_guest,
		.from_guest = from_guest,
	};

	*code = NOT_ANSWERED;
	return vsock_connect(t.vsock, PORT, &end, on_connected, code);
}

/* The guest's side of a dial, up to its answer. */
static struct peer answer(void)
{
	struct got got = expect(VSOCK_OP_REQUEST, NULL);
	struct peer peer = { got.p.src_port, got.p.dst_port, ROOM, 0 };

	assert_int_equal(peer.guest_port, PORT);
	assert_in_range(peer.host_port, 1U << 30, (1U << 31) - 1);
	send_op(&peer, VSOCK_OP_RESPONSE);
	return peer;
}

static struct peer connect_to(int fd, int done_fd, bool to_guest, bool from_guest)
{
	struct peer peer;
	int code;

	assert_int_equal(dial(fd, done_fd, to_guest, from_guest, &code), 0);
	peer = answer();
	assert_int_equal(code, 0);
	return peer;
}

/* A connection with a socket as the host's end; *mine is the other end of it. */
static struct peer connect_socket(int *mine)
{
	int sv[2];

	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, sv), 0);
	*mine = sv[1];
	return connect_to(sv[0], -1, true, true);
}

static void says(int fd, const char *text)
{
	char back[256] = "";

	run();
	assert_int_equal(recv(fd, back, sizeof(back), MSG_DONTWAIT), strlen(text));
	assert_string_equal(back, text);
}

static bool readable(int fd)
{
	struct pollfd p = { .fd = fd, .events = POLLIN };

	return poll(&p, 1, 0) == 1;
}

static bool at_end(int fd)
{
	char c;

	run();
	return readable(fd) && read(fd, &c, 1) == 0;
}

static void bytes_go_both_ways(void **state)
{
	int fd;
	struct peer peer = connect_socket(&fd);

	(void)state;
	assert_int_equal(write(fd, "hello", 5), 5);
	expect_data(&peer, "hello");
	send_text(&peer, "world");
	says(fd, "world");
	nothing_comes();
	close(fd);
	/* The other end is closed altogether: neither direction is left. */
	expect_shutdown(&peer, RECEIVE);
	expect_shutdown(&peer, BOTH);
	send_op(&peer, VSOCK_OP_RST);
	nothing_comes();
}

static void nobody_listens(void **state)
{
	int sv[2], done[2], code;
	struct got got;
	struct peer peer;

	(void)state;
	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, sv), 0);
	assert_int_equal(pipe(done), 0);
	assert_int_equal(dial(sv[0], done[1], true, true, &code), 0);
	got = expect(VSOCK_OP_REQUEST, NULL);
	assert_int_equal(code, NOT_ANSWERED);
	peer = (struct peer){ got.p.src_port, got.p.dst_port, ROOM, 0 };
	send_op(&peer, VSOCK_OP_RST);
	assert_int_equal(code, ECONNREFUSED);
	assert_true(at_end(sv[1]));
	assert_true(at_end(done[0]));
	nothing_comes();
	close(sv[1]);
	close(done[0]);
}

static void a_preamble_goes_first(void **state)
{
	uint64_t token = 0x1122334455667788;
	struct vsock_host_end end = {
		.done_fd = -1,
		.from_guest = true,
		.preamble = &token,
		.preamble_len = sizeof(token),
	};
	int p[2], code = NOT_ANSWERED;
	struct peer peer;
	struct got got;

	(void)state;
	assert_int_equal(pipe(p), 0);
	end.fd = p[1];
	assert_int_equal(vsock_connect(t.vsock, PORT, &end, on_connected, &code), 0);
	token = 0;
	/* Room for three bytes at first: the preamble comes in pieces, the SHUTDOWN after it. */
	got = expect(VSOCK_OP_REQUEST, NULL);
	peer = (struct peer){ got.p.src_port, got.p.dst_port, 3, 0 };
	send_op(&peer, VSOCK_OP_RESPONSE);
	got = expect(VSOCK_OP_RW, &peer);
	assert_int_equal(got.p.len, 3);
	assert_memory_equal(got.data, "\x88\x77\x66", 3);
	expect(VSOCK_OP_CREDIT_REQUEST, &peer);
	nothing_comes();
	peer.fwd = 3;
	peer.alloc = ROOM;
	send_op(&peer, VSOCK_OP_CREDIT_UPDATE);
	got = expect(VSOCK_OP_RW, &peer);
	assert_int_equal(got.p.len, 5);
	assert_memory_equal(got.data, "\x55\x44\x33\x22\x11", 5);
	expect_shutdown(&peer, SEND);
	close(p[0]);
}

static void the_host_half_closes(void **state)
{
	int fd;
	struct peer peer = connect_socket(&fd);

	(void)state;
	assert_int_equal(write(fd, "last", 4), 4);
	assert_int_equal(shutdown(fd, SHUT_WR), 0);
	expect_data(&peer, "last");
	expect_shutdown(&peer, SEND);
	nothing_comes();
	send_text(&peer, "answer");
	says(fd, "answer");
	send_shutdown(&peer, BOTH);
	expect(VSOCK_OP_RST, &peer);
	assert_true(at_end(fd));
	close(fd);
}

static void the_guest_half_closes(void **state)
{
	int fd;
	struct peer peer = connect_socket(&fd);

	(void)state;
	send_text(&peer, "question");
	send_shutdown(&peer, SEND);
	says(fd, "question");
	assert_true(at_end(fd));
	assert_int_equal(write(fd, "answer", 6), 6);
	/* The guest hears that its own direction is over, and goes on reading. */
	expect_shutdown(&peer, RECEIVE);
	expect_data(&peer, "answer");
	close(fd);
	expect_shutdown(&peer, BOTH);
	send_op(&peer, VSOCK_OP_RST);
	nothing_comes();
}

static void the_guest_reads_no_more(void **state)
{
	int fd;
	struct peer peer = connect_socket(&fd);

	(void)state;
	send_shutdown(&peer, RECEIVE);
	expect_shutdown(&peer, SEND);
	assert_int_equal(send(fd, "x", 1, MSG_NOSIGNAL), -1);
	assert_int_equal(errno, EPIPE);
	send_text(&peer, "still here");
	says(fd, "still here");
	close(fd);
}

static void done_means_that_everything_is_written(void **state)
{
	static char block[64 << 10], back[64 << 10];
	int p[2], done[2];
	struct peer peer;
	size_t total = 0;

	(void)state;
	assert_int_equal(pipe2(p, O_NONBLOCK), 0);
	assert_int_equal(pipe(done), 0);
	peer = connect_to(p[1], done[1], false, true);
	expect_shutdown(&peer, SEND);
	/* 256 KiB, of which a pipe takes 64: the rest waits for its reader. */
	for (int i = 0; i < 4; i++) {
		memset(block, 'a' + i, sizeof(block));
		send_data(&peer, block, sizeof(block));
	}
	/* The guest closes, and is not kept waiting. */
	send_shutdown(&peer, BOTH);
	expect(VSOCK_OP_CREDIT_UPDATE, &peer);
	expect(VSOCK_OP_RST, &peer);
	assert_false(readable(done[0]));
	for (;;) {
		ssize_t n = read(p[0], back, sizeof(back));

		if (n <= 0) {
			assert_int_equal(n, 0);
			break;
		}
		for (ssize_t i = 0; i < n; i++)
			assert_int_equal(back[i], 'a' + (int)((total + (size_t)i) >> 16));
		total += (size_t)n;
		if (total < 4 * sizeof(block))
			assert_false(readable(done[0]));
		run();
	}
	assert_int_equal(total, 4 * sizeof(block));
	assert_true(at_end(done[0]));
	close(p[0]);
	close(done[0]);
}

static void a_full_blocking_pipe_blocks_nobody(void **state)
{
	static char block[64 << 10], back[8192];
	int p[2], done[2];
	struct peer peer;
	size_t total = 0;
	ssize_t n;

	(void)state;
	memset(block, 'z', sizeof(block));
	assert_int_equal(pipe(p), 0); /* shared with somebody who wants it blocking */
	assert_int_equal(pipe(done), 0);
	peer = connect_to(p[1], done[1], false, true);
	for (int i = 0; i < 3; i++)
		send_data(&peer, block, sizeof(block));
	assert_int_equal(fcntl(p[1], F_GETFL) & O_NONBLOCK, 0);
	send_shutdown(&peer, BOTH);
	while ((n = read(p[0], back, sizeof(back))) > 0) {
		total += (size_t)n;
		run();
	}
	assert_int_equal(total, 3 * sizeof(block));
	assert_true(at_end(done[0]));
	close(p[0]);
	close(done[0]);
}

static void an_input_pipe_ends(void **state)
{
	int p[2], done[2];
	struct peer peer;

	(void)state;
	assert_int_equal(pipe(p), 0);
	assert_int_equal(pipe(done), 0);
	assert_int_equal(write(p[1], "early", 5), 5);
	peer = connect_to(p[0], done[1], true, false);
	/* A direction that is not there is over from the start. */
	expect_shutdown(&peer, RECEIVE);
	expect_data(&peer, "early");
	nothing_comes();
	send_text(&peer, "into the void");
	assert_int_equal(write(p[1], "late", 4), 4);
	expect_data(&peer, "late");
	assert_false(readable(done[0]));
	close(p[1]);
	expect_shutdown(&peer, BOTH);
	assert_true(at_end(done[0]));
	/* The guest closes in its own time. */
	send_shutdown(&peer, BOTH);
	expect(VSOCK_OP_RST, &peer);
	nothing_comes();
	close(done[0]);
}

static void the_guest_closes_its_input(void **state)
{
	int p[2], done[2];
	struct peer peer;

	(void)state;
	assert_int_equal(pipe(p), 0);
	assert_int_equal(pipe(done), 0);
	peer = connect_to(p[0], done[1], true, false);
	expect_shutdown(&peer, RECEIVE);
	send_shutdown(&peer, BOTH);
	expect(VSOCK_OP_RST, &peer);
	assert_true(at_end(done[0]));
	assert_int_equal(write(p[1], "x", 1), -1);
	assert_int_equal(errno, EPIPE);
	close(p[1]);
	close(done[0]);
}

static void a_reader_that_leaves_is_told_to_the_guest(void **state)
{
	int p[2], done[2];
	struct peer peer;

	(void)state;
	assert_int_equal(pipe(p), 0);
	assert_int_equal(pipe(done), 0);
	peer = connect_to(p[1], done[1], false, true);
	expect_shutdown(&peer, SEND);
	send_text(&peer, "read");
	close(p[0]);
	nothing_comes();
	send_text(&peer, "unread");
	expect_shutdown(&peer, BOTH);
	assert_true(at_end(done[0]));
	/* What was under way is dropped. */
	send_text(&peer, "late");
	nothing_comes();
	send_op(&peer, VSOCK_OP_RST);
	nothing_comes();
	close(done[0]);
}

static void files_are_always_ready(void **state)
{
	static char big[100000], back[100001];
	int in = memfd_create("in", 0), out = memfd_create("out", 0), kept = dup(out);
	size_t total = 0, at = 0;
	struct peer peer;
	struct got got;

	(void)state;
	for (size_t i = 0; i < sizeof(big); i++)
		big[i] = (char)(i * 7);
	assert_int_equal(write(in, big, sizeof(big)), sizeof(big));
	assert_int_equal(lseek(in, 0, SEEK_SET), 0);
	peer = connect_to(in, -1, true, false);
	expect_shutdown(&peer, RECEIVE);
	while (receive(&got) && got.p.op == VSOCK_OP_RW) {
		assert_memory_equal(got.data, big + total, got.p.len);
		total += got.p.len;
	}
	assert_int_equal(total, sizeof(big));
	assert_int_equal(got.p.op, VSOCK_OP_SHUTDOWN);
	send_op(&peer, VSOCK_OP_RST);

	peer = connect_to(out, -1, false, true);
	expect_shutdown(&peer, SEND);
	for (size_t n; at < sizeof(big); at += n) {
		n = sizeof(big) - at < 60000 ? sizeof(big) - at : 60000;
		send_data(&peer, big + at, n);
	}
	send_shutdown(&peer, BOTH);
	assert_int_equal(pread(kept, back, sizeof(back), 0), sizeof(big));
	assert_memory_equal(back, big, sizeof(big));
	close(kept);
}

static void the_null_device_is_a_file(void **state)
{
	int done[2];
	struct peer peer;

	(void)state;
	assert_int_equal(pipe(done), 0);
	peer = connect_to(open("/dev/null", O_RDWR), done[1], true, true);
	expect_shutdown(&peer, SEND);
	for (int i = 0; i < 100; i++)
		send_text(&peer, "gone");
	send_shutdown(&peer, SEND);
	expect_shutdown(&peer, BOTH);
	assert_true(at_end(done[0]));
	close(done[0]);
}

static void a_terminal_is_closed_as_a_whole(void **state)
{
	int mine, theirs, done[2];
	struct termios raw;
	char back[16] = "";
	struct peer peer;

	(void)state;
	assert_int_equal(openpty(&mine, &theirs, NULL, NULL, NULL), 0);
	assert_int_equal(tcgetattr(theirs, &raw), 0);
	cfmakeraw(&raw);
	assert_int_equal(tcsetattr(theirs, TCSANOW, &raw), 0);
	assert_int_equal(pipe(done), 0);
	peer = connect_to(theirs, done[1], true, true);
	nothing_comes();
	assert_int_equal(write(mine, "ls\r", 3), 3);
	/* Terminals pass input on in a thread of the kernel. */
	assert_true(loop_turn(t.loop, 1000) > 0);
	expect_data(&peer, "ls\r");
	send_text(&peer, "file\r\n");
	assert_int_equal(read(mine, back, sizeof(back)), 6);
	assert_memory_equal(back, "file\r\n", 6);
	/* No half of a terminal can be closed: the guest's end of output ends it. */
	send_text(&peer, "bye");
	send_shutdown(&peer, SEND);
	assert_true(at_end(done[0]));
	expect_shutdown(&peer, BOTH);
	assert_int_equal(read(mine, back, sizeof(back)), 3);
	assert_int_equal(read(mine, back, sizeof(back)), -1);
	assert_int_equal(errno, EIO);
	close(mine);
	close(done[0]);
}

static void a_terminal_that_hangs_up_ends_input(void **state)
{
	int mine, theirs;
	struct peer peer;

	(void)state;
	assert_int_equal(openpty(&mine, &theirs, NULL, NULL, NULL), 0);
	peer = connect_to(theirs, -1, true, true);
	close(mine);
	expect_shutdown(&peer, SEND);
	nothing_comes();
	send_text(&peer, "lost");
	expect_shutdown(&peer, BOTH);
}

static void credit_stops_and_starts_the_host(void **state)
{
	int fd;
	struct peer peer = connect_socket(&fd);
	struct got got;

	(void)state;
	peer.alloc = 4;
	send_op(&peer, VSOCK_OP_CREDIT_UPDATE);
	assert_int_equal(write(fd, "0123456789", 10), 10);
	expect_data(&peer, "0123");
	/* It asks once, and rests. */
	expect(VSOCK_OP_CREDIT_REQUEST, &peer);
	nothing_comes();
	peer.fwd = 3;
	send_op(&peer, VSOCK_OP_CREDIT_UPDATE);
	expect_data(&peer, "456");
	expect(VSOCK_OP_CREDIT_REQUEST, &peer);
	/* A buffer that shrinks below what is in flight gives no credit by the wrap. */
	peer.alloc = 2;
	send_op(&peer, VSOCK_OP_CREDIT_UPDATE);
	nothing_comes();
	/* Nor does a count of bytes that were never sent. */
	peer.fwd = 1000;
	send_op(&peer, VSOCK_OP_CREDIT_UPDATE);
	nothing_comes();
	peer.fwd = 7;
	peer.alloc = ROOM;
	send_op(&peer, VSOCK_OP_CREDIT_UPDATE);
	got = expect(VSOCK_OP_RW, &peer);
	assert_int_equal(got.p.len, 3);
	close(fd);
}

static void the_guest_hears_of_room(void **state)
{
	static char block[60000];
	int fd;
	struct peer peer = connect_socket(&fd);

	(void)state;
	send_op(&peer, VSOCK_OP_CREDIT_REQUEST);
	assert_int_equal(expect(VSOCK_OP_CREDIT_UPDATE, &peer).p.fwd_cnt, 0);
	send_data(&peer, block, sizeof(block));
	nothing_comes();
	send_data(&peer, block, sizeof(block));
	assert_int_equal(expect(VSOCK_OP_CREDIT_UPDATE, &peer).p.fwd_cnt, 2 * sizeof(block));
	nothing_comes();
	close(fd);
}

static void a_guest_that_overruns_is_reset(void **state)
{
	static char block[64 << 10];
	int p[2], done[2];
	struct peer peer;

	(void)state;
	assert_int_equal(pipe2(p, O_NONBLOCK), 0);
	assert_int_equal(pipe(done), 0);
	peer = connect_to(p[1], done[1], false, true);
	expect_shutdown(&peer, SEND);
	/* 64 KiB are in the pipe; 256 more fit. */
	for (int i = 0; i < 5; i++)
		send_data(&peer, block, sizeof(block));
	expect(VSOCK_OP_CREDIT_UPDATE, &peer);
	nothing_comes();
	send_data(&peer, block, 1);
	expect(VSOCK_OP_RST, &peer);
	assert_true(at_end(done[0]));
	close(p[0]);
	close(done[0]);
}

static void lengths_must_agree(void **state)
{
	static const uint32_t lengths[] = { 6, ROOM, ROOM + 1, UINT32_MAX, UINT32_MAX - 43 };

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(lengths); i++) {
		int fd;
		struct peer peer = connect_socket(&fd);
		struct vsock_packet p = packet(&peer, VSOCK_OP_RW);

		send_text(&peer, "ok");
		p.len = lengths[i];
		send_raw(&p, "12345", 5);
		expect(VSOCK_OP_RST, &peer);
		says(fd, "ok");
		assert_true(at_end(fd));
		close(fd);
	}
}

static void what_breaks_the_protocol_is_reset(void **state)
{
	static const uint16_t ops[] = { 0, VSOCK_OP_REQUEST, VSOCK_OP_RESPONSE, 8, 100, 65535 };

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(ops); i++) {
		int fd;
		struct peer peer = connect_socket(&fd);

		send_op(&peer, (enum vsock_op)ops[i]);
		expect(VSOCK_OP_RST, &peer);
		assert_true(at_end(fd));
		nothing_comes();
		close(fd);
	}
}

static void data_after_its_end_is_reset(void **state)
{
	int fd;
	struct peer peer = connect_socket(&fd);

	(void)state;
	send_shutdown(&peer, SEND);
	expect_shutdown(&peer, RECEIVE);
	send_text(&peer, "more");
	expect(VSOCK_OP_RST, &peer);
	assert_true(at_end(fd));
	close(fd);
}

static void only_an_answer_answers_a_dial(void **state)
{
	static const uint16_t ops[] = { VSOCK_OP_SHUTDOWN, VSOCK_OP_RW, VSOCK_OP_CREDIT_UPDATE,
		VSOCK_OP_CREDIT_REQUEST, VSOCK_OP_REQUEST, 99 };

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(ops); i++) {
		struct peer peer = { 0 };
		struct got got;
		int sv[2], code;

		assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, sv), 0);
		assert_int_equal(dial(sv[0], -1, true, true, &code), 0);
		got = expect(VSOCK_OP_REQUEST, NULL);
		peer.host_port = got.p.src_port;
		peer.guest_port = got.p.dst_port;
		send_op(&peer, (enum vsock_op)ops[i]);
		assert_int_equal(code, ECONNRESET);
		expect(VSOCK_OP_RST, &peer);
		assert_true(at_end(sv[1]));
		close(sv[1]);
	}
}

static void strangers_are_reset(void **state)
{
	struct peer peer = { 77, 5000, ROOM, 0 };
	struct vsock_packet p;
	struct got got;

	(void)state;
	for (unsigned op = 0; op < 9; op++) {
		send_op(&peer, (enum vsock_op)op);
		if (op != VSOCK_OP_RST)
			expect(VSOCK_OP_RST, &peer);
		nothing_comes();
	}
	/* Not of this guest, or not for this host: not even that. */
	p = packet(&peer, VSOCK_OP_REQUEST);
	p.src_cid = 4;
	send_raw(&p, NULL, 0);
	p.src_cid = CID;
	p.dst_cid = 1;
	send_raw(&p, NULL, 0);
	nothing_comes();
	/* Not a stream. */
	p.dst_cid = VSOCK_CID_HOST;
	p.dst_port = LISTEN_PORT;
	p.type = 2;
	send_raw(&p, NULL, 0);
	assert_int_equal(t.accepted_fd, 0);
	assert_true(receive(&got));
	assert_int_equal(got.p.op, VSOCK_OP_RST);
	assert_int_equal(got.p.type, 2);
	/* Shorter than a header. */
	fg_post(&t.g, TX, (struct fg_buf[]){ { t.tx_gpa, 43, false } }, 1);
	fg_kick(&t.g, TX);
	nothing_comes();
}

static void the_guest_dials(void **state)
{
	struct peer peer = { LISTEN_PORT, 5000, ROOM, 0 };

	(void)state;
	send_op(&peer, VSOCK_OP_REQUEST);
	expect(VSOCK_OP_RESPONSE, &peer);
	assert_int_equal(t.accepted_port, 5000);
	send_text(&peer, "ready");
	says(t.accepted_fd, "ready");
	assert_int_equal(write(t.accepted_fd, "go", 2), 2);
	expect_data(&peer, "go");
	/* The same again, while the first lives, is a mistake of the guest's. */
	send_op(&peer, VSOCK_OP_REQUEST);
	expect(VSOCK_OP_RST, &peer);
	assert_true(at_end(t.accepted_fd));
	close(t.accepted_fd);
	assert_int_equal(vsock_listen(t.vsock, LISTEN_PORT, on_accept, &t), -EADDRINUSE);
}

static void without_buffers_it_rests(void **state)
{
	struct got got;
	int fd;
	struct peer peer = connect_socket(&fd);
	uint16_t head;
	uint32_t len;
	char byte = 'x';
	unsigned count = 0;

	(void)state;
	/* Every buffer of the guest's gets used and is not given back. */
	for (int i = 0; i < RX_BUFFERS; i++) {
		assert_int_equal(write(fd, &byte, 1), 1);
		run();
	}
	assert_int_equal(write(fd, "after", 5), 5);
	run(); /* comes to rest, although there is something to read */
	while (fg_used(&t.g, RX, &head, &len))
		count++;
	assert_int_equal(count, RX_BUFFERS);
	post_rx(RX_BUFFERS);
	got = expect(VSOCK_OP_RW, &peer);
	assert_memory_equal(got.data, "after", 5);
	close(fd);
}

static void streams_take_turns(void **state)
{
	struct peer flood, peer;
	struct got got;
	int sv[2], code, packets = 0;

	(void)state;
	/* A source that never ends and is always ready, and a guest that always has room. */
	flood = connect_to(open("/dev/zero", O_RDONLY), -1, true, false);
	flood.alloc = INT32_MAX;
	send_op(&flood, VSOCK_OP_CREDIT_UPDATE);
	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, sv), 0);
	assert_int_equal(write(sv[1], "me too", 6), 6);
	assert_int_equal(dial(sv[0], -1, true, true, &code), 0);
	do
		assert_true(receive(&got) && packets++ < 2 * RX_BUFFERS);
	while (got.p.op != VSOCK_OP_REQUEST);
	peer = (struct peer){ got.p.src_port, got.p.dst_port, ROOM, 0 };
	send_op(&peer, VSOCK_OP_RESPONSE);
	do
		assert_true(receive(&got) && packets++ < 4 * RX_BUFFERS);
	while (got.p.src_port != peer.host_port);
	assert_int_equal(got.p.op, VSOCK_OP_RW);
	assert_memory_equal(got.data, "me too", 6);
	send_op(&flood, VSOCK_OP_RST);
	close(sv[1]);
}

static void a_useless_buffer_breaks_the_device(void **state)
{
	int sv[2], code;
	uint64_t gpa = fg_alloc(&t.g, 64);

	(void)state;
	fg_start(&t.g, 0);
	fg_post(&t.g, RX, (struct fg_buf[]){ { gpa, sizeof(struct vsock_packet), true } }, 1);
	fg_kick(&t.g, RX);
	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, sv), 0);
	assert_int_equal(dial(sv[0], -1, true, true, &code), 0);
	run();
	assert_true(fg_read32(&t.g, 0x70) & VDEV_NEEDS_RESET);
	fg_write32(&t.g, 0x70, 0);
	assert_int_equal(code, ECONNRESET);
	close(sv[1]);
}

static void a_reset_ends_everything(void **state)
{
	static char block[64 << 10], back[64 << 10];
	int fd, sv[2], p[2], done[2], code;
	struct peer peer = connect_socket(&fd), slow;

	(void)state;
	assert_int_equal(pipe2(p, O_NONBLOCK), 0);
	assert_int_equal(pipe(done), 0);
	slow = connect_to(p[1], done[1], false, true);
	expect_shutdown(&slow, SEND);
	memset(block, 'q', sizeof(block));
	send_data(&slow, block, sizeof(block));
	send_data(&slow, block, sizeof(block));
	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, sv), 0);
	assert_int_equal(dial(sv[0], -1, true, true, &code), 0);
	fg_write32(&t.g, 0x70, 0);
	assert_int_equal(code, ECONNRESET);
	assert_true(at_end(sv[1]));
	assert_true(at_end(fd));
	/* What the guest had written is not lost with it. */
	assert_false(readable(done[0]));
	assert_int_equal(read(p[0], back, sizeof(back)), sizeof(back));
	run();
	assert_int_equal(read(p[0], back, sizeof(back)), sizeof(back));
	assert_true(at_end(done[0]));
	/* The next driver knows nothing of it. */
	start_guest();
	assert_int_equal(t.ups, 2);
	nothing_comes();
	send_text(&peer, "who?");
	expect(VSOCK_OP_RST, &peer);
	close(sv[1]);
	close(fd);
	fd = -1;
	peer = connect_socket(&fd);
	send_text(&peer, "again");
	says(fd, "again");
	close(fd);
	close(p[0]);
	close(done[0]);
}

static void a_dial_before_the_driver_waits(void **state)
{
	int sv[2], code;
	struct peer peer;

	(void)state;
	fg_write32(&t.g, 0x70, 0);
	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, sv), 0);
	assert_int_equal(dial(sv[0], -1, true, true, &code), 0);
	run();
	assert_int_equal(code, NOT_ANSWERED);
	start_guest();
	peer = answer();
	assert_int_equal(code, 0);
	send_text(&peer, "up");
	says(sv[1], "up");
	close(sv[1]);
}

static void a_dial_times_out(void **state)
{
	int sv[2], other[2], code, second_code;
	struct got got;
	struct peer peer;

	(void)state;
	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, sv), 0);
	assert_int_equal(dial(sv[0], -1, true, true, &code), 0);
	got = expect(VSOCK_OP_REQUEST, NULL);
	peer = (struct peer){ got.p.src_port, got.p.dst_port, ROOM, 0 };
	skip_time(40);
	run();
	assert_int_equal(code, NOT_ANSWERED);
	/* A second dial has its own sixty seconds. */
	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, other), 0);
	assert_int_equal(dial(other[0], -1, true, true, &second_code), 0);
	got = expect(VSOCK_OP_REQUEST, NULL);
	skip_time(21);
	assert_true(loop_turn(t.loop, 1000) > 0);
	assert_int_equal(code, ETIMEDOUT);
	assert_true(at_end(sv[1]));
	assert_int_equal(second_code, NOT_ANSWERED);
	expect(VSOCK_OP_RST, &peer);
	/* An answer that comes too late. */
	send_op(&peer, VSOCK_OP_RESPONSE);
	expect(VSOCK_OP_RST, &peer);
	nothing_comes();
	peer.host_port = got.p.src_port;
	send_op(&peer, VSOCK_OP_RESPONSE);
	assert_int_equal(second_code, 0);
	skip_time(100);
	run();
	send_text(&peer, "alive");
	says(other[1], "alive");
	close(sv[1]);
	close(other[1]);
}

struct redial {
	int calls, fd;
};

static void dial_again(void *arg, int code)
{
	struct redial *r = arg;
	struct vsock_host_end end = { .done_fd = -1, .to_guest = true, .from_guest = true };
	int sv[2];

	assert_int_not_equal(code, 0);
	if (r->fd >= 0)
		close(r->fd);
	r->fd = -1;
	if (++r->calls == 3)
		return;
	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, sv), 0);
	end.fd = sv[0];
	r->fd = sv[1];
	assert_int_equal(vsock_connect(t.vsock, PORT, &end, dial_again, r), 0);
}

static void a_caller_may_dial_again_from_its_answer(void **state)
{
	struct redial r = { 0, -1 };

	(void)state;
	dial_again(&r, EINVAL);
	for (int i = 1; i < 3; i++) {
		struct got got = expect(VSOCK_OP_REQUEST, NULL);
		struct peer peer = { got.p.src_port, got.p.dst_port, ROOM, 0 };

		assert_int_equal(r.calls, i);
		send_op(&peer, VSOCK_OP_RST);
	}
	assert_int_equal(r.calls, 3);
	nothing_comes();
	/* Also from within a reset, without an end of it. */
	r = (struct redial){ 1, -1 };
	dial_again(&r, EINVAL);
	assert_int_equal(r.calls, 2);
	fg_write32(&t.g, 0x70, 0);
	assert_int_equal(r.calls, 3);
}

static void what_cannot_be_dialled_is_closed(void **state)
{
	struct vsock_host_end end = { .from_guest = true, .preamble = "", .preamble_len = 65 };
	int p[2], done[2], code = NOT_ANSWERED;

	(void)state;
	for (int i = 0; i < 2; i++) {
		assert_int_equal(pipe(p), 0);
		assert_int_equal(pipe(done), 0);
		end.fd = p[1];
		end.done_fd = done[1];
		assert_int_equal(vsock_connect(t.vsock, PORT, &end, on_connected, &code), -EINVAL);
		assert_int_equal(code, NOT_ANSWERED);
		assert_true(at_end(p[0]));
		assert_true(at_end(done[0]));
		close(p[0]);
		close(done[0]);
		end.preamble_len = 0;
		end.from_guest = false;
	}
}

static void connections_are_limited(void **state)
{
	struct peer peer = { LISTEN_PORT, 0, ROOM, 0 };
	int refused = 0, accepted = 0;

	(void)state;
	for (uint32_t i = 0; i < 1030; i++) {
		struct got got;

		peer.guest_port = 10000 + i;
		t.accepted_fd = -1;
		send_op(&peer, VSOCK_OP_REQUEST);
		assert_true(receive(&got));
		if (got.p.op == VSOCK_OP_RST)
			refused++;
		else
			accepted++;
		/* A host that closes does not free the place: the guest must close, too. */
		if (t.accepted_fd >= 0) {
			close(t.accepted_fd);
			expect_shutdown(&peer, RECEIVE);
			expect_shutdown(&peer, BOTH);
		}
	}
	assert_int_equal(accepted, 1024);
	assert_int_equal(refused, 6);
	for (uint32_t i = 0; i < 1024; i++) {
		peer.guest_port = 10000 + i;
		send_op(&peer, VSOCK_OP_RST);
	}
	send_op(&peer, VSOCK_OP_REQUEST);
	expect(VSOCK_OP_RESPONSE, &peer);
	close(t.accepted_fd);
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, fresh, gone)

static uint64_t event_gpa;

static uint16_t post_event(uint32_t len)
{
	uint16_t head = fg_post(&t.g, EVENT, (struct fg_buf[]){ { event_gpa, len, true } }, 1);

	fg_kick(&t.g, EVENT);
	return head;
}

/* The machine goes on with another device; the old one is returned. */
static struct vsock *move(void)
{
	struct vsock *old = t.vsock;

	assert_int_equal(vsock_new(t.loop, &t.g.gm, CID, 0, on_up, NULL, &t.vsock), 0);
	assert_int_equal(vsock_listen(t.vsock, LISTEN_PORT, on_accept, &t), 0);
	fg_move(&t.g, vsock_vdev(t.vsock));
	return old;
}

/*
 * The guest hears that its connections are gone before it hears anything else, and what comes after
 * that is new.
 */
static void a_move_resets_the_transport(void **state)
{
	int mine, other[2], code;
	struct vsock *old;
	struct peer peer, next;
	uint16_t head, got;
	uint32_t len;

	(void)state;
	event_gpa = fg_alloc(&t.g, 16);
	post_event(4);
	head = post_event(4);
	peer = connect_socket(&mine);
	send_text(&peer, "hello");
	old = move();
	assert_int_equal(t.ups, 2);
	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, other), 0);
	assert_int_equal(dial(other[0], -1, true, true, &code), 0);
	/* Under way when the machine was saved. */
	memset(fg_at(&t.g, event_gpa), 0xff, 4);
	send_text(&peer, "who knows me?");
	nothing_comes();
	assert_true(fg_used(&t.g, EVENT, &got, &len));
	assert_int_equal(len, 4);
	assert_int_equal(*(uint32_t *)fg_at(&t.g, event_gpa), VSOCK_EVENT_TRANSPORT_RESET);
	assert_int_not_equal(got, head);
	assert_false(fg_used(&t.g, EVENT, &got, &len));
	/* The driver has done what it was told: it gives the buffer anew. */
	post_event(4);
	expect(VSOCK_OP_RST, &peer);
	next = answer();
	assert_int_equal(code, 0);
	assert_int_not_equal(next.host_port, peer.host_port);
	send_text(&next, "hello again");
	nothing_comes();
	assert_false(fg_used(&t.g, EVENT, &got, &len));
	close(other[1]);
	vsock_free(old);
	close(mine);
}

/* A guest that has no buffer for the event gets it later; one that starts over needs none. */
static void the_event_waits_for_its_buffer(void **state)
{
	struct vsock *old[2];
	uint16_t got;
	uint32_t len;
	int mine;

	(void)state;
	event_gpa = fg_alloc(&t.g, 16);
	old[0] = move();
	run();
	assert_false(fg_used(&t.g, EVENT, &got, &len));
	/* Nor does a second move make it two. */
	old[1] = move();
	post_event(8);
	run();
	assert_true(fg_used(&t.g, EVENT, &got, &len));
	assert_int_equal(len, 4);
	post_event(8);
	run();
	assert_false(fg_used(&t.g, EVENT, &got, &len));
	vsock_free(old[0]);
	vsock_free(old[1]);
	old[0] = move();
	start_guest();
	connect_socket(&mine);
	vsock_free(old[0]);
	close(mine);
}

static void a_buffer_without_room_for_the_event_breaks_the_device(void **state)
{
	struct vsock *old;

	(void)state;
	event_gpa = fg_alloc(&t.g, 16);
	post_event(3);
	old = move();
	run();
	assert_true(fg_read32(&t.g, 0x70) & VDEV_NEEDS_RESET);
	vsock_free(old);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(bytes_go_both_ways),
		TEST(a_move_resets_the_transport),
		TEST(the_event_waits_for_its_buffer),
		TEST(a_buffer_without_room_for_the_event_breaks_the_device),
		TEST(nobody_listens),
		TEST(a_preamble_goes_first),
		TEST(the_host_half_closes),
		TEST(the_guest_half_closes),
		TEST(the_guest_reads_no_more),
		TEST(done_means_that_everything_is_written),
		TEST(a_full_blocking_pipe_blocks_nobody),
		TEST(an_input_pipe_ends),
		TEST(the_guest_closes_its_input),
		TEST(a_reader_that_leaves_is_told_to_the_guest),
		TEST(files_are_always_ready),
		TEST(the_null_device_is_a_file),
		TEST(a_terminal_is_closed_as_a_whole),
		TEST(a_terminal_that_hangs_up_ends_input),
		TEST(credit_stops_and_starts_the_host),
		TEST(the_guest_hears_of_room),
		TEST(a_guest_that_overruns_is_reset),
		TEST(lengths_must_agree),
		TEST(what_breaks_the_protocol_is_reset),
		TEST(data_after_its_end_is_reset),
		TEST(only_an_answer_answers_a_dial),
		TEST(strangers_are_reset),
		TEST(the_guest_dials),
		TEST(without_buffers_it_rests),
		TEST(streams_take_turns),
		TEST(a_useless_buffer_breaks_the_device),
		TEST(a_reset_ends_everything),
		TEST(a_dial_before_the_driver_waits),
		TEST(a_dial_times_out),
		TEST(a_caller_may_dial_again_from_its_answer),
		TEST(what_cannot_be_dialled_is_closed),
		TEST(connections_are_limited),
	};

	signal(SIGPIPE, SIG_IGN);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
