/* Frames, bounded decoding, the translation of errors: see ttrpc.h. Used by both ends. */
#include "rpc/ttrpc.h"

#include "base/auto.h"

#include <stdlib.h>

static void put32(uint8_t *p, uint32_t v)
{
	p[0] = (uint8_t)(v >> 24);
	p[1] = (uint8_t)(v >> 16);
	p[2] = (uint8_t)(v >> 8);
	p[3] = (uint8_t)v;
}

static uint32_t get32(const uint8_t *p)
{
	return (uint32_t)p[0] << 24 | (uint32_t)p[1] << 16 | (uint32_t)p[2] << 8 | p[3];
}

void ttrpc_header_pack(const struct ttrpc_header *h, uint8_t out[TTRPC_HEADER_LEN])
{
	put32(out, h->length);
	put32(out + 4, h->stream);
	out[8] = h->type;
	out[9] = h->flags;
}

struct ttrpc_header ttrpc_header_unpack(const uint8_t in[TTRPC_HEADER_LEN])
{
	return (struct ttrpc_header){
		.length = get32(in),
		.stream = get32(in + 4),
		.type = in[8],
		.flags = in[9],
	};
}

int ttrpc_frame_next(const uint8_t *data, size_t len, struct ttrpc_header *ret)
{
	struct ttrpc_header h;

	if (len < TTRPC_HEADER_LEN)
		return 0;
	h = ttrpc_header_unpack(data);
	if (h.length <= TTRPC_MESSAGE_MAX && len - TTRPC_HEADER_LEN < h.length)
		return 0;
	*ret = h;
	return h.length > TTRPC_MESSAGE_MAX ? -EMSGSIZE : 1;
}

int ttrpc_frame_append(
	struct buf *out, uint32_t stream, enum ttrpc_type type, const ProtobufCMessage *envelope)
{
	size_t len = protobuf_c_message_get_packed_size(envelope);
	struct ttrpc_header h = { .stream = stream, .type = (uint8_t)type };
	int r;

	if (len > TTRPC_MESSAGE_MAX)
		return -EMSGSIZE;
	r = buf_reserve(out, TTRPC_HEADER_LEN + len);
	if (r < 0)
		return r;
	h.length = (uint32_t)len;
	ttrpc_header_pack(&h, out->data + out->len);
	protobuf_c_message_pack(envelope, out->data + out->len + TTRPC_HEADER_LEN);
	out->len += TTRPC_HEADER_LEN + len;
	return 0;
}

int ttrpc_payload(const ProtobufCMessage *message, ProtobufCBinaryData *ret)
{
	size_t len = protobuf_c_message_get_packed_size(message);
	uint8_t *data;

	if (len > TTRPC_MESSAGE_MAX)
		return -EMSGSIZE;
	data = malloc(len ? len : 1);
	if (!data)
		return -ENOMEM;
	protobuf_c_message_pack(message, data);
	*ret = (ProtobufCBinaryData){ .len = len, .data = data };
	return 0;
}

static void *alloc_within(void *left, size_t size)
{
	size_t *bytes = left;

	if (size > *bytes)
		return NULL;
	*bytes -= size;
	return malloc(size);
}

static void free_within(void *left, void *p)
{
	(void)left;
	free(p);
}

ProtobufCMessage *ttrpc_unpack(
	const ProtobufCMessageDescriptor *type, size_t len, const uint8_t *data)
{
	size_t left = TTRPC_UNPACKED_MAX;
	ProtobufCAllocator within = {
		.alloc = alloc_within,
		.free = free_within,
		.allocator_data = &left,
	};

	return protobuf_c_message_unpack(type, &within, len, data);
}

/* The first row of a code is what the other end makes of it. */
static const struct {
	int code;
	enum rpc_code rpc;
} errno_map[] = {
	{ ENOENT, RPC_NOT_FOUND },
	{ EEXIST, RPC_ALREADY_EXISTS },
	{ EINVAL, RPC_INVALID_ARGUMENT },
	{ EACCES, RPC_PERMISSION_DENIED },
	{ EPERM, RPC_PERMISSION_DENIED },
	{ ETIMEDOUT, RPC_DEADLINE_EXCEEDED },
	{ ENOMEM, RPC_RESOURCE_EXHAUSTED },
	{ EMSGSIZE, RPC_RESOURCE_EXHAUSTED },
	{ EBUSY, RPC_FAILED_PRECONDITION },
	{ ESRCH, RPC_FAILED_PRECONDITION },
	{ ECANCELED, RPC_ABORTED },
	{ ENOSYS, RPC_UNIMPLEMENTED },
	{ EOPNOTSUPP, RPC_UNIMPLEMENTED },
	{ EPIPE, RPC_UNAVAILABLE },
	{ ECONNRESET, RPC_UNAVAILABLE },
	{ ECONNREFUSED, RPC_UNAVAILABLE },
	{ EIO, RPC_INTERNAL },
};

enum rpc_code rpc_code_from_errno(int code)
{
	for (size_t i = 0; i < ARRAY_LEN(errno_map); i++)
		if (errno_map[i].code == code)
			return errno_map[i].rpc;
	return RPC_INTERNAL;
}

int rpc_code_to_errno(enum rpc_code code)
{
	for (size_t i = 0; i < ARRAY_LEN(errno_map); i++)
		if (errno_map[i].rpc == code)
			return errno_map[i].code;
	return EIO;
}
