/* The device state machine, behind the mmio registers that drive it. */
#include "base/auto.h"
#include "tests/unit/fakeguest.h"
#include "tests/unit/unit.h"

#include <string.h>

enum { DEVICE_ID = 0x8, QUEUE_SEL = 0x30, QUEUE_NUM_MAX = 0x34, QUEUE_NUM = 0x38 };

enum { QUEUE_READY = 0x44, STATUS = 0x70, DESC_LOW = 0x80, CONFIG = 0x100 };

enum { FEATURES = 0x10, FEATURES_SEL = 0x14, DRIVER_FEATURES = 0x20, DRIVER_FEATURES_SEL = 0x24 };

#define ALL_BUT_OK (VDEV_ACKNOWLEDGE | VDEV_DRIVER | VDEV_FEATURES_OK)
#define ALL	   (ALL_BUT_OK | VDEV_DRIVER_OK)

struct toy {
	struct vdev dev;
	uint8_t config[6];
	int starts, stops, written, start_result;
};

static struct toy toy;
static struct fakeguest g;

static int toy_start(struct vdev *d)
{
	struct toy *t = (struct toy *)d;

	t->starts++;
	return t->start_result;
}

static void toy_stop(struct vdev *d)
{
	((struct toy *)d)->stops++;
}

static void toy_written(struct vdev *d, uint32_t offset, uint32_t len)
{
	(void)offset;
	((struct toy *)d)->written += (int)len;
}

static const struct vdev_class toy_class = {
	.name = "toy",
	.virtio_id = 42,
	.queues = 2,
	.queue_max = { 8, 4 },
	.features = 1 << 5,
	.start = toy_start,
	.stop = toy_stop,
	.config_written = toy_written,
};

static int fresh(void **state)
{
	(void)state;
	struct vdev_spec spec = { .config = toy.config, .config_len = sizeof(toy.config) };

	memset(&toy, 0, sizeof(toy));
	memcpy(toy.config, "config", 6);
	fg_init(&g);
	assert_int_equal(vdev_init(&toy.dev, &toy_class, &g.gm, &spec), 0);
	fg_attach(&g, &toy.dev);
	return 0;
}

static int gone(void **state)
{
	(void)state;
	fg_done(&g);
	vdev_done(&toy.dev);
	return 0;
}

static void registers_identify_the_device(void **state)
{
	struct mmio empty;
	uint32_t value = 1;

	(void)state;
	assert_int_equal(fg_read32(&g, 0), 0x74726976);
	assert_int_equal(fg_read32(&g, 4), 2);
	assert_int_equal(fg_read32(&g, DEVICE_ID), 42);
	assert_int_equal(fg_read32(&g, 0xb0), UINT32_MAX);
	assert_int_equal(fg_read32(&g, 0xbc), UINT32_MAX);
	assert_int_equal(mmio_init(&empty, NULL), 0);
	mmio_read(&empty, DEVICE_ID, &value, 4);
	assert_int_equal(value, 0);
	mmio_read(&empty, 0, &value, 4);
	assert_int_equal(value, 0x74726976);
	mmio_write(&empty, STATUS, &value, 4);
	mmio_done(&empty);
	mmio_done(&empty);
}

/* As Linux probes it: magic, version, device id, and no more. Then the host puts a device there. */
static void an_empty_slot_is_filled_later(void **state)
{
	struct vdev other;
	struct fakeguest late;

	(void)state;
	fg_init(&late);
	assert_int_equal(mmio_init(&late.slot, NULL), 0);
	assert_int_equal(fg_read32(&late, 0), 0x74726976);
	assert_int_equal(fg_read32(&late, 4), 2);
	assert_int_equal(fg_read32(&late, DEVICE_ID), 0);
	/* A guest that goes on nevertheless changes nothing. */
	for (uint32_t reg = 0x10; reg < 0x200; reg += 4) {
		fg_write32(&late, reg, 1);
		assert_int_equal(fg_read32(&late, reg), 0);
	}
	assert_int_equal(vdev_init(&other, &toy_class, &late.gm, &(struct vdev_spec){ 0 }), 0);
	assert_int_equal(mmio_plug(&late.slot, &other), 0);
	assert_int_equal(mmio_plug(&late.slot, &other), -EBUSY);
	assert_int_equal(fg_read32(&late, DEVICE_ID), 42);
	assert_int_equal(fg_read32(&late, STATUS), 0);
	fg_start(&late, 0);
	assert_int_equal(fg_read32(&late, STATUS), ALL);
	fg_done(&late);
	vdev_done(&other);
}

