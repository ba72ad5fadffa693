/*
 * The vhost-user transport against front ends, good and bad: requests as QEMU 7.2 sends them, over
 * a real socket, with memory in a real memfd; behind it the rng and the vsock device.
 */
#include "base/fd.h"
#include "dev/rng.h"
#include "dev/vhost_user.h"
#include "dev/vsock/vsock.h"
#include "tests/unit/unit.h"

#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <unistd.h>

#define MEMORY	 (1U << 20)
#define GPA	 0x100000ULL
#define THEIRS	 0x7f0000000000ULL /* where the front end has mapped it */
#define RING	 8
#define DESC	 0x0
#define AVAIL	 0x1000
#define USED	 0x2000
#define BUFFER	 0x3000
#define PROTOCOL (1ULL << 30)
#define V1	 (1ULL << 32)

enum {
	GET_FEATURES = 1,
	SET_FEATURES = 2,
	SET_OWNER = 3,
	SET_MEM_TABLE = 5,
	SET_VRING_NUM = 8,
	SET_VRING_ADDR = 9,
	SET_VRING_BASE = 10,
	GET_VRING_BASE = 11,
	SET_VRING_KICK = 12,
	SET_VRING_CALL = 13,
	GET_PROTOCOL_FEATURES = 15,
	SET_PROTOCOL_FEATURES = 16,
	GET_QUEUE_NUM = 17,
	SET_VRING_ENABLE = 18,
	GET_CONFIG = 24,
};

struct msg {
	uint32_t request, flags, size;

	union {
		uint64_t u64;
		uint32_t u32[64];
	} u;
} __attribute__((packed));

static struct ctx {
	struct loop *loop;
	struct gmem gm;
	struct rng *rng;
	struct vsock *vsock;
	struct vhost_user *v;
	int sock, memory_fd, kick, call;
	uint8_t *memory;
	uint16_t posted;
	bool gone;
	char why[128];
} t;

static void on_gone(void *arg, const char *why)
{
	(void)arg;
	assert_false(t.gone);
	t.gone = true;
	snprintf(t.why, sizeof(t.why), "%s", why ? why : "closed");
}

static void serve(struct vdev *dev)
{
	int sv[2];

	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, sv), 0);
	t.sock = sv[0];
	assert_int_equal(vhost_user_new(t.loop, dev, &t.gm, sv[1], on_gone, NULL, &t.v), 0);
}

static int with_rng(void **state)
{
	(void)state;
	t = (struct ctx){ .kick = eventfd(0, EFD_CLOEXEC), .call = eventfd(0, EFD_NONBLOCK) };
	t.memory_fd = memfd_create("guest", MFD_CLOEXEC | MFD_ALLOW_SEALING);
	assert_int_equal(ftruncate(t.memory_fd, MEMORY), 0);
	assert_int_equal(fcntl(t.memory_fd, F_ADD_SEALS, F_SEAL_SHRINK | F_SEAL_GROW), 0);
	t.memory = mmap(NULL, MEMORY, PROT_READ | PROT_WRITE, MAP_SHARED, t.memory_fd, 0);
	assert_true(t.memory != MAP_FAILED);
	assert_int_equal(loop_new(&t.loop), 0);
	assert_int_equal(rng_new(t.loop, &t.gm, &t.rng), 0);
	serve(rng_vdev(t.rng));
	return 0;
}

static int with_vsock(void **state)
{
	(void)state;
	t = (struct ctx){ .kick = -1, .call = -1, .memory_fd = -1 };
	assert_int_equal(loop_new(&t.loop), 0);
	assert_int_equal(
		vsock_new(t.loop, &t.gm, 0x1234, VSOCK_PACKET_QUEUES, NULL, NULL, &t.vsock), 0);
	serve(vsock_vdev(t.vsock));
	return 0;
}

static int done(void **state)
{
	(void)state;
	vhost_user_free(t.v);
	rng_free(t.rng);
	vsock_free(t.vsock);
	loop_free(t.loop);
	assert_int_equal(t.gm.count, 0);
	if (t.memory)
		munmap(t.memory, MEMORY);
	close_fd(&t.sock);
	close_fd(&t.memory_fd);
	close_fd(&t.kick);
	close_fd(&t.call);
	return 0;
}

