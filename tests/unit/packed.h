/* Compressed data as kernels and modules have it, for the tests of src/guest. */
#pragma once

#include "base/buf.h"
#include "tests/unit/unit.h"

#include <lz4.h>
#include <lzma.h>
#include <string.h>
#include <zlib.h>
#include <zstd.h>

static inline void put_le32(struct buf *b, uint32_t v)
{
	uint8_t bytes[4] = { (uint8_t)v, (uint8_t)(v >> 8), (uint8_t)(v >> 16),
		(uint8_t)(v >> 24) };

	assert_int_equal(buf_append(b, bytes, sizeof(bytes)), 0);
}

static inline void pack_gzip(const void *data, size_t len, struct buf *out)
{
	z_stream z = { 0 };

	assert_int_equal(
		deflateInit2(&z, 6, Z_DEFLATED, 16 + MAX_WBITS, 8, Z_DEFAULT_STRATEGY), Z_OK);
	assert_int_equal(buf_reserve(out, deflateBound(&z, len)), 0);
	z.next_in = (uint8_t *)(uintptr_t)data;
	z.avail_in = (unsigned)len;
	z.next_out = out->data + out->len;
	z.avail_out = (unsigned)(out->cap - out->len);
	assert_int_equal(deflate(&z, Z_FINISH), Z_STREAM_END);
	out->len += z.total_out;
	deflateEnd(&z);
}

static inline void pack_xz(const void *data, size_t len, struct buf *out)
{
	assert_int_equal(buf_reserve(out, lzma_stream_buffer_bound(len)), 0);
	assert_int_equal(lzma_easy_buffer_encode(1, LZMA_CHECK_CRC32, NULL, data, len, out->data,
				 &out->len, out->cap),
		LZMA_OK);
}

static inline void pack_zstd(const void *data, size_t len, struct buf *out)
{
	size_t n;

	assert_int_equal(buf_reserve(out, ZSTD_compressBound(len)), 0);
	n = ZSTD_compress(out->data + out->len, out->cap - out->len, data, len, 3);
	assert_false(ZSTD_isError(n));
	out->len += n;
}

/* The legacy form, in frames of 8 MiB as lz4 -l cuts them. */
static inline void pack_lz4(const void *data, size_t len, struct buf *out)
{
	const char *p = data;
	const size_t frame = (size_t)8 << 20;

	put_le32(out, 0x184c2102);
	while (len) {
		size_t take = len < frame ? len : frame, size_at = out->len;
		int n;

		put_le32(out, 0);
		assert_int_equal(buf_reserve(out, (size_t)LZ4_compressBound((int)take)), 0);
		n = LZ4_compress_default(
			p, (char *)out->data + out->len, (int)take, LZ4_compressBound((int)take));
		assert_true(n > 0);
		for (int i = 0; i < 4; i++)
			out->data[size_at + (size_t)i] = (uint8_t)((uint32_t)n >> 8 * i);
		out->len += (size_t)n;
		p += take;
		len -= take;
	}
}

struct packer {
	const char *name;
	void (*pack)(const void *data, size_t len, struct buf *out);
};

static const struct packer packers[] = {
	{ "gzip", pack_gzip },
	{ "xz", pack_xz },
	{ "zstd", pack_zstd },
	{ "lz4", pack_lz4 },
};

/* Some compressible, not repeating bytes. */
static inline void fill_text(struct buf *b, size_t len)
{
	for (unsigned i = 0; b->len < len; i++)
		assert_int_equal(buf_printf(b, "line %u of %zu\n", i * 2654435761u, len), 0);
	b->len = len;
}
