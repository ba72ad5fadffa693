/* Virtqueues from rings built by hand: chains, every way to break one, notifications. */
#include "dev/vq.h"
#include "tests/unit/unit.h"

#include <string.h>

#define SIZE	  8
#define DESC	  0x0
#define AVAIL	  0x1000
#define USED	  0x2000
#define TABLE	  0x3000
#define DATA	  0x4000
#define RAM_BYTES 0x10000

#define NEXT	  1
#define WRITE	  2
#define INDIRECT  4

struct desc {
	uint64_t addr;
	uint32_t len;
	uint16_t flags, next;
};

static uint8_t ram[RAM_BYTES] __attribute__((aligned(4096)));
static struct gmem gm;
static struct vq q;
static struct vq_chain c;

static void put(uint64_t gpa, const void *data, size_t len)
{
	memcpy(ram + gpa, data, len);
}

static uint16_t get16(uint64_t gpa)
{
	uint16_t value;

	memcpy(&value, ram + gpa, 2);
	return value;
}

static void put16(uint64_t gpa, uint16_t value)
{
	put(gpa, &value, 2);
}

static void desc_at(uint64_t table, unsigned i, struct desc d)
{
	put(table + 16 * i, &d, 16);
}

static void make_available(uint16_t head)
{
	uint16_t idx = get16(AVAIL + 2);

	put16(AVAIL + 4 + 2 * (idx % SIZE), head);
	put16(AVAIL + 2, (uint16_t)(idx + 1));
}

static int fresh(void **state)
{
	(void)state;
	memset(ram, 0, sizeof(ram));
	gm = (struct gmem){ 0 };
	assert_int_equal(gm_add(&gm, 0, RAM_BYTES, ram), 0);
	q = (struct vq){
		.gm = &gm,
		.max = SIZE,
		.size = SIZE,
		.desc_gpa = DESC,
		.avail_gpa = AVAIL,
		.used_gpa = USED,
		.indirect = true,
		.kick_fd = -1,
	};
	assert_int_equal(vq_start(&q), 0);
	return 0;
}

static void a_ring_is_checked_before_it_starts(void **state)
{
	static const struct {
		uint16_t size;
		uint64_t desc, avail, used;
	} bad[] = {
		{ 0, DESC, AVAIL, USED },
		{ 3, DESC, AVAIL, USED },
		{ 16, DESC, AVAIL, USED }, /* more than max */
		{ SIZE, DESC + 8, AVAIL, USED },
		{ SIZE, DESC, AVAIL + 1, USED },
		{ SIZE, DESC, AVAIL, USED + 2 },
		{ SIZE, RAM_BYTES - 112, AVAIL, USED },
		{ SIZE, DESC, RAM_BYTES - 20, USED },
		{ SIZE, DESC, AVAIL, RAM_BYTES - 68 },
		{ SIZE, UINT64_MAX - 15, AVAIL, USED },
		{ SIZE, DESC, UINT64_MAX - 1, USED },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		vq_reset(&q);
		q.size = bad[i].size;
		q.desc_gpa = bad[i].desc;
		q.avail_gpa = bad[i].avail;
		q.used_gpa = bad[i].used;
		assert_int_equal(vq_start(&q), -EINVAL);
		assert_false(q.ready);
		assert_int_equal(vq_pop(&q, &c), 0);
	}
}

static void a_chain_has_readable_then_writable_parts(void **state)
{
	(void)state;
	desc_at(DESC, 2, (struct desc){ DATA, 16, NEXT, 5 });
	desc_at(DESC, 5, (struct desc){ DATA + 64, 0, NEXT, 1 });
	desc_at(DESC, 1, (struct desc){ DATA + 128, 32, WRITE, 0 });
	assert_int_equal(vq_pop(&q, &c), 0);
	make_available(2);
	assert_int_equal(vq_pop(&q, &c), 1);
	assert_int_equal(c.head, 2);
	assert_int_equal(c.out, 1);
	assert_int_equal(c.in, 1);
	assert_int_equal(c.out_len, 16);
	assert_int_equal(c.in_len, 32);
	assert_ptr_equal(c.iov[1].iov_base, ram + DATA + 128);
	vq_push(&q, c.head, 7);
	assert_int_equal(get16(USED + 2), 1);
	assert_int_equal(get16(USED + 4), 2);
	assert_int_equal(get16(USED + 8), 7);
	assert_int_equal(vq_pop(&q, &c), 0);
}