static void run(void)
{
	for (int i = 0; i < 100; i++)
		if (loop_turn(t.loop, 0) == 0)
			return;
	fail_msg("the device never comes to rest");
}

static void send_msg(const struct msg *m, size_t len, const int *fds, unsigned n)
{
	assert_int_equal(fd_send(t.sock, m, len, fds, n), 0);
	run();
}

static void tell(uint32_t request, const void *payload, uint32_t size, int fd)
{
	struct msg m = { .request = request, .flags = 1, .size = size };

	memcpy(&m.u, payload, size);
	send_msg(&m, 12 + size, &fd, fd >= 0);
}

static void tell_u64(uint32_t request, uint64_t value, int fd)
{
	tell(request, &value, sizeof(value), fd);
}

static void tell_ring(uint32_t request, uint32_t index, uint32_t value)
{
	uint32_t state[] = { index, value };

	tell(request, state, sizeof(state), -1);
}

static struct msg answer(uint32_t request)
{
	struct msg m = { 0 };

	assert_true(recv(t.sock, &m, sizeof(m), MSG_DONTWAIT) >= 12);
	assert_int_equal(m.request, request);
	assert_int_equal(m.flags, 5);
	return m;
}

static struct msg ask(uint32_t request)
{
	struct msg m = { .request = request, .flags = 1 };

	send_msg(&m, 12, NULL, 0);
	return answer(request);
}

static void tell_memory(uint64_t len, uint64_t offset, int fd)
{
	uint64_t table[] = { 1, GPA, len, THEIRS, offset };

	tell(SET_MEM_TABLE, table, sizeof(table), fd);
}

static void tell_addr(uint64_t desc)
{
	uint64_t addr[] = { 0, THEIRS + desc, THEIRS + USED, THEIRS + AVAIL, 0 };

	tell(SET_VRING_ADDR, addr, sizeof(addr), -1);
}

static void start_at(uint16_t base)
{
	tell_ring(SET_VRING_NUM, 0, RING);
	tell_ring(SET_VRING_BASE, 0, base);
	tell_addr(DESC);
	tell_u64(SET_VRING_CALL, 0, t.call);
	tell_u64(SET_VRING_KICK, 0, t.kick);
	tell_ring(SET_VRING_ENABLE, 0, 1);
	assert_false(t.gone);
}

static void greet(void)
{
	struct msg m = ask(GET_FEATURES);

	assert_true(m.u.u64 & PROTOCOL);
	assert_true(m.u.u64 & V1);
	m = ask(GET_PROTOCOL_FEATURES);
	assert_int_equal(m.u.u64, 1 << 0 | 1 << 3 | 1 << 9);
	tell_u64(SET_PROTOCOL_FEATURES, m.u.u64, -1);
	tell(SET_OWNER, "", 0, -1);
	tell_u64(SET_FEATURES, V1 | PROTOCOL, -1);
	tell_memory(MEMORY, 0, t.memory_fd);
	assert_false(t.gone);
}

/* Asks the device for n random bytes, and says whether they and the interrupt came. */
static bool served(uint32_t n)
{
	uint64_t desc[2] = { GPA + BUFFER, n | 2ULL << 32 /* for the device to write */ };
	uint16_t slot = t.posted % RING;
	uint64_t one = 1;
	uint16_t used;

	memset(t.memory + BUFFER, 0, n);
	memcpy(t.memory + DESC, desc, sizeof(desc));
	memcpy(t.memory + AVAIL + 4 + 2 * slot, &(uint16_t){ 0 }, 2);
	t.posted++;
	memcpy(t.memory + AVAIL + 2, &t.posted, 2);
	assert_int_equal(write(t.kick, &one, sizeof(one)), sizeof(one));
	run();
	memcpy(&used, t.memory + USED + 2, 2);
	if (used != t.posted)
		return false;
	assert_int_equal(read(t.call, &one, sizeof(one)), sizeof(one));
	for (uint32_t i = 0; i < n; i++)
		if (t.memory[BUFFER + i])
			return true;
	return false;
}

static void a_device_is_served(void **state)
{
	(void)state;
	greet();
	start_at(0);
	assert_true(served(64));
	assert_true(served(64));
}