static void accesses_of_the_wrong_width_do_nothing(void **state)
{
	uint64_t wide = UINT64_MAX;
	uint8_t byte = 1;

	(void)state;
	mmio_write(&g.slot, STATUS, &byte, 1);
	mmio_write(&g.slot, STATUS + 1, &wide, 4);
	mmio_write(&g.slot, STATUS, &wide, 8);
	assert_int_equal(fg_read32(&g, STATUS), 0);
	mmio_read(&g.slot, 0, &byte, 1);
	assert_int_equal(byte, 0);
	mmio_read(&g.slot, 0, &wide, 8);
	assert_int_equal(wide, 0);
	mmio_read(&g.slot, 0xffc, &wide, 8);
	assert_int_equal(wide, 0);
	mmio_read(&g.slot, 0x10000, &wide, 8);
	assert_int_equal(wide, 0);
}

static void the_status_goes_up_in_order(void **state)
{
	static const uint32_t refused[] = { VDEV_DRIVER, VDEV_FEATURES_OK, VDEV_DRIVER_OK, ALL,
		0x100, 32, VDEV_NEEDS_RESET };

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(refused); i++) {
		fg_write32(&g, STATUS, refused[i]);
		assert_int_equal(fg_read32(&g, STATUS), 0);
	}
	fg_write32(&g, STATUS, VDEV_ACKNOWLEDGE);
	fg_write32(&g, STATUS, VDEV_ACKNOWLEDGE | VDEV_DRIVER_OK);
	assert_int_equal(fg_read32(&g, STATUS), VDEV_ACKNOWLEDGE);
	fg_negotiate(&g, 0);
	/* Bits are never taken away. */
	fg_write32(&g, STATUS, VDEV_ACKNOWLEDGE);
	assert_int_equal(fg_read32(&g, STATUS), ALL_BUT_OK);
	fg_write32(&g, STATUS, VDEV_DRIVER_OK);
	assert_int_equal(fg_read32(&g, STATUS), ALL_BUT_OK);
	fg_write32(&g, STATUS, ALL);
	assert_int_equal(fg_read32(&g, STATUS), ALL);
	assert_int_equal(toy.starts, 1);
	fg_write32(&g, STATUS, ALL);
	assert_int_equal(toy.starts, 1);
	fg_write32(&g, STATUS, 0);
	assert_int_equal(fg_read32(&g, STATUS), 0);
	assert_int_equal(toy.stops, 1);
	fg_write32(&g, STATUS, 0);
	assert_int_equal(toy.stops, 1);
}

static void failed_stops_the_device_for_good(void **state)
{
	(void)state;
	fg_start(&g, 0);
	fg_write32(&g, STATUS, ALL | VDEV_FAILED);
	assert_int_equal(toy.stops, 1);
	assert_int_equal(fg_read32(&g, STATUS), ALL | VDEV_FAILED);
	fg_write32(&g, STATUS, ALL | VDEV_FAILED | VDEV_NEEDS_RESET);
	assert_int_equal(fg_read32(&g, STATUS), ALL | VDEV_FAILED);
	fg_start(&g, 0);
	assert_int_equal(toy.starts, 2);
}

