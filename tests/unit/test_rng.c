/* virtio-rng: entropy arrives, in bounded amounts. */
#include "dev/rng.h"
#include "tests/unit/fakeguest.h"
#include "tests/unit/unit.h"

#include <pthread.h>
#include <string.h>

#define REQUEST_MAX 65536

struct ctx {
	struct fakeguest g;
	struct loop *loop;
	struct rng *rng;
};

static struct ctx t;

static int fresh(void **state)
{
	(void)state;
	fg_init(&t.g);
	assert_int_equal(loop_new(&t.loop), 0);
	assert_int_equal(rng_new(t.loop, &t.g.gm, &t.rng), 0);
	fg_attach(&t.g, rng_vdev(t.rng));
	fg_start(&t.g, 0);
	return 0;
}

static int gone(void **state)
{
	(void)state;
	fg_done(&t.g);
	rng_free(t.rng);
	loop_free(t.loop);
	return 0;
}

static void run(void)
{
	for (int turn = 0; turn < 1000; turn++) {
		int n = loop_turn(t.loop, 0);

		assert_true(n >= 0);
		if (n == 0)
			return;
	}
	fail_msg("the device never comes to rest");
}

static uint32_t used(uint16_t want)
{
	uint16_t head;
	uint32_t len;

	assert_true(fg_used(&t.g, 0, &head, &len));
	assert_int_equal(head, want);
	return len;
}

static void bytes_come(void **state)
{
	uint64_t gpa = fg_alloc(&t.g, 256);
	static const uint8_t zero[128];
	uint32_t status;
	uint16_t head;

	(void)state;
	head = fg_post(&t.g, 0, (struct fg_buf[]){ { gpa, 64, true }, { gpa + 64, 64, true } }, 2);
	fg_kick(&t.g, 0);
	run();
	assert_int_equal(used(head), 128);
	assert_memory_not_equal(fg_at(&t.g, gpa), zero, 64);
	assert_memory_not_equal(fg_at(&t.g, gpa + 64), zero, 64);
	assert_memory_equal(fg_at(&t.g, gpa + 128), zero, 128);
	assert_true(fg_interrupt(&t.g, &status));
	assert_int_equal(status, 1);
}

static void a_request_is_bounded(void **state)
{
	uint64_t gpa = fg_alloc(&t.g, 1 << 20);
	uint16_t head = fg_post(&t.g, 0,
		(struct fg_buf[]){ { gpa, 60000, true }, { gpa + 60000, 60000, true } }, 2);

	(void)state;
	fg_kick(&t.g, 0);
	run();
	assert_int_equal(used(head), REQUEST_MAX);
	assert_int_equal(((uint8_t *)fg_at(&t.g, gpa))[REQUEST_MAX], 0);
}

static void a_chain_without_room_comes_back_empty(void **state)
{
	uint64_t gpa = fg_alloc(&t.g, 16);
	uint16_t head = fg_post(&t.g, 0, (struct fg_buf[]){ { gpa, 16, false } }, 1);

	(void)state;
	fg_kick(&t.g, 0);
	run();
	assert_int_equal(used(head), 0);
}

static void many_requests_take_several_turns(void **state)
{
	uint64_t gpa = fg_alloc(&t.g, 64);
	uint16_t head;
	uint32_t len;
	int count = 0;

	(void)state;
	run();
	for (int i = 0; i < 60; i++)
		fg_post(&t.g, 0, (struct fg_buf[]){ { gpa, 64, true } }, 1);
	fg_kick(&t.g, 0);
	assert_int_equal(loop_turn(t.loop, 0), 1);
	while (fg_used(&t.g, 0, &head, &len))
		count++;
	assert_true(count > 0 && count < 60);
	run();
	while (fg_used(&t.g, 0, &head, &len))
		count++;
	assert_int_equal(count, 60);
}

static void a_broken_ring_is_left_alone(void **state)
{
	(void)state;
	run();
	fg_post(&t.g, 0, (struct fg_buf[]){ { 0, 64, true } }, 1);
	fg_kick(&t.g, 0);
	run();
	assert_true(fg_read32(&t.g, 0x70) & VDEV_NEEDS_RESET);
	fg_start(&t.g, VDEV_F_EVENT_IDX);
	bytes_come(state);
}

