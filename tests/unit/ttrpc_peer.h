/* The other end of a ttrpc connection, made by hand: frames written and read byte by byte. */
#pragma once

#include "base/fd.h"
#include "rpc/ttrpc.h"
#include "rpc/ttrpc.pb-c.h"
#include "tests/unit/unit.h"

#include <string.h>
#include <sys/socket.h>

/* A header, and len bytes of data behind it (NULL: zeros are not sent either). */
static inline void peer_send(int fd, uint32_t stream, uint8_t type, const void *data, size_t len)
{
	struct ttrpc_header h = { .length = (uint32_t)len, .stream = stream, .type = type };
	uint8_t bytes[TTRPC_HEADER_LEN];

	ttrpc_header_pack(&h, bytes);
	assert_int_equal(fd_write_all(fd, bytes, sizeof(bytes)), 0);
	if (data)
		assert_int_equal(fd_write_all(fd, data, len), 0);
}

static inline void peer_send_message(
	int fd, uint32_t stream, uint8_t type, const ProtobufCMessage *envelope)
{
	size_t len = protobuf_c_message_get_packed_size(envelope);
	uint8_t *bytes = malloc(len ? len : 1);

	assert_non_null(bytes);
	protobuf_c_message_pack(envelope, bytes);
	peer_send(fd, stream, type, bytes, len);
	free(bytes);
}

/* The next frame; its message is the caller's to free. */
static inline struct ttrpc_header peer_receive(int fd, uint8_t **ret_data)
{
	uint8_t bytes[TTRPC_HEADER_LEN];
	struct ttrpc_header h;

	assert_int_equal(fd_read_all(fd, bytes, sizeof(bytes)), 0);
	h = ttrpc_header_unpack(bytes);
	assert_true(h.length <= TTRPC_MESSAGE_MAX);
	*ret_data = malloc(h.length + 1);
	assert_non_null(*ret_data);
	assert_int_equal(fd_read_all(fd, *ret_data, h.length), 0);
	return h;
}

/* True when the other end has closed, or has sent nothing. */
static inline bool peer_at_end(int fd)
{
	char byte;

	return recv(fd, &byte, 1, MSG_DONTWAIT | MSG_PEEK) == 0;
}

static inline bool peer_is_silent(int fd)
{
	char byte;

	return recv(fd, &byte, 1, MSG_DONTWAIT | MSG_PEEK) < 0 && errno == EAGAIN;
}