static void an_unpopped_chain_comes_again(void **state)
{
	(void)state;
	desc_at(DESC, 3, (struct desc){ DATA, 16, 0, 0 });
	make_available(3);
	assert_int_equal(vq_pop(&q, &c), 1);
	vq_unpop(&q);
	assert_int_equal(vq_pop(&q, &c), 1);
	assert_int_equal(c.head, 3);
}

static void indexes_wrap(void **state)
{
	(void)state;
	desc_at(DESC, 0, (struct desc){ DATA, 1, 0, 0 });
	for (unsigned i = 0; i < 70000; i++) {
		make_available(0);
		assert_int_equal(vq_pop(&q, &c), 1);
		vq_push(&q, 0, 0);
	}
	assert_int_equal(get16(USED + 2), (uint16_t)70000);
	assert_int_equal(vq_pop(&q, &c), 0);
}

static void an_indirect_table_is_one_chain(void **state)
{
	(void)state;
	/* Behind an ordinary descriptor, with the write flag that devices ignore. */
	desc_at(DESC, 0, (struct desc){ DATA, 8, NEXT, 1 });
	desc_at(DESC, 1, (struct desc){ TABLE, 32, INDIRECT | WRITE, 0 });
	desc_at(TABLE, 0, (struct desc){ DATA + 16, 8, NEXT, 1 });
	desc_at(TABLE, 1, (struct desc){ DATA + 32, 8, WRITE, 0 });
	make_available(0);
	assert_int_equal(vq_pop(&q, &c), 1);
	assert_int_equal(c.out, 2);
	assert_int_equal(c.in, 1);
}

/* Descriptors 0..1 of the ring and 0..1 of an indirect table that no device may accept. */
static const struct {
	const char *what;
	uint16_t head;
	struct desc ring[2], table[2];
} broken[] = {
	{ "head out of range", SIZE, { { 0 } }, { { 0 } } },
	{ "next out of range", 0, { { DATA, 1, NEXT, SIZE } }, { { 0 } } },
	{ "endless", 0, { { DATA, 1, NEXT, 1 }, { DATA, 1, NEXT, 0 } }, { { 0 } } },
	{ "outside memory", 0, { { RAM_BYTES, 1, 0, 0 } }, { { 0 } } },
	{ "over the end", 0, { { RAM_BYTES - 1, 2, 0, 0 } }, { { 0 } } },
	{ "address wraps", 0, { { UINT64_MAX, 2, 0, 0 } }, { { 0 } } },
	{ "too long", 0, { { DATA, UINT32_MAX, 0, 0 } }, { { 0 } } },
	{ "readable after writable", 0, { { DATA, 1, NEXT | WRITE, 1 }, { DATA, 1, 0, 0 } },
		{ { 0 } } },
	{ "table with next", 0, { { TABLE, 16, INDIRECT | NEXT, 1 }, { DATA, 1, 0, 0 } },
		{ { DATA, 1, 0, 0 } } },
	{ "empty table", 0, { { TABLE, 0, INDIRECT, 0 } }, { { DATA, 1, 0, 0 } } },
	{ "odd table", 0, { { TABLE, 17, INDIRECT, 0 } }, { { DATA, 1, 0, 0 } } },
	{ "huge table", 0, { { TABLE, 16 * 1025, INDIRECT, 0 } }, { { DATA, 1, 0, 0 } } },
	{ "table outside memory", 0, { { RAM_BYTES, 16, INDIRECT, 0 } }, { { 0 } } },
	{ "table address wraps", 0, { { UINT64_MAX - 15, 32, INDIRECT, 0 } }, { { 0 } } },
	{ "table in table", 0, { { TABLE, 32, INDIRECT, 0 } },
		{ { TABLE, 16, INDIRECT, 0 }, { DATA, 1, 0, 0 } } },
	{ "next outside the table", 0, { { TABLE, 32, INDIRECT, 0 } }, { { DATA, 1, NEXT, 2 } } },
	{ "endless table", 0, { { TABLE, 32, INDIRECT, 0 } },
		{ { DATA, 1, NEXT, 1 }, { DATA, 1, NEXT, 0 } } },
};

