/* Decompression of kernels and modules: see unpack.h. Called while the cache is filled. */
#include "guest/unpack.h"

#include <limits.h>
#include <lz4.h>
#include <lzma.h>
#include <stdint.h>
#include <string.h>
#include <zlib.h>
#include <zstd.h>

/* The kernel packs with dictionaries of at most 32 MiB; liblzma needs little more than that. */
#define XZ_MEMORY_MAX_BYTES ((uint64_t)256 << 20)

/* Every frame of the legacy LZ4 format but the last unpacks to this many bytes. */
#define LZ4_FRAME_BYTES ((size_t)8 << 20)
#define LZ4_MAGIC	0x184c2102u

/* What is being read and how much may still be written. */
struct source {
	const uint8_t *data;
	size_t len;
	size_t max;
};

static int too_big(size_t max, struct err *err)
{
	return err_set(err, EFBIG, "unpacks to more than %zu bytes", max);
}

static int damaged(const char *format, const char *why, struct err *err)
{
	return err_set(err, EINVAL, "damaged %s data: %s", format, why);
}

/*
 * Makes room for the next piece of output. The size grows with what was written so far, so small
 * modules stay small and a kernel takes few steps. -EFBIG when the limit is reached.
 */
static int make_room(struct buf *out, size_t start, size_t max, size_t *ret_room, struct err *err)
{
	size_t written = out->len - start;
	size_t want = written < 65536 ? 65536 : written;
	int r;

	if (written >= max)
		return too_big(max, err);
	if (want > max - written)
		want = max - written;
	r = buf_reserve(out, want);
	if (r < 0)
		return err_sys(err, -r, "unpacking");
	*ret_room = want;
	return 0;
}

static int unpack_gzip(const struct source *in, struct buf *out, struct err *err)
{
	z_stream z = { 0 };
	size_t start = out->len, left = in->len, room;
	int r = 0, status = Z_OK;

	if (inflateInit2(&z, 16 + MAX_WBITS) != Z_OK)
		return err_sys(err, ENOMEM, "unpacking");
	z.next_in = (uint8_t *)(uintptr_t)in->data;
	while (status != Z_STREAM_END) {
		if (z.avail_in == 0) {
			z.avail_in = left > UINT_MAX ? UINT_MAX : (unsigned)left;
			left -= z.avail_in;
		}
		r = make_room(out, start, in->max, &room, err);
		if (r < 0)
			break;
		z.next_out = out->data + out->len;
		z.avail_out = (unsigned)room;
		status = inflate(&z, Z_NO_FLUSH);
		out->len += room - z.avail_out;
		/* No progress is Z_BUF_ERROR: with room for output it means that input is short. */
		if (status != Z_OK && status != Z_STREAM_END) {
			r = damaged("gzip", z.msg ? z.msg : "it ends early", err);
			break;
		}
	}
	inflateEnd(&z);
	return r;
}

static int unpack_xz(const struct source *in, struct buf *out, struct err *err)
{
	lzma_stream xz = LZMA_STREAM_INIT;
	size_t start = out->len, room;
	lzma_ret status;
	int r = 0;

	if (lzma_stream_decoder(&xz, XZ_MEMORY_MAX_BYTES, 0) != LZMA_OK)
		return err_sys(err, ENOMEM, "unpacking");
	xz.next_in = in->data;
	xz.avail_in = in->len;
	do {
		r = make_room(out, start, in->max, &room, err);
		if (r < 0)
			break;
		xz.next_out = out->data + out->len;
		xz.avail_out = room;
		status = lzma_code(&xz, LZMA_RUN);
		out->len += room - xz.avail_out;
		if (status == LZMA_MEMLIMIT_ERROR)
			r = damaged("xz", "its dictionary is too large", err);
		else if (status == LZMA_BUF_ERROR)
			r = damaged("xz", "it ends early", err);
		else if (status != LZMA_OK && status != LZMA_STREAM_END)
			r = damaged("xz", "checks fail", err);
	} while (r == 0 && status != LZMA_STREAM_END);
	lzma_end(&xz);
	return r;
}