static void features_must_be_offered(void **state)
{
	static const struct {
		uint64_t features;
		bool ok;
	} cases[] = {
		{ VDEV_F_VERSION_1, true },
		{ VDEV_F_VERSION_1 | VDEV_F_EVENT_IDX | VDEV_F_INDIRECT_DESC | 1 << 5, true },
		{ VDEV_F_EVENT_IDX, false }, /* a legacy driver */
		{ VDEV_F_VERSION_1 | 1 << 6, false },
		{ VDEV_F_VERSION_1 | 1ULL << 34, false },
	};

	(void)state;
	fg_write32(&g, FEATURES_SEL, 0);
	assert_int_equal(fg_read32(&g, FEATURES), VDEV_F_EVENT_IDX | VDEV_F_INDIRECT_DESC | 1 << 5);
	fg_write32(&g, FEATURES_SEL, 1);
	assert_int_equal(fg_read32(&g, FEATURES), 1);
	fg_write32(&g, FEATURES_SEL, 2);
	assert_int_equal(fg_read32(&g, FEATURES), 0);
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		fg_write32(&g, STATUS, 0);
		fg_write32(&g, STATUS, VDEV_ACKNOWLEDGE);
		fg_write32(&g, STATUS, VDEV_ACKNOWLEDGE | VDEV_DRIVER);
		fg_write32(&g, DRIVER_FEATURES_SEL, 0);
		fg_write32(&g, DRIVER_FEATURES, (uint32_t)cases[i].features);
		fg_write32(&g, DRIVER_FEATURES_SEL, 1);
		fg_write32(&g, DRIVER_FEATURES, (uint32_t)(cases[i].features >> 32));
		fg_write32(&g, STATUS, ALL_BUT_OK);
		assert_int_equal(!!(fg_read32(&g, STATUS) & VDEV_FEATURES_OK), cases[i].ok);
	}
	/* Frozen by FEATURES_OK. */
	fg_negotiate(&g, 1 << 5);
	fg_write32(&g, DRIVER_FEATURES_SEL, 0);
	fg_write32(&g, DRIVER_FEATURES, 0);
	assert_true(vdev_has(&toy.dev, 1 << 5));
	assert_false(vdev_has(&toy.dev, VDEV_F_EVENT_IDX));
}

static void queues_are_frozen_once_they_run(void **state)
{
	uint64_t desc;

	(void)state;
	fg_write32(&g, QUEUE_SEL, 0);
	fg_write32(&g, QUEUE_NUM, 4);
	assert_int_equal(toy.dev.queue[0].size, 0); /* before FEATURES_OK */
	fg_start(&g, VDEV_F_EVENT_IDX);
	assert_true(toy.dev.queue[0].event_idx);
	assert_false(toy.dev.queue[0].indirect);
	desc = toy.dev.queue[0].desc_gpa;
	fg_write32(&g, QUEUE_SEL, 0);
	fg_write32(&g, QUEUE_NUM, 2);
	fg_write32(&g, DESC_LOW, 0);
	fg_write32(&g, QUEUE_READY, 0);
	fg_write32(&g, QUEUE_READY, 1);
	assert_int_equal(toy.dev.queue[0].size, 8);
	assert_int_equal(toy.dev.queue[0].desc_gpa, desc);
	assert_int_equal(fg_read32(&g, QUEUE_READY), 1);
	fg_write32(&g, STATUS, 0);
	assert_int_equal(fg_read32(&g, QUEUE_READY), 0);
}

static void a_ready_queue_is_frozen_before_that(void **state)
{
	(void)state;
	fg_negotiate(&g, 0);
	fg_setup_queue(&g, 0, 8);
	fg_write32(&g, QUEUE_NUM, 2);
	assert_int_equal(toy.dev.queue[0].size, 8);
	fg_write32(&g, QUEUE_READY, 0);
	assert_int_equal(fg_read32(&g, QUEUE_READY), 0);
	assert_int_equal(toy.dev.queue[0].size, 0);
}

