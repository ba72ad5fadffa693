/*
 * Guest kernels: which release a file is, and the ELF image inside it. x86 only: a bzImage as
 * distributions install it, or an uncompressed vmlinux.
 */
#pragma once

#include "base/buf.h"
#include "base/err.h"

#include <elf.h>
#include <stdbool.h>
#include <stddef.h>
#include <string.h>

/* The longest `uname -r`, without the NUL. */
#define KERNEL_RELEASE_MAX 64

/* True for the first bytes of a file that can be booted as it is. */
static inline bool kernel_is_elf(const void *data, size_t len)
{
	return len >= sizeof(Elf64_Ehdr) && memcmp(data, ELFMAG, SELFMAG) == 0;
}

/*
 * Appends the ELF image inside a bzImage to out, or the image itself when it is ELF already. The
 * image is not trusted. err does not name the file.
 */
int kernel_unpack(const void *image, size_t len, struct buf *out, struct err *err) CHECKED;

/* What `uname -r` will say, read from a bzImage's header or an ELF image's banner. */
int kernel_release(const void *image, size_t len, char release[static KERNEL_RELEASE_MAX + 1],
	struct err *err) CHECKED;
