/* Kernel files of unknown origin: the bzImage header, the decompressors and the release string. */
#include "guest/kernel.h"
#include "guest/unpack.h"

#include <stdint.h>

/* Small enough that a decompression bomb does not count as a slow input. */
#define OUTPUT_MAX_BYTES ((size_t)1 << 20)

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
	AUTO(buf_done) struct buf kernel = { 0 };
	AUTO(buf_done) struct buf plain = { 0 };
	char release[KERNEL_RELEASE_MAX + 1];
	struct err err = ERR_NONE;

	if (kernel_unpack(data, len, &kernel, &err) == 0 && !kernel_is_elf(kernel.data, kernel.len))
		__builtin_trap();
	err_clear(&err);
	if (kernel_release(data, len, release, &err) == 0 && release[0] == '\0')
		__builtin_trap();
	err_clear(&err);
	if (unpack(data, len, OUTPUT_MAX_BYTES, &plain, &err) == 0 && plain.len > OUTPUT_MAX_BYTES)
		__builtin_trap();
	return 0;
}