static void a_broken_chain_breaks_the_ring_for_good(void **state)
{
	for (size_t i = 0; i < sizeof(broken) / sizeof(broken[0]); i++) {
		fresh(state);
		for (unsigned d = 0; d < 2; d++) {
			desc_at(DESC, d, broken[i].ring[d]);
			desc_at(TABLE, d, broken[i].table[d]);
		}
		make_available(broken[i].head);
		if (vq_pop(&q, &c) != -EPROTO)
			fail_msg("%s was accepted", broken[i].what);
		/* A good one does not mend it, and nothing is written to it any more. */
		desc_at(DESC, 7, (struct desc){ DATA, 1, 0, 0 });
		make_available(7);
		assert_int_equal(vq_pop(&q, &c), -EPROTO);
		vq_push(&q, 7, 0);
		assert_int_equal(get16(USED + 2), 0);
	}
}

static void the_sum_of_lengths_is_bounded(void **state)
{
	static uint8_t big[1 << 20];

	(void)state;
	assert_int_equal(gm_add(&gm, 1 << 30, sizeof(big), big), 0);
	/* 512 times 8 MiB would wrap 32 bits, if the buffers were that large; 4 GiB are not there.
	 */
	for (unsigned i = 0; i < SIZE; i++)
		desc_at(DESC, i,
			(struct desc){
				1 << 30, sizeof(big), i + 1 < SIZE ? NEXT : 0, (uint16_t)(i + 1) });
	make_available(0);
	assert_int_equal(vq_pop(&q, &c), 1);
	assert_int_equal(c.out_len, SIZE * sizeof(big));
	/* More segments than a chain may have. */
	desc_at(DESC, 0, (struct desc){ 1 << 30, 16 * 600, INDIRECT, 0 });
	for (unsigned i = 0; i < 600; i++) {
		struct desc d = { DATA, 1, i < 599 ? NEXT : 0, (uint16_t)(i + 1) };

		memcpy(big + 16 * i, &d, 16);
	}
	make_available(0);
	assert_int_equal(vq_pop(&q, &c), -EPROTO);
}

static void an_index_that_jumps_breaks_the_ring(void **state)
{
	(void)state;
	put16(AVAIL + 2, SIZE + 1);
	assert_int_equal(vq_pop(&q, &c), -EPROTO);
}

static void indirect_only_if_negotiated(void **state)
{
	(void)state;
	q.indirect = false;
	desc_at(DESC, 0, (struct desc){ TABLE, 16, INDIRECT, 0 });
	desc_at(TABLE, 0, (struct desc){ DATA, 1, 0, 0 });
	make_available(0);
	assert_int_equal(vq_pop(&q, &c), -EPROTO);
}

static void interrupts_without_event_idx(void **state)
{
	(void)state;
	assert_false(vq_wants_interrupt(&q));
	vq_push(&q, 0, 0);
	assert_true(vq_wants_interrupt(&q));
	assert_false(vq_wants_interrupt(&q));
	put16(AVAIL, 1); /* NO_INTERRUPT */
	vq_push(&q, 0, 0);
	assert_false(vq_wants_interrupt(&q));
	put16(AVAIL, 0);
	assert_int_equal(get16(USED), 0);
	vq_notify_off(&q);
	assert_int_equal(get16(USED), 1);
	assert_false(vq_notify_on(&q));
	assert_int_equal(get16(USED), 0);
	make_available(0);
	assert_true(vq_notify_on(&q));
}