/* A second one of its kind, in a slot that was empty when the guest looked first. */
static void another_comes_later(void **state)
{
	struct fakeguest late;
	struct rng *second;
	uint16_t head, got;
	uint64_t gpa;
	uint32_t len;

	(void)state;
	fg_init(&late);
	assert_int_equal(mmio_init(&late.slot, NULL), 0);
	assert_int_equal(fg_read32(&late, 0x8), 0);
	assert_int_equal(rng_new(t.loop, &late.gm, &second), 0);
	assert_int_equal(mmio_plug(&late.slot, rng_vdev(second)), 0);
	fg_start(&late, 0);
	gpa = fg_alloc(&late, 64);
	head = fg_post(&late, 0, (struct fg_buf[]){ { gpa, 64, true } }, 1);
	fg_kick(&late, 0);
	run();
	assert_true(fg_used(&late, 0, &got, &len));
	assert_int_equal(got, head);
	assert_int_equal(len, 64);
	bytes_come(state);
	fg_done(&late);
	rng_free(second);
}

/* What was asked of one is answered by the other. */
static void requests_move_with_the_machine(void **state)
{
	uint64_t gpa = fg_alloc(&t.g, 64);
	struct rng *old = t.rng;
	uint16_t head;

	run();
	head = fg_post(&t.g, 0, (struct fg_buf[]){ { gpa, 64, true } }, 1);
	fg_kick(&t.g, 0);
	assert_int_equal(rng_new(t.loop, &t.g.gm, &t.rng), 0);
	fg_move(&t.g, rng_vdev(t.rng));
	rng_free(old);
	run();
	assert_int_equal(used(head), 64);
	bytes_come(state);
}

static void *device_thread(void *arg)
{
	assert_int_equal(loop_run(arg), 0);
	return NULL;
}

/* Another vCPU that does not care what the first one does. */
static void *rude_vcpu(void *arg)
{
	for (uint32_t i = 0; i < 20000; i++) {
		uint32_t value = i % 3 ? i : UINT32_MAX;

		mmio_write(&t.g.slot, 0x30, &value, 4);
		mmio_read(&t.g.slot, 0x34, &value, 4);
		mmio_read(&t.g.slot, i % 64 * 4, &value, 4);
		value = 0;
		mmio_write(&t.g.slot, MMIO_QUEUE_NOTIFY, &value, 4);
	}
	return arg;
}

static void resets_race_with_everything(void **state)
{
	pthread_t device, vcpu;
	uint64_t gpa = fg_alloc(&t.g, 64), next = t.g.next;

	(void)state;
	assert_int_equal(pthread_create(&device, NULL, device_thread, t.loop), 0);
	assert_int_equal(pthread_create(&vcpu, NULL, rude_vcpu, NULL), 0);
	for (int i = 0; i < 300; i++) {
		static const uint32_t steps[] = { 0, 1, 3, 11 };

		t.g.next = next;
		/* The other one moves queue_sel about: a queue may or may not become ready. */
		for (size_t s = 0; s < 4; s++) {
			fg_write32(&t.g, 0x24, 1);
			fg_write32(&t.g, 0x20, 1);
			fg_write32(&t.g, 0x70, steps[s]);
		}
		fg_write32(&t.g, 0x70, 15);
		fg_kick(&t.g, 0);
	}
	pthread_join(vcpu, NULL);
	fg_write32(&t.g, 0x70, 0);
	memset(fg_at(&t.g, FG_RAM_GPA), 0, 1 << 16);
	fg_start(&t.g, 0);
	fg_post(&t.g, 0, (struct fg_buf[]){ { gpa, 64, true } }, 1);
	fg_kick(&t.g, 0);
	assert_true(fg_wait(&t.g, 0, 10000));
	assert_int_equal(used(0), 64);
	/* The loop ends while the device still runs; its stop finds no thread to wait for. */
	loop_quit(t.loop);
	pthread_join(device, NULL);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(another_comes_later, fresh, gone),
		cmocka_unit_test_setup_teardown(requests_move_with_the_machine, fresh, gone),
		cmocka_unit_test_setup_teardown(bytes_come, fresh, gone),
		cmocka_unit_test_setup_teardown(a_request_is_bounded, fresh, gone),
		cmocka_unit_test_setup_teardown(a_chain_without_room_comes_back_empty, fresh, gone),
		cmocka_unit_test_setup_teardown(many_requests_take_several_turns, fresh, gone),
		cmocka_unit_test_setup_teardown(a_broken_ring_is_left_alone, fresh, gone),
		cmocka_unit_test_setup_teardown(resets_race_with_everything, fresh, gone),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
