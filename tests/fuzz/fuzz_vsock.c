/*
 * Streams between a guest that sends any packet and host ends of every kind that do what they like.
 * Whatever happens, the guest gets well-formed packets, the device comes to rest,
 * and no descriptor stays open.
 */
#include "base/auto.h"
#include "dev/vsock/packet.h"
#include "dev/vsock/vsock.h"
#include "tests/unit/fakeguest.h"

#include <fcntl.h>
#include <signal.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <unistd.h>

enum { RX, TX };

#define CID	    3
#define LISTEN_PORT 1024
#define RX_BYTES    512
#define RX_BUFFERS  48
#define TX_BYTES    (80 << 10)
#define ENDS	    8
#define TURNS_MAX   2000
#define FIRST_PORT  ((1U << 30) + 1)

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);

struct input {
	const uint8_t *data;
	size_t len;
};

struct world {
	struct fakeguest g;
	struct loop *loop;
	struct vsock *vsock;
	uint64_t rx[256], tx, rings_end;
	int end[ENDS]; /* the far ends of what we gave to vsock; -1: none */
	unsigned dials, answers;
};

static uint8_t take(struct input *in)
{
	if (in->len == 0)
		return 0;
	in->len--;
	return *in->data++;
}

static void require(bool ok)
{
	if (!ok)
		__builtin_trap();
}

static int *slot(struct world *w, unsigned i)
{
	int *end = &w->end[i % ENDS];

	close_fd(end);
	return end;
}

static void on_accept(void *arg, uint32_t guest_port, int fd)
{
	require(fcntl(fd, F_SETFL, O_NONBLOCK) == 0);
	*slot(arg, guest_port) = fd;
}

static void on_connected(void *arg, int code)
{
	struct world *w = arg;

	require(code >= 0);
	require(++w->answers <= w->dials);
}

/* Two ends of a kind; mine may be -1. */
static void make_ends(unsigned kind, int *theirs, int *mine)
{
	int p[2] = { -1, -1 };

	switch (kind % 7) {
	case 0:
		require(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, p) == 0);
		break;
	case 1:
		require(pipe2(p, O_CLOEXEC | O_NONBLOCK) == 0);
		break;
	case 2: /* one that blocks, but not for our far end */
		require(pipe2(p, O_CLOEXEC) == 0);
		require(fcntl(p[1], F_SETFL, O_NONBLOCK) == 0);
		break;
	case 3:
		require(pipe2(p, O_CLOEXEC) == 0);
		require(fcntl(p[0], F_SETFL, O_NONBLOCK) == 0);
		*theirs = p[1];
		*mine = p[0];
		return;
	case 4:
		p[0] = open("/dev/null", O_RDWR | O_CLOEXEC);
		break;
	case 5:
		p[0] = open("/dev/zero", O_RDWR | O_CLOEXEC);
		break;
	default:
		p[0] = memfd_create("file", MFD_CLOEXEC);
		require(write(p[0], "a file's content", 16) == 16);
		require(lseek(p[0], 0, SEEK_SET) == 0);
		break;
	}
	*theirs = p[0];
	*mine = p[1];
}

static void dial(struct world *w, struct input *in)
{
	uint8_t flags = take(in);
	struct vsock_host_end end = {
		.done_fd = flags & 4 ? dup(w->g.slot.irq_fd) : -1,
		.to_guest = flags & 1,
		.from_guest = flags & 2,
		.preamble = "12345678",
		.preamble_len = flags & 8 ? 8 : 0,
	};

	make_ends(flags >> 4, &end.fd, slot(w, w->dials));
	if (vsock_connect(w->vsock, 1025, &end, on_connected, w) == 0)
		w->dials++;
}

static void send_packet(struct world *w, struct input *in)
{
	static const uint32_t allocs[] = { 0, 1, 100, 4096, 1 << 18, INT32_MAX, UINT32_MAX };
	static const uint32_t lengths[] = { 0, 1, 100, 4096, 65536, 70000, UINT32_MAX };
	uint8_t what = take(in), who = take(in), how = take(in);
	struct vsock_packet p = {
		.src_cid = CID,
		.dst_cid = VSOCK_CID_HOST,
		.src_port = who & 0x80 ? 2000U + who % 4 : 1025,
		.dst_port = who & 0x80 ? LISTEN_PORT : FIRST_PORT + who % 16,
		.type = what & 0x80 ? take(in) : VSOCK_TYPE_STREAM,
		.op = what % 9,
		.flags = what >> 4 & 3,
		.buf_alloc = allocs[how % ARRAY_LEN(allocs)],
		.fwd_cnt = how & 0x80 ? take(in) * 256U : 0,
		.len = 0,
	};
	uint32_t body = lengths[(how >> 3) % (ARRAY_LEN(lengths) - 1)], used;
	uint16_t head;

	if (p.op == VSOCK_OP_RW)
		p.len = what & 0x40 ? lengths[take(in) % ARRAY_LEN(lengths)] : body;
	memcpy(fg_at(&w->g, w->tx), &p, sizeof(p));
	fg_post(&w->g, TX,
		(struct fg_buf[]){
			{ w->tx, sizeof(p), false }, { w->tx + sizeof(p), body, false } },
		2);
	fg_kick(&w->g, TX);
	require(loop_turn(w->loop, 0) >= 0);
	while (fg_used(&w->g, TX, &head, &used))
		require(used == 0);
}

