/* Frames byte by byte, and the translation of errors. */
#include "rpc/ttrpc.h"
#include "rpc/ttrpc.pb-c.h"
#include "tests/unit/unit.h"

#include <string.h>

static void headers_are_big_endian(void **state)
{
	static const uint8_t wire[TTRPC_HEADER_LEN] = { 0, 0x12, 0x34, 0x56, 0xfe, 0xdc, 0xba, 0x98,
		1, 2 };
	struct ttrpc_header h = ttrpc_header_unpack(wire);
	uint8_t out[TTRPC_HEADER_LEN];

	(void)state;
	assert_int_equal(h.length, 0x123456);
	assert_int_equal(h.stream, 0xfedcba98);
	assert_int_equal(h.type, 1);
	assert_int_equal(h.flags, 2);
	ttrpc_header_pack(&h, out);
	assert_memory_equal(out, wire, sizeof(wire));
}

static void frames_end_where_they_say(void **state)
{
	uint8_t wire[TTRPC_HEADER_LEN + 4] = { 0, 0, 0, 3, 0, 0, 0, 1, 1, 0, 'a', 'b', 'c', 'd' };
	struct ttrpc_header h = { 0 };

	(void)state;
	for (size_t n = 0; n < TTRPC_HEADER_LEN + 3; n++)
		assert_int_equal(ttrpc_frame_next(wire, n, &h), 0);
	assert_int_equal(h.stream, 0);
	assert_int_equal(ttrpc_frame_next(wire, TTRPC_HEADER_LEN + 3, &h), 1);
	assert_int_equal(ttrpc_frame_next(wire, sizeof(wire), &h), 1);
	assert_int_equal(h.length, 3);
	/* 4 MiB exactly is allowed, one byte more is not, and that is known from the header. */
	memcpy(wire, "\0\x40\0\0", 4);
	assert_int_equal(ttrpc_frame_next(wire, sizeof(wire), &h), 0);
	memcpy(wire, "\0\x40\0\1", 4);
	assert_int_equal(ttrpc_frame_next(wire, TTRPC_HEADER_LEN, &h), -EMSGSIZE);
	assert_int_equal(h.length, TTRPC_MESSAGE_MAX + 1);
}

static void an_envelope_that_does_not_fit_changes_nothing(void **state)
{
	static uint8_t bytes[TTRPC_MESSAGE_MAX];
	Ttrpc__Response envelope = TTRPC__RESPONSE__INIT;
	AUTO(buf_done) struct buf b = { 0 };

	(void)state;
	envelope.payload = (ProtobufCBinaryData){ 3, bytes };
	assert_int_equal(ttrpc_frame_append(&b, 9, TTRPC_RESPONSE, &envelope.base), 0);
	assert_int_equal(b.len, TTRPC_HEADER_LEN + 5);
	assert_memory_equal(b.data, "\0\0\0\5\0\0\0\x09\2\0\x12\3\0\0\0", b.len);
	envelope.payload.len = sizeof(bytes);
	assert_int_equal(ttrpc_frame_append(&b, 9, TTRPC_RESPONSE, &envelope.base), -EMSGSIZE);
	assert_int_equal(b.len, TTRPC_HEADER_LEN + 5);
}

static void errors_survive_the_way(void **state)
{
	static const int codes[] = { ENOENT, EEXIST, EINVAL, EACCES, ETIMEDOUT, ENOMEM, EBUSY,
		ENOSYS, EPIPE, EIO };

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(codes); i++)
		assert_int_equal(rpc_code_to_errno(rpc_code_from_errno(codes[i])), codes[i]);
	assert_int_equal(rpc_code_from_errno(EPERM), RPC_PERMISSION_DENIED);
	assert_int_equal(rpc_code_from_errno(ESRCH), RPC_FAILED_PRECONDITION);
	assert_int_equal(rpc_code_from_errno(EXDEV), RPC_INTERNAL);
	assert_int_equal(rpc_code_to_errno((enum rpc_code)4711), EIO);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(headers_are_big_endian),
		cmocka_unit_test(frames_end_where_they_say),
		cmocka_unit_test(an_envelope_that_does_not_fit_changes_nothing),
		cmocka_unit_test(errors_survive_the_way),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