static void a_bad_queue_is_not_ready(void **state)
{
	(void)state;
	fg_negotiate(&g, 0);
	fg_write32(&g, QUEUE_SEL, 1);
	assert_int_equal(fg_read32(&g, QUEUE_NUM_MAX), 4);
	fg_write32(&g, QUEUE_NUM, 8); /* above the maximum */
	fg_write32(&g, QUEUE_READY, 1);
	assert_int_equal(fg_read32(&g, QUEUE_READY), 0);
	fg_write32(&g, QUEUE_NUM, 65536 + 4);
	fg_write32(&g, QUEUE_READY, 1);
	assert_int_equal(fg_read32(&g, QUEUE_READY), 0);
	for (uint32_t sel = 2; sel != 0; sel <<= 1) {
		fg_write32(&g, QUEUE_SEL, sel);
		assert_int_equal(fg_read32(&g, QUEUE_NUM_MAX), 0);
		fg_write32(&g, QUEUE_NUM, 4);
		fg_write32(&g, QUEUE_READY, 1);
		assert_int_equal(fg_read32(&g, QUEUE_READY), 0);
	}
}

static void config_space_is_bounded(void **state)
{
	char bytes[9] = "";

	(void)state;
	mmio_read(&g.slot, CONFIG, bytes, 4);
	assert_memory_equal(bytes, "conf", 4);
	mmio_read(&g.slot, CONFIG + 2, bytes, 4);
	assert_memory_equal(bytes, "nfig", 4);
	mmio_read(&g.slot, CONFIG + 3, bytes, 4); /* one byte too far */
	assert_memory_equal(bytes, "\0\0\0\0", 4);
	mmio_write(&g.slot, CONFIG, "CO", 2);
	assert_memory_equal(toy.config, "COnfig", 6);
	assert_int_equal(toy.written, 2);
	mmio_write(&g.slot, CONFIG + 5, "xy", 2);
	mmio_write(&g.slot, 0xffff, "xy", 2);
	mmio_write(&g.slot, UINT64_MAX, "xy", 1);
	assert_memory_equal(toy.config, "COnfig", 6);
	assert_int_equal(toy.written, 2);
}

static void a_device_that_cannot_start_asks_for_a_reset(void **state)
{
	uint32_t status;

	(void)state;
	toy.start_result = -EIO;
	fg_negotiate(&g, 0);
	fg_write32(&g, STATUS, ALL);
	assert_int_equal(fg_read32(&g, STATUS), ALL | VDEV_NEEDS_RESET);
	assert_int_equal(toy.stops, 1);
	assert_true(fg_interrupt(&g, &status));
	assert_int_equal(status, 2);
	fg_write32(&g, STATUS, 0);
	assert_int_equal(toy.stops, 1);
}

static void interrupts_say_why_and_are_acknowledged(void **state)
{
	uint32_t status, generation = fg_read32(&g, 0xfc);
	uint64_t count;
	uint16_t head;

	(void)state;
	fg_start(&g, 0);
	/* Notifications from before DRIVER_OK are not lost: every queue is kicked once. */
	assert_int_equal(read(toy.dev.queue[0].kick_fd, &count, 8), 8);
	assert_int_equal(read(toy.dev.queue[1].kick_fd, &count, 8), 8);
	assert_int_equal(read(toy.dev.queue[1].kick_fd, &count, 8), -1);
	fg_kick(&g, 1);
	fg_kick(&g, 2); /* no such queue */
	assert_int_equal(read(toy.dev.queue[1].kick_fd, &count, 8), 8);
	assert_int_equal(read(toy.dev.queue[0].kick_fd, &count, 8), -1);

	assert_false(fg_interrupt(&g, &status));
	head = fg_post(&g, 0, (struct fg_buf[]){ { fg_alloc(&g, 8), 8, true } }, 1);
	vdev_interrupt_queue(&toy.dev, &toy.dev.queue[0]);
	assert_false(fg_interrupt(&g, &status));
	vq_push(&toy.dev.queue[0], head, 8);
	vdev_interrupt_queue(&toy.dev, &toy.dev.queue[0]);
	vdev_interrupt_config(&toy.dev);
	assert_true(fg_interrupt(&g, &status));
	assert_int_equal(status, 3);
	assert_int_equal(fg_read32(&g, 0x60), 0);
	assert_int_equal(fg_read32(&g, 0xfc), generation + 1);
	/* A broken ring is told once. */
	vdev_broken(&toy.dev);
	assert_true(fg_interrupt(&g, &status));
	vdev_broken(&toy.dev);
	assert_false(fg_interrupt(&g, &status));
	assert_int_equal(fg_read32(&g, STATUS), ALL | VDEV_NEEDS_RESET);
}