static int unpack_zstd(const struct source *in, struct buf *out, struct err *err)
{
	ZSTD_DStream *z = ZSTD_createDStream();
	ZSTD_inBuffer input = { in->data, in->len, 0 };
	size_t start = out->len, room, status;
	int r;

	if (!z)
		return err_sys(err, ENOMEM, "unpacking");
	do {
		ZSTD_outBuffer output = { 0 };
		size_t before = input.pos;

		r = make_room(out, start, in->max, &room, err);
		if (r < 0)
			break;
		output.dst = out->data + out->len;
		output.size = room;
		status = ZSTD_decompressStream(z, &output, &input);
		out->len += output.pos;
		if (ZSTD_isError(status))
			r = damaged("zstd", ZSTD_getErrorName(status), err);
		else if (status != 0 && output.pos == 0 && input.pos == before)
			r = damaged("zstd", "it ends early", err);
	} while (r == 0 && status != 0);
	ZSTD_freeDStream(z);
	return r;
}

static uint32_t le32(const uint8_t *p)
{
	return (uint32_t)p[0] | (uint32_t)p[1] << 8 | (uint32_t)p[2] << 16 | (uint32_t)p[3] << 24;
}

/*
 * The legacy LZ4 format as "lz4 -l" writes it and the kernel reads it: the magic, then frames of a
 * 32-bit size and that many packed bytes. Archives may be strung together, each with its magic.
 * Nothing marks the end; a kernel appends its unpacked size, four bytes with nothing behind them.
 */
static int unpack_lz4(const struct source *in, struct buf *out, struct err *err)
{
	size_t start = out->len, at = 4;

	while (in->len - at >= 4) {
		uint32_t size = le32(in->data + at);
		size_t room = in->max - (out->len - start);
		int n, r;

		if (size == LZ4_MAGIC) {
			at += 4;
			continue;
		}
		if (in->len - at == 4)
			break;
		at += 4;
		if (size == 0 || size > in->len - at || size > INT_MAX)
			return damaged("lz4", "a frame is larger than the file", err);
		if (room > LZ4_FRAME_BYTES)
			room = LZ4_FRAME_BYTES;
		r = buf_reserve(out, room);
		if (r < 0)
			return err_sys(err, -r, "unpacking");
		n = LZ4_decompress_safe((const char *)in->data + at, (char *)out->data + out->len,
			(int)size, (int)room);
		if (n < 0 && room < LZ4_FRAME_BYTES)
			return too_big(in->max, err);
		if (n < 0)
			return damaged("lz4", "a frame cannot be unpacked", err);
		out->len += (size_t)n;
		at += size;
	}
	return 0;
}

static const struct format {
	const char *name;
	const char *magic;
	size_t magic_len;
	/* NULL: known by name only, for the message. */
	int (*unpack)(const struct source *in, struct buf *out, struct err *err);
} formats[] = {
	{ "gzip", "\x1f\x8b", 2, unpack_gzip },
	{ "xz", "\xfd\x37zXZ", 6, unpack_xz },
	{ "zstd", "\x28\xb5\x2f\xfd", 4, unpack_zstd },
	{ "lz4", "\x02\x21\x4c\x18", 4, unpack_lz4 },
	{ "bzip2", "BZh", 3, NULL },
	{ "lzma", "\x5d\x00\x00", 3, NULL },
	{ "lzo", "\x89LZO", 4, NULL },
};

static const struct format *find_format(const void *data, size_t len)
{
	for (size_t i = 0; i < ARRAY_LEN(formats); i++)
		if (len >= formats[i].magic_len &&
			memcmp(data, formats[i].magic, formats[i].magic_len) == 0)
			return &formats[i];
	return NULL;
}

const char *unpack_format(const void *data, size_t len)
{
	const struct format *f = find_format(data, len);

	return f ? f->name : NULL;
}

int unpack(const void *data, size_t len, size_t max, struct buf *out, struct err *err)
{
	const struct format *f = find_format(data, len);
	struct source in = { data, len, max };

	if (!f)
		return err_set(err, EINVAL, "its compression is not known");
	if (!f->unpack)
		return err_set(err, ENOTSUP,
			"compressed with %s, which is not supported (gzip, xz, zstd and lz4 are)",
			f->name);
	return f->unpack(&in, out, err);
}
