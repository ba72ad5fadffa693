/*
 * A state of any bytes, put into a device that then goes on: the first byte chooses rng, console or
 * vsock. What is taken can be saved again.
 */
#include "dev/console.h"
#include "dev/mmio.h"
#include "dev/rng.h"
#include "dev/vsock/vsock.h"

#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#define MEMORY_BYTES 0x10000
#define TURNS_MAX    200

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);

static uint8_t memory[MEMORY_BYTES] __attribute__((aligned(4096)));

static void require(bool ok)
{
	if (!ok)
		__builtin_trap();
}

static void go_on(struct loop *loop, struct mmio *slot)
{
	struct buf again = { 0 };
	int turns = 0;

	vdev_resume(slot->dev);
	while (loop_turn(loop, 0) > 0)
		require(turns++ < TURNS_MAX);
	vdev_pause(slot->dev);
	require(mmio_save(slot, &again) == 0);
	buf_done(&again);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
	int log_fd = open("/dev/null", O_WRONLY | O_CLOEXEC);
	struct console *console = NULL;
	struct vsock *vsock = NULL;
	struct rng *rng = NULL;
	struct gmem gm = { 0 };
	struct loop *loop;
	struct vdev *dev[3];
	struct mmio slot;
	struct saved in;

	memset(memory, 0, sizeof(memory));
	require(gm_add(&gm, 0, sizeof(memory), memory) == 0);
	require(loop_new(&loop) == 0);
	require(rng_new(loop, &gm, &rng) == 0);
	require(console_new(loop, &gm, log_fd, 100000, &console) == 0);
	require(vsock_new(loop, &gm, 3, 0, NULL, NULL, &vsock) == 0);
	dev[0] = rng_vdev(rng);
	dev[1] = console_vdev(console);
	dev[2] = vsock_vdev(vsock);
	require(mmio_init(&slot, dev[len ? *data % 3 : 0]) == 0);
	in = saved_read(data + (len > 0), len - (len > 0));
	if (mmio_restore(&slot, &in) == 0)
		go_on(loop, &slot);
	mmio_done(&slot);
	rng_free(rng);
	console_free(console);
	vsock_free(vsock);
	loop_free(loop);
	close(log_fd);
	return 0;
}