/* Two of a class: each has its own features and config space. */
static void an_instance_offers_more_than_its_class(void **state)
{
	static uint8_t config[] = "other";
	struct vdev_spec spec = {
		.queues = 1,
		.features = 1 << 7,
		.config = config,
		.config_len = sizeof(config),
	};
	struct fakeguest guest;
	struct vdev other;

	(void)state;
	fg_init(&guest);
	assert_int_equal(vdev_init(&other, &toy_class, &guest.gm, &spec), 0);
	fg_attach(&guest, &other);
	assert_int_equal(fg_read32(&guest, FEATURES) & 0xff, 1 << 5 | 1 << 7);
	assert_int_equal(fg_read32(&g, FEATURES) & 0xff, 1 << 5);
	assert_int_equal(fg_read32(&guest, CONFIG), 0x6568746f); /* "othe" */
	fg_negotiate(&guest, 1 << 7);
	assert_true(vdev_has(&other, 1 << 7));
	assert_false(vdev_has(&toy.dev, 1 << 7));
	fg_done(&guest);
	vdev_done(&other);
}

struct state {
	struct buf bytes;
	struct toy copy;
	struct mmio slot;
};

static void state_done(struct state *s)
{
	buf_done(&s->bytes);
}

DEFINE_AUTO_VAL(state_done, struct state)

static void save_toy(struct state *s)
{
	vdev_pause(&toy.dev);
	assert_int_equal(mmio_save(&g.slot, &s->bytes), 0);
}

/* Into a device that was made like the toy. */
static int restore_toy(struct state *s, const void *bytes, size_t len)
{
	struct vdev_spec spec = { .config = s->copy.config, .config_len = sizeof(s->copy.config) };
	struct saved in = saved_read(bytes, len);
	int r;

	memcpy(s->copy.config, "config", 6);
	assert_int_equal(vdev_init(&s->copy.dev, &toy_class, &g.gm, &spec), 0);
	assert_int_equal(mmio_init(&s->slot, &s->copy.dev), 0);
	r = mmio_restore(&s->slot, &in);
	return r ? r : saved_close(&in);
}

static void drop_copy(struct state *s)
{
	mmio_done(&s->slot);
	vdev_done(&s->copy.dev);
	s->copy = (struct toy){ 0 };
}

static uint32_t copy_read(struct state *s, uint32_t offset)
{
	uint32_t value;

	mmio_read(&s->slot, offset, &value, sizeof(value));
	return value;
}

static void everything_negotiated_is_restored(void **state)
{
	AUTO(state_done) struct state s = { 0 };

	(void)state;
	fg_start(&g, VDEV_F_EVENT_IDX | 1 << 5);
	fg_write32(&g, FEATURES_SEL, 1);
	fg_write32(&g, QUEUE_SEL, 1);
	vdev_interrupt_config(&toy.dev);
	assert_int_equal(mmio_save(&g.slot, &s.bytes), -EBUSY); /* while it runs */
	toy.dev.queue[0].last_avail = toy.dev.queue[0].used_idx = 77;
	save_toy(&s);
	assert_int_equal(restore_toy(&s, s.bytes.data, s.bytes.len), 0);
	assert_int_equal(s.copy.starts, 0);
	assert_int_equal(copy_read(&s, STATUS), ALL);
	assert_int_equal(copy_read(&s, QUEUE_READY), 1);
	assert_int_equal(copy_read(&s, QUEUE_NUM_MAX), 4);
	assert_int_equal(copy_read(&s, FEATURES), 1); /* VERSION_1 */
	assert_int_equal(copy_read(&s, 0x60), 2);
	assert_int_equal(copy_read(&s, 0xfc), fg_read32(&g, 0xfc));
	assert_true(vdev_has(&s.copy.dev, 1 << 5));
	assert_int_equal(s.copy.dev.queue[0].last_avail, 77);
	assert_true(s.copy.dev.queue[0].event_idx);
	vdev_resume(&s.copy.dev);
	assert_int_equal(s.copy.starts, 1);
	/* The config interrupt that may have been on its way comes again. */
	assert_int_equal(read(s.slot.irq_fd, &(uint64_t){ 0 }, 8), 8);
	vdev_resume(&toy.dev);
	assert_int_equal(toy.starts, 2);
	drop_copy(&s);
}

