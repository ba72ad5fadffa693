/*
 * Decompression of whole files: the payload of a bzImage and kernel modules. The format is told by
 * the first bytes. Input is not trusted: output is bounded and nothing is read outside the input.
 */
#pragma once

#include "base/buf.h"
#include "base/err.h"

#include <stddef.h>

/* Far above any kernel (Debian's is 60 MiB unpacked), far below what would hurt the host. */
#define UNPACK_MAX_BYTES ((size_t)512 << 20)

/* Name of the compression that data begins with ("xz"), or NULL when it is none that we know. */
const char *unpack_format(const void *data, size_t len);

/*
 * Appends the unpacked data to out. Bytes behind the end of the compressed stream are ignored
 * (kernels append their unpacked size). -EFBIG when the output would exceed max bytes, -EINVAL for
 * damaged input, -ENOTSUP for a known format that we do not unpack.
 */
int unpack(const void *data, size_t len, size_t max, struct buf *out, struct err *err) CHECKED;
