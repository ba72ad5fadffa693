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

/*
 * What a decoded message may take: a few bytes on the wire can stand for a whole struct, and the
 * peer may be a guest.
 */
#define TTRPC_UNPACKED_MAX (64 << 20)

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
	RPC_ABORTED = 10,
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

/*
 * Looks at the len bytes at data: 1 when a whole frame is there (its message follows the header at
 * TTRPC_HEADER_LEN), 0 when more must come, -EMSGSIZE when the message is larger than allowed; *ret
 * is set except for 0.
 */
int ttrpc_frame_next(const uint8_t *data, size_t len, struct ttrpc_header *ret) CHECKED;

/* Appends a frame that holds envelope. -EMSGSIZE, -ENOMEM: out is unchanged. */
int ttrpc_frame_append(struct buf *out, uint32_t stream, enum ttrpc_type type,
	const ProtobufCMessage *envelope) CHECKED;

/* The payload of an envelope; *ret->data is the caller's to free. -EMSGSIZE, -ENOMEM. */
int ttrpc_payload(const ProtobufCMessage *message, ProtobufCBinaryData *ret) CHECKED;

/*
 * Decodes what the peer sent; NULL when it is malformed or would take more than TTRPC_UNPACKED_MAX.
 * For protobuf_c_message_free_unpacked(m, NULL).
 */
ProtobufCMessage *ttrpc_unpack(
	const ProtobufCMessageDescriptor *type, size_t len, const uint8_t *data) CHECKED;

/* errno <-> status code, as both ends translate a struct err. */
enum rpc_code rpc_code_from_errno(int code);
int rpc_code_to_errno(enum rpc_code code);