static void interrupts_with_event_idx(void **state)
{
	(void)state;
	q.event_idx = true;
	put16(AVAIL + 4 + 2 * SIZE, 1); /* used_event: wake me when index 1 is used */
	vq_push(&q, 0, 0);
	assert_false(vq_wants_interrupt(&q));
	vq_push(&q, 0, 0);
	assert_true(vq_wants_interrupt(&q));
	vq_push(&q, 0, 0);
	assert_false(vq_wants_interrupt(&q));
	/* Several at once that pass the event. */
	put16(AVAIL + 4 + 2 * SIZE, 4);
	for (unsigned i = 0; i < 3; i++)
		vq_push(&q, 0, 0);
	assert_true(vq_wants_interrupt(&q));
	/* avail_event asks for a kick with the next chain. */
	make_available(0);
	desc_at(DESC, 0, (struct desc){ DATA, 1, 0, 0 });
	assert_true(vq_notify_on(&q));
	assert_int_equal(vq_pop(&q, &c), 1);
	assert_false(vq_notify_on(&q));
	assert_int_equal(get16(USED + 4 + 8 * SIZE), 1);
}

static void cursors_stay_in_their_part(void **state)
{
	struct iovc in, out;
	struct iovec iov[4];
	char text[16] = "";

	(void)state;
	desc_at(DESC, 0, (struct desc){ DATA, 3, NEXT, 1 });
	desc_at(DESC, 1, (struct desc){ DATA + 8, 4, NEXT, 2 });
	desc_at(DESC, 2, (struct desc){ DATA + 16, 5, WRITE, 0 });
	put(DATA, "abc", 3);
	put(DATA + 8, "defg", 4);
	make_available(0);
	assert_int_equal(vq_pop(&q, &c), 1);
	out = iovc_out(&c);
	in = iovc_in(&c);
	assert_int_equal(iovc_read(&out, text, 2), 2);
	assert_int_equal(iovc_peek(&out, 100, iov, 4), 2);
	assert_int_equal(iov[0].iov_len, 1);
	assert_int_equal(iov[1].iov_len, 4);
	assert_int_equal(iovc_peek(&out, 100, iov, 1), 1);
	assert_int_equal(iovc_peek(&out, 3, iov, 4), 2);
	assert_int_equal(iov[1].iov_len, 2);
	assert_int_equal(iovc_skip(&out, 2), 2);
	assert_int_equal(out.left, 3);
	assert_int_equal(iovc_read(&out, text, sizeof(text)), 3);
	assert_memory_equal(text, "efg", 3);
	assert_int_equal(iovc_read(&out, text, 1), 0);
	assert_int_equal(iovc_write(&in, "123456789", 9), 5);
	assert_memory_equal(ram + DATA + 16, "12345\0", 6);
	assert_int_equal(in.left, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(a_ring_is_checked_before_it_starts, fresh),
		cmocka_unit_test_setup(a_chain_has_readable_then_writable_parts, fresh),
		cmocka_unit_test_setup(an_unpopped_chain_comes_again, fresh),
		cmocka_unit_test_setup(indexes_wrap, fresh),
		cmocka_unit_test_setup(an_indirect_table_is_one_chain, fresh),
		cmocka_unit_test_setup(a_broken_chain_breaks_the_ring_for_good, fresh),
		cmocka_unit_test_setup(the_sum_of_lengths_is_bounded, fresh),
		cmocka_unit_test_setup(an_index_that_jumps_breaks_the_ring, fresh),
		cmocka_unit_test_setup(indirect_only_if_negotiated, fresh),
		cmocka_unit_test_setup(interrupts_without_event_idx, fresh),
		cmocka_unit_test_setup(interrupts_with_event_idx, fresh),
		cmocka_unit_test_setup(cursors_stay_in_their_part, fresh),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
