/* Decompression: every format, limits, and damaged input. */
#include "guest/unpack.h"
#include "tests/unit/packed.h"
#include "tests/unit/unit.h"

/* More than one frame of the legacy LZ4 format. */
#define BIG_BYTES ((size_t)19 << 20)

static void round_trips(void **state)
{
	const size_t sizes[] = { 1, 4096, 65536, 65537, BIG_BYTES };

	(void)state;
	for (size_t s = 0; s < ARRAY_LEN(sizes); s++) {
		AUTO(buf_done) struct buf plain = { 0 };

		fill_text(&plain, sizes[s]);
		for (size_t i = 0; i < ARRAY_LEN(packers); i++) {
			AUTO(buf_done) struct buf packed = { 0 };
			AUTO(buf_done) struct buf out = { 0 };
			struct err err = ERR_NONE;

			packers[i].pack(plain.data, plain.len, &packed);
			assert_string_equal(
				unpack_format(packed.data, packed.len), packers[i].name);
			/* What kernels append, and what out held before stays. */
			put_le32(&packed, (uint32_t)plain.len);
			assert_int_equal(buf_append_str(&out, "head"), 0);
			assert_int_equal(unpack(packed.data, packed.len, plain.len, &out, &err), 0);
			assert_int_equal(out.len, plain.len + 4);
			assert_memory_equal(out.data, "head", 4);
			assert_memory_equal(out.data + 4, plain.data, plain.len);
		}
	}
}

static void limits_the_output(void **state)
{
	AUTO(buf_done) struct buf plain = { 0 };

	(void)state;
	fill_text(&plain, 200000);
	for (size_t i = 0; i < ARRAY_LEN(packers); i++) {
		AUTO(buf_done) struct buf packed = { 0 };
		AUTO(buf_done) struct buf out = { 0 };
		struct err err = ERR_NONE;

		packers[i].pack(plain.data, plain.len, &packed);
		assert_int_equal(
			unpack(packed.data, packed.len, plain.len - 1, &out, &err), -EFBIG);
		assert_non_null(strstr(err.msg, "199999"));
		assert_true(out.len <= plain.len - 1);
	}
}

static void refuses_truncated_input(void **state)
{
	AUTO(buf_done) struct buf plain = { 0 };

	(void)state;
	fill_text(&plain, 100000);
	for (size_t i = 0; i < ARRAY_LEN(packers); i++) {
		AUTO(buf_done) struct buf packed = { 0 };

		packers[i].pack(plain.data, plain.len, &packed);
		for (size_t cut = 16; cut < packed.len - 8; cut += 997) {
			AUTO(buf_done) struct buf out = { 0 };
			struct err err = ERR_NONE;

			assert_int_equal(
				unpack(packed.data, cut, UNPACK_MAX_BYTES, &out, &err), -EINVAL);
			assert_non_null(strstr(err.msg, packers[i].name));
		}
	}
}

/* Flipped bits: an error or some output, but no crash (the sanitizers watch) and no overrun. */
static void survives_damage(void **state)
{
	AUTO(buf_done) struct buf plain = { 0 };

	(void)state;
	fill_text(&plain, 30000);
	for (size_t i = 0; i < ARRAY_LEN(packers); i++) {
		AUTO(buf_done) struct buf packed = { 0 };

		packers[i].pack(plain.data, plain.len, &packed);
		for (size_t at = 0; at < packed.len; at += 7) {
			AUTO(buf_done) struct buf out = { 0 };
			struct err err = ERR_NONE;

			packed.data[at] ^= 0x55;
			if (unpack(packed.data, packed.len, 40000, &out, &err) < 0)
				assert_int_not_equal(err.code, 0);
			assert_true(out.len <= 40000);
			packed.data[at] ^= 0x55;
		}
	}
}

static void names_what_it_cannot_unpack(void **state)
{
	AUTO(buf_done) struct buf out = { 0 };
	struct err err = ERR_NONE;

	(void)state;
	assert_int_equal(unpack("BZh91AY", 7, 100, &out, &err), -ENOTSUP);
	assert_non_null(strstr(err.msg, "bzip2"));
	err_clear(&err);
	assert_int_equal(unpack("what?", 5, 100, &out, &err), -EINVAL);
	assert_null(unpack_format("what?", 5));
	assert_null(unpack_format("\x1f", 1));
	assert_null(unpack_format("", 0));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(round_trips),
		cmocka_unit_test(limits_the_output),
		cmocka_unit_test(refuses_truncated_input),
		cmocka_unit_test(survives_damage),
		cmocka_unit_test(names_what_it_cannot_unpack),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
