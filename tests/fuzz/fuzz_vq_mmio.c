/*
 * A hostile guest: any sequence of register accesses and notifications to rng, console and vsock,
 * with any content of the memory that their rings are in. At any moment the machine may go on with
 * other devices, to which the state of these is always good enough.
 */
#include "dev/console.h"
#include "dev/mmio.h"
#include "dev/rng.h"
#include "dev/vsock/vsock.h"

#include <fcntl.h>
#include <signal.h>
#include <string.h>
#include <unistd.h>

#define DEVICES	     3
#define REGION_BYTES 0x8000 /* two, one behind the other: buffers may cross the border */
#define TURNS_MAX    200
#define LISTEN_PORT  1024

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);

static uint8_t low[REGION_BYTES] __attribute__((aligned(4096)));
static uint8_t high[REGION_BYTES] __attribute__((aligned(4096)));

struct input {
	const uint8_t *data;
	size_t len;
};

struct monitor {
	struct gmem gm;
	struct loop *loop;
	struct rng *rng;
	int log_fd;
	struct console *console;
	struct vsock *vsock;
	struct mmio slot[DEVICES];
};

static uint64_t take(struct input *in, size_t bytes)
{
	uint64_t value = 0;

	if (bytes > in->len)
		bytes = in->len;
	memcpy(&value, in->data, bytes);
	in->data += bytes;
	in->len -= bytes;
	return value;
}

static void require(bool ok)
{
	if (!ok)
		__builtin_trap();
}

static void close_accepted(void *arg, uint32_t guest_port, int fd)
{
	(void)arg;
	(void)guest_port;
	close(fd);
}

static void new_devices(struct monitor *m)
{
	require(rng_new(m->loop, &m->gm, &m->rng) == 0);
	require(console_new(m->loop, &m->gm, m->log_fd, 100000, &m->console) == 0);
	require(vsock_new(m->loop, &m->gm, 3, 0, NULL, NULL, &m->vsock) == 0);
	require(vsock_listen(m->vsock, LISTEN_PORT, close_accepted, NULL) == 0);
	require(mmio_init(&m->slot[0], rng_vdev(m->rng)) == 0);
	require(mmio_init(&m->slot[1], console_vdev(m->console)) == 0);
	require(mmio_init(&m->slot[2], vsock_vdev(m->vsock)) == 0);
}

static void new_monitor(struct monitor *m)
{
	memset(low, 0, sizeof(low));
	memset(high, 0, sizeof(high));
	*m = (struct monitor){ .log_fd = open("/dev/null", O_WRONLY | O_CLOEXEC) };
	require(gm_add(&m->gm, 0, sizeof(low), low) == 0);
	require(gm_add(&m->gm, sizeof(low), sizeof(high), high) == 0);
	require(loop_new(&m->loop) == 0);
	new_devices(m);
}

static void free_devices(struct monitor *m)
{
	for (unsigned i = 0; i < DEVICES; i++)
		mmio_done(&m->slot[i]);
	rng_free(m->rng);
	console_free(m->console);
	vsock_free(m->vsock);
}

static void free_monitor(struct monitor *m)
{
	free_devices(m);
	loop_free(m->loop);
	close(m->log_fd);
}

static void move(struct monitor *m)
{
	struct buf state = { 0 };
	struct saved in;

	for (unsigned i = 0; i < DEVICES; i++) {
		vdev_pause(m->slot[i].dev);
		require(mmio_save(&m->slot[i], &state) == 0);
	}
	free_devices(m);
	new_devices(m);
	in = saved_read(state.data, state.len);
	for (unsigned i = 0; i < DEVICES; i++) {
		require(mmio_restore(&m->slot[i], &in) == 0);
		vdev_resume(m->slot[i].dev);
	}
	require(saved_close(&in) == 0);
	buf_done(&state);
}

static void write32(struct mmio *slot, uint32_t offset, uint32_t value)
{
	mmio_write(slot, offset, &value, sizeof(value));
}

/* A driver that does everything right up to here, so that the rings get their share. */
static void start(struct input *in, struct mmio *slot)
{
	uint32_t features = (uint32_t)(take(in, 1) << 28);
	uint32_t at = (uint32_t)take(in, 1) * 0x100;

	for (uint32_t status = 0; status < 4; status++)
		write32(slot, 0x70, (1U << status) - 1);
	write32(slot, 0x24, 0);
	write32(slot, 0x20, features & (uint32_t)(VDEV_F_EVENT_IDX | VDEV_F_INDIRECT_DESC));
	write32(slot, 0x24, 1);
	write32(slot, 0x20, 1);
	write32(slot, 0x70, VDEV_ACKNOWLEDGE | VDEV_DRIVER | VDEV_FEATURES_OK);
	for (uint32_t q = 0; q < slot->dev->queues; q++, at += 0x400) {
		write32(slot, 0x30, q);
		write32(slot, 0x38, 16);
		write32(slot, 0x80, at % 0x10000);
		write32(slot, 0x90, (at + 0x100) % 0x10000);
		write32(slot, 0xa0, (at + 0x200) % 0x10000);
		write32(slot, 0x44, 1);
	}
	write32(slot, 0x70, VDEV_ACKNOWLEDGE | VDEV_DRIVER | VDEV_FEATURES_OK | VDEV_DRIVER_OK);
}

static void write_memory(struct monitor *m, struct input *in)
{
	uint64_t gpa = take(in, 2);
	size_t n = (size_t)take(in, 1) % 64;

	if (n > in->len)
		n = in->len;
	(void)!gm_write(&m->gm, gpa, in->data, n);
	take(in, 8 < n ? 8 : n);
	if (n > 8) {
		in->data += n - 8;
		in->len -= n - 8;
	}
}

static void step(struct monitor *m, struct input *in)
{
	uint8_t what = (uint8_t)take(in, 1);
	struct mmio *slot = &m->slot[(what >> 4) % DEVICES];
	uint8_t bytes[8] = { 0 };
	uint64_t offset, value;

	switch (what % 8) {
	case 0:
		start(in, slot);
		break;
	case 1:
	case 2:
		write_memory(m, in);
		break;
	case 3:
		offset = take(in, 2);
		value = take(in, 8);
		mmio_write(slot, offset % 0x1100, &value, 1U << (offset >> 14));
		break;
	case 4:
		offset = take(in, 2);
		mmio_read(slot, offset % 0x1100, bytes, 1U << (offset >> 14));
		break;
	case 5:
		offset = take(in, 1) % 0x40 * 4;
		write32(slot, (uint32_t)offset, (uint32_t)take(in, 4));
		break;
	case 7:
		move(m);
		break;
	default:
		write32(slot, MMIO_QUEUE_NOTIFY, (uint32_t)take(in, 1) % 4);
		require(loop_turn(m->loop, 0) >= 0);
		break;
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
	struct input in = { data, len };
	struct monitor m;
	int turns = 0, probe = dup(0), after;

	close(probe);
	signal(SIGPIPE, SIG_IGN);
	new_monitor(&m);
	while (in.len)
		step(&m, &in);
	/* Nobody touches the rings any more: the devices come to rest. */
	while (loop_turn(m.loop, 0) > 0)
		require(turns++ < TURNS_MAX);
	free_monitor(&m);
	after = dup(0);
	close(after);
	/* Every descriptor was closed. */
	require(probe == after);
	return 0;
}