/* Whatever is cut off or changed: no state is taken in half, none ends the monitor. */
static void what_is_restored_is_checked(void **state)
{
	AUTO(state_done) struct state s = { 0 };
	AUTO_FREE uint8_t *bytes = NULL;
	unsigned refused = 0;

	(void)state;
	fg_start(&g, VDEV_F_EVENT_IDX);
	save_toy(&s);
	for (size_t len = 0; len < s.bytes.len; len++) {
		assert_int_equal(restore_toy(&s, s.bytes.data, len), -EINVAL);
		drop_copy(&s);
	}
	bytes = malloc(s.bytes.len + 1);
	assert_non_null(bytes);
	for (size_t i = 0; i < s.bytes.len; i++) {
		memcpy(bytes, s.bytes.data, s.bytes.len);
		bytes[i] ^= 0xff;
		if (restore_toy(&s, bytes, s.bytes.len) < 0)
			refused++;
		vdev_resume(&s.copy.dev);
		drop_copy(&s);
	}
	/* Positions of rings and registers that select may be anything. */
	assert_true(refused > s.bytes.len / 2);
	memcpy(bytes, s.bytes.data, s.bytes.len);
	bytes[s.bytes.len] = 0;
	assert_int_equal(restore_toy(&s, bytes, s.bytes.len + 1), -EINVAL);
	drop_copy(&s);
}

static void a_device_in_use_is_not_restored(void **state)
{
	AUTO(state_done) struct state s = { 0 };
	struct saved in;

	(void)state;
	save_toy(&s);
	fg_start(&g, 0);
	in = saved_read(s.bytes.data, s.bytes.len);
	assert_int_equal(mmio_restore(&g.slot, &in), -EINVAL);
}

static void too_many_queues_are_refused(void **state)
{
	struct vdev d;

	(void)state;
	assert_int_equal(
		vdev_init(&d, &toy_class, &g.gm, &(struct vdev_spec){ .queues = 3 }), -EINVAL);
	vdev_done(&d);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(registers_identify_the_device, fresh, gone),
		cmocka_unit_test_setup_teardown(an_empty_slot_is_filled_later, fresh, gone),
		cmocka_unit_test_setup_teardown(
			accesses_of_the_wrong_width_do_nothing, fresh, gone),
		cmocka_unit_test_setup_teardown(the_status_goes_up_in_order, fresh, gone),
		cmocka_unit_test_setup_teardown(failed_stops_the_device_for_good, fresh, gone),
		cmocka_unit_test_setup_teardown(features_must_be_offered, fresh, gone),
		cmocka_unit_test_setup_teardown(queues_are_frozen_once_they_run, fresh, gone),
		cmocka_unit_test_setup_teardown(a_ready_queue_is_frozen_before_that, fresh, gone),
		cmocka_unit_test_setup_teardown(a_bad_queue_is_not_ready, fresh, gone),
		cmocka_unit_test_setup_teardown(config_space_is_bounded, fresh, gone),
		cmocka_unit_test_setup_teardown(
			a_device_that_cannot_start_asks_for_a_reset, fresh, gone),
		cmocka_unit_test_setup_teardown(
			interrupts_say_why_and_are_acknowledged, fresh, gone),
		cmocka_unit_test_setup_teardown(
			an_instance_offers_more_than_its_class, fresh, gone),
		cmocka_unit_test_setup_teardown(everything_negotiated_is_restored, fresh, gone),
		cmocka_unit_test_setup_teardown(what_is_restored_is_checked, fresh, gone),
		cmocka_unit_test_setup_teardown(a_device_in_use_is_not_restored, fresh, gone),
		cmocka_unit_test_setup_teardown(too_many_queues_are_refused, fresh, gone),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