/* Looks at what came and, mostly, gives the buffers back. */
static void receive(struct world *w, bool give_back)
{
	uint16_t head;
	uint32_t len;

	while (fg_used(&w->g, RX, &head, &len)) {
		struct vsock_packet p;
		uint64_t gpa = w->rx[head];

		require(len >= sizeof(p) && len <= RX_BYTES);
		memcpy(&p, fg_at(&w->g, gpa), sizeof(p));
		require(p.src_cid == VSOCK_CID_HOST && p.dst_cid == CID);
		require(p.len == len - sizeof(p) && (p.len == 0) == (p.op != VSOCK_OP_RW));
		require(p.op >= VSOCK_OP_REQUEST && p.op <= VSOCK_OP_CREDIT_REQUEST);
		require(p.op == VSOCK_OP_RST || p.buf_alloc);
		if (!give_back)
			continue;
		w->rx[fg_post(&w->g, RX, (struct fg_buf[]){ { gpa, RX_BYTES, true } }, 1)] = gpa;
	}
	fg_kick(&w->g, RX);
}

static void start_guest(struct world *w)
{
	static const uint64_t ram_after_queues = FG_RAM_GPA + (4U << 20);

	/* Rings of former lives are not needed any more. */
	fg_write32(&w->g, 0x70, 0);
	memset(fg_at(&w->g, FG_RAM_GPA), 0, w->rings_end ? w->rings_end - FG_RAM_GPA : 0);
	w->g.next = FG_RAM_GPA;
	fg_start(&w->g, VDEV_F_EVENT_IDX);
	w->rings_end = w->g.next;
	w->g.next = ram_after_queues;
	w->tx = fg_alloc(&w->g, TX_BYTES);
	for (unsigned i = 0; i < RX_BUFFERS; i++) {
		uint64_t gpa = fg_alloc(&w->g, RX_BYTES);

		w->rx[fg_post(&w->g, RX, (struct fg_buf[]){ { gpa, RX_BYTES, true } }, 1)] = gpa;
	}
}

static void host_acts(struct world *w, struct input *in)
{
	static char block[32768];
	uint8_t what = take(in);
	int *end = &w->end[what % ENDS];

	if (*end < 0)
		return;
	switch (what >> 3 & 7) {
	case 0:
		close_fd(end);
		break;
	case 1:
		(void)!shutdown(*end, SHUT_WR);
		break;
	case 2:
		(void)!shutdown(*end, SHUT_RD);
		break;
	case 3:
	case 4:
		(void)!read(*end, block, sizeof(block));
		break;
	default:
		(void)!write(*end, block, what & 0x80 ? sizeof(block) : 3);
		break;
	}
}

static void step(struct world *w, struct input *in)
{
	switch (take(in) % 8) {
	case 0:
	case 1:
		send_packet(w, in);
		break;
	case 2:
		dial(w, in);
		break;
	case 3:
	case 4:
		host_acts(w, in);
		break;
	case 5:
		receive(w, take(in) & 15);
		break;
	case 6:
		if (take(in) % 16 == 0)
			start_guest(w);
		break;
	default:
		break;
	}
	require(loop_turn(w->loop, 0) >= 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
	struct input in = { data, len };
	struct world w = { 0 };
	int turns = 0, probe = dup(0), after;

	close(probe);
	signal(SIGPIPE, SIG_IGN);
	memset(w.end, -1, sizeof(w.end));
	fg_init(&w.g);
	require(loop_new(&w.loop) == 0);
	require(vsock_new(w.loop, &w.g.gm, CID, 0, NULL, NULL, &w.vsock) == 0);
	require(vsock_listen(w.vsock, LISTEN_PORT, on_accept, &w) == 0);
	fg_attach(&w.g, vsock_vdev(w.vsock));
	start_guest(&w);
	while (in.len)
		step(&w, &in);
	while (loop_turn(w.loop, 0) > 0)
		require(turns++ < TURNS_MAX);
	fg_done(&w.g);
	vsock_free(w.vsock);
	require(w.answers == w.dials);
	for (unsigned i = 0; i < ENDS; i++)
		close_fd(&w.end[i]);
	loop_free(w.loop);
	after = dup(0);
	close(after);
	require(probe == after);
	return 0;
}