static void nothing_runs_before_all_is_there(void **state)
{
	(void)state;
	greet();
	tell_ring(SET_VRING_NUM, 0, RING);
	tell_addr(DESC);
	tell_u64(SET_VRING_CALL, 0, t.call);
	tell_u64(SET_VRING_KICK, 0, t.kick);
	assert_false(served(64));
	tell_ring(SET_VRING_ENABLE, 0, 1);
	run();
	assert_int_equal(t.memory[USED + 2], 1);
}

static void a_ring_stops_and_goes_on(void **state)
{
	struct msg m;

	(void)state;
	greet();
	start_at(0);
	assert_true(served(64));
	assert_true(served(64));
	tell_ring(GET_VRING_BASE, 0, 0);
	m = answer(GET_VRING_BASE);
	assert_int_equal(m.u.u32[1], 2);
	assert_false(served(64));
	start_at(2);
	run();
	assert_int_equal(t.memory[USED + 2], 3); /* what was posted meanwhile */
	assert_int_equal(read(t.call, &(uint64_t){ 0 }, 8), 8);
	assert_true(served(64));
	tell_ring(SET_VRING_ENABLE, 0, 0);
	assert_false(served(64));
}

static void memory_may_move(void **state)
{
	(void)state;
	greet();
	start_at(0);
	assert_true(served(64));
	tell_memory(MEMORY, 0, t.memory_fd);
	assert_false(t.gone);
	assert_int_equal(t.gm.count, 1);
	assert_true(served(64));
}

static void messages_come_in_pieces(void **state)
{
	struct msg m = { .request = SET_FEATURES, .flags = 1, .size = 8, .u.u64 = V1 | PROTOCOL };

	(void)state;
	for (size_t i = 0; i < 20; i++) {
		assert_int_equal(write(t.sock, (const char *)&m + i, 1), 1);
		run();
		assert_false(t.gone);
	}
	assert_int_equal(ask(GET_QUEUE_NUM).u.u64, 1);
}

static void acknowledgements(void **state)
{
	struct msg m = { .request = SET_FEATURES, .flags = 1 | 8, .size = 8, .u.u64 = V1 };

	(void)state;
	send_msg(&m, 20, NULL, 0);
	assert_int_equal(recv(t.sock, &m, sizeof(m), MSG_DONTWAIT), -1); /* not negotiated yet */
	tell_u64(SET_PROTOCOL_FEATURES, 1 << 3, -1);
	send_msg(&m, 20, NULL, 0);
	assert_int_equal(answer(SET_FEATURES).u.u64, 0);
}

static void config_is_read(void **state)
{
	uint32_t access[3 + 2] = { 0, 8, 0 };
	struct msg m;

	(void)state;
	tell(GET_CONFIG, access, sizeof(access), -1);
	m = answer(GET_CONFIG);
	assert_int_equal(m.size, 12 + 8);
	assert_int_equal(m.u.u32[3], 0x1234);
	assert_int_equal(ask(GET_QUEUE_NUM).u.u64, VSOCK_PACKET_QUEUES);
	access[1] = 300;
	tell(GET_CONFIG, access, sizeof(access), -1);
	assert_string_equal(t.why, "an access to its config of the wrong size");
}

static void the_front_end_closes(void **state)
{
	(void)state;
	greet();
	start_at(0);
	close_fd(&t.sock);
	run();
	assert_string_equal(t.why, "closed");
}

static void unsealed(void)
{
	AUTO_CLOSE int fd = memfd_create("unsealed", MFD_CLOEXEC);

	assert_int_equal(ftruncate(fd, MEMORY), 0);
	tell_memory(MEMORY, 0, fd);
}

static void no_memfd(void)
{
	tell_memory(MEMORY, 0, t.kick);
}

static void beyond_its_file(void)
{
	tell_memory(MEMORY, 4096, t.memory_fd);
}

static void wraps(void)
{
	tell_memory(MEMORY, UINT64_MAX - 4095, t.memory_fd);
}

static void no_descriptor(void)
{
	tell_memory(MEMORY, 0, -1);
}

static void too_many_regions(void)
{
	uint64_t table[] = { 9, GPA, MEMORY, THEIRS, 0 };

	tell(SET_MEM_TABLE, table, sizeof(table), t.memory_fd);
}

