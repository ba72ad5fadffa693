/*
 * The vhost-user transport with the rng and the vsock device behind it. The input is a row of
 * messages, of their descriptors, and of changes to the memory that they share; whatever it is, the
 * back end must not crash, hang, leak a descriptor, or keep the memory.
 */
#include "base/auto.h"
#include "base/fd.h"
#include "dev/rng.h"
#include "dev/vhost_user.h"
#include "dev/vsock/vsock.h"

#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <unistd.h>

#define MEMORY	  (256U << 10)
#define TURNS_MAX 10000

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);

static void require(bool ok)
{
	if (!ok)
		abort();
}

struct input {
	const uint8_t *data;
	size_t len;
};

static uint8_t take(struct input *in)
{
	if (!in->len)
		return 0;
	in->len--;
	return *in->data++;
}

static void take_bytes(struct input *in, void *to, size_t n)
{
	for (size_t i = 0; i < n; i++)
		((uint8_t *)to)[i] = take(in);
}

struct world {
	struct loop *loop;
	struct gmem gm;
	struct rng *rng;
	struct vsock *vsock;
	struct vhost_user *v;
	int sock, memory_fd, event;
	uint8_t *memory;
	bool gone;
};

static void on_gone(void *arg, const char *why)
{
	struct world *w = arg;

	(void)why;
	require(!w->gone);
	w->gone = true;
}

struct msg {
	uint32_t request, flags, size;
	uint8_t payload[512];
} __attribute__((packed));

/* A table that is right but for what the input changes. */
static void usual_memory(struct msg *m)
{
	uint64_t table[] = { 1, 0, MEMORY, 0x10000, 0 };

	memcpy(m->payload, table, sizeof(table));
	m->size = sizeof(table);
}

static void usual_ring(struct msg *m, uint8_t ring)
{
	uint64_t at = 0x10000 + ring * 0x8000ULL;
	uint64_t addr[] = { ring, at, at + 0x2000, at + 0x4000, 0 };

	memcpy(m->payload, addr, sizeof(addr));
	m->size = sizeof(addr);
}

static void send_message(struct world *w, struct input *in)
{
	struct msg m = { .request = take(in) % 42, .flags = 1 };
	int fds[] = { w->memory_fd, w->event, w->memory_fd };
	uint8_t how = take(in), n;

	if (m.request == 5 && (how & 1))
		usual_memory(&m);
	else if (m.request == 9 && (how & 1))
		usual_ring(&m, take(in) & 3);
	else
		m.size = take(in) % sizeof(m.payload);
	if (!(how & 1))
		take_bytes(in, m.payload, m.size < 64 ? m.size : 64);
	if (how & 2)
		m.flags |= 8;
	if (how & 4)
		m.payload[take(in)] ^= take(in);
	n = how >> 4 & 3;
	(void)!fd_send(w->sock, &m, 12 + m.size, fds + (how >> 6 & 1), n < 3 ? n : 2);
}

static void change_memory(struct world *w, struct input *in)
{
	uint32_t at = ((uint32_t)take(in) << 10 | (uint32_t)take(in) << 1) % (MEMORY - 32);
	uint8_t n = take(in) & 31;
	uint64_t one = 1;

	take_bytes(in, w->memory + at, n);
	(void)!write(w->event, &one, sizeof(one));
}

static void set_up(struct world *w, bool vsock)
{
	int sv[2];

	w->memory_fd = memfd_create("guest", MFD_CLOEXEC | MFD_ALLOW_SEALING);
	require(ftruncate(w->memory_fd, MEMORY) == 0);
	require(fcntl(w->memory_fd, F_ADD_SEALS, F_SEAL_SHRINK) == 0);
	w->memory = mmap(NULL, MEMORY, PROT_READ | PROT_WRITE, MAP_SHARED, w->memory_fd, 0);
	require(w->memory != MAP_FAILED);
	w->event = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	require(loop_new(&w->loop) == 0);
	require(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, sv) == 0);
	w->sock = sv[0];
	require(fd_set_nonblock(w->sock, true) == 0);
	if (vsock)
		require(vsock_new(w->loop, &w->gm, 3, VSOCK_PACKET_QUEUES, NULL, NULL, &w->vsock) ==
			0);
	else
		require(rng_new(w->loop, &w->gm, &w->rng) == 0);
	require(vhost_user_new(w->loop, vsock ? vsock_vdev(w->vsock) : rng_vdev(w->rng), &w->gm,
			sv[1], on_gone, w, &w->v) == 0);
}

static void tear_down(struct world *w)
{
	vhost_user_free(w->v);
	rng_free(w->rng);
	vsock_free(w->vsock);
	require(w->gm.count == 0);
	loop_free(w->loop);
	munmap(w->memory, MEMORY);
	close_fd(&w->sock);
	close_fd(&w->memory_fd);
	close_fd(&w->event);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
	struct input in = { data, len };
	struct world w = { 0 };
	uint8_t answers[4096];
	int turns = 0, probe = dup(0), after;

	close(probe);
	signal(SIGPIPE, SIG_IGN);
	set_up(&w, take(&in) & 1);
	while (in.len && !w.gone) {
		if (take(&in) % 4)
			send_message(&w, &in);
		else
			change_memory(&w, &in);
		require(loop_turn(w.loop, 0) >= 0);
		while (recv(w.sock, answers, sizeof(answers), MSG_DONTWAIT) > 0)
			;
	}
	/* A device may be kept busy by its own rings, but each turn ends. */
	while (turns++ < TURNS_MAX && loop_turn(w.loop, 0) > 0)
		;
	tear_down(&w);
	after = dup(0);
	close(after);
	require(probe == after);
	return 0;
}
