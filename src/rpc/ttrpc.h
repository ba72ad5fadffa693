/*
 * ttrpc (github.com/containerd/ttrpc, PROTOCOL.md): 10-byte frames around protobuf envelopes.
 * Codec, and the limits both ends hold to.
 */
#pragma once

#include "base/buf.h"
#include "base/err.h"

#include <protobuf-c/protobuf-c.h>
#include <stdint.h>

#define TTRPC_HEADER_LEN  10
#define TTRPC_MESSAGE_MAX (4 << 20)

enum ttrpc_type {
	TTRPC_REQUEST = 1,
	TTRPC_RESPONSE = 2,
};

/* google.rpc.Code values in use. */
enum rpc_code {
	RPC_OK = 0,
	RPC_UNKNOWN = 2,
	RPC_INVALID_ARGUMENT = 3,
	RPC_DEADLINE_EXCEEDED = 4,
	RPC_NOT_FOUND = 5,
	RPC_ALREADY_EXISTS = 6,
	RPC_PERMISSION_DENIED = 7,
	RPC_RESOURCE_EXHAUSTED = 8,
	RPC_FAILED_PRECONDITION = 9,
	RPC_UNIMPLEMENTED = 12,
	RPC_INTERNAL = 13,
	RPC_UNAVAILABLE = 14,
};

struct ttrpc_header {
	uint32_t length, stream;
	uint8_t type, flags;
};

void ttrpc_header_pack(const struct ttrpc_header *h, uint8_t out[TTRPC_HEADER_LEN]);
struct ttrpc_header ttrpc_header_unpack(const uint8_t in[TTRPC_HEADER_LEN]);

/* errno <-> status code, as both ends translate a struct err. */
enum rpc_code rpc_code_from_errno(int code);
int rpc_code_to_errno(enum rpc_code code);