static void overlapping_regions(void)
{
	uint64_t table[] = { 2, GPA, 8192, THEIRS, 0, GPA + 4096, 8192, THEIRS, 0 };
	struct msg m = { .request = SET_MEM_TABLE, .flags = 1, .size = sizeof(table) };

	memcpy(&m.u, table, sizeof(table));
	send_msg(&m, 12 + sizeof(table), (int[]){ t.memory_fd, t.memory_fd }, 2);
}

static void not_offered(void)
{
	tell_u64(SET_FEATURES, 1ULL << 40, -1);
}

static void protocol_not_offered(void)
{
	tell_u64(SET_PROTOCOL_FEATURES, 1ULL << 20, -1);
}

static void ring_99(void)
{
	tell_ring(SET_VRING_NUM, 99, 8);
}

static void ring_of_2048(void)
{
	tell_ring(SET_VRING_NUM, 0, 2048);
}

static void ring_elsewhere(void)
{
	greet();
	tell_ring(SET_VRING_NUM, 0, RING);
	tell_addr(MEMORY);
	tell_u64(SET_VRING_KICK, 0, t.kick);
	tell_ring(SET_VRING_ENABLE, 0, 1);
}

static void ring_across_the_end(void)
{
	greet();
	tell_ring(SET_VRING_NUM, 0, RING);
	tell_addr(MEMORY - 16);
	tell_u64(SET_VRING_KICK, 0, t.kick);
	tell_ring(SET_VRING_ENABLE, 0, 1);
}

static void kick_without(void)
{
	tell_u64(SET_VRING_KICK, 0, -1);
}

static void kick_with_two(void)
{
	struct msg m = { .request = SET_VRING_KICK, .flags = 1, .size = 8 };

	send_msg(&m, 20, (int[]){ t.kick, t.call }, 2);
}

static void unknown(void)
{
	tell(77, "", 0, -1);
}

static void too_short(void)
{
	tell(SET_VRING_ADDR, "1234", 4, -1);
}

static void too_long(void)
{
	struct msg m = { .request = SET_FEATURES, .flags = 1, .size = 100000 };

	send_msg(&m, 12, NULL, 0);
}

static void wrong_version(void)
{
	struct msg m = { .request = GET_FEATURES, .flags = 2 };

	send_msg(&m, 12, NULL, 0);
}

static void bad_front_ends_are_left(void **state)
{
	static const struct {
		void (*misbehave)(void);
		const char *why;
	} cases[] = {
		{ unsealed, "no memfd sealed" },
		{ no_memfd, "no memfd sealed" },
		{ beyond_its_file, "beyond the end" },
		{ wraps, "beyond the end" },
		{ no_descriptor, "memory table" },
		{ too_many_regions, "memory table" },
		{ overlapping_regions, "overlap" },
		{ not_offered, "not offered" },
		{ protocol_not_offered, "not offered" },
		{ ring_99, "does not have" },
		{ ring_of_2048, "too large" },
		{ ring_elsewhere, "not in the guest's memory" },
		{ ring_across_the_end, "cannot be" },
		{ kick_without, "too many or too few" },
		{ kick_with_two, "too many or too few" },
		{ unknown, "unknown" },
		{ too_short, "too short" },
		{ too_long, "malformed" },
		{ wrong_version, "malformed" },
	};

	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		with_rng(state);
		cases[i].misbehave();
		assert_true(t.gone);
		if (!strstr(t.why, cases[i].why))
			fail_msg("case %zu: \"%s\", not \"%s\"", i, t.why, cases[i].why);
		done(state);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(a_device_is_served, with_rng, done),
		cmocka_unit_test_setup_teardown(nothing_runs_before_all_is_there, with_rng, done),
		cmocka_unit_test_setup_teardown(a_ring_stops_and_goes_on, with_rng, done),
		cmocka_unit_test_setup_teardown(memory_may_move, with_rng, done),
		cmocka_unit_test_setup_teardown(messages_come_in_pieces, with_rng, done),
		cmocka_unit_test_setup_teardown(acknowledgements, with_rng, done),
		cmocka_unit_test_setup_teardown(config_is_read, with_vsock, done),
		cmocka_unit_test_setup_teardown(the_front_end_closes, with_rng, done),
		cmocka_unit_test(bad_front_ends_are_left),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
