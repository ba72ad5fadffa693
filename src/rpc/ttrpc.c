/* The ttrpc frame header and the translation of errors: see ttrpc.h. */
#include "rpc/ttrpc.h"

#include "base/auto.h"

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
	{ ENOSYS, RPC_UNIMPLEMENTED },
	{ EPIPE, RPC_UNAVAILABLE },
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
