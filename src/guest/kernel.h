/*
 * Guest kernels: which file to take, which release it is, and the ELF image inside it. x86 only:
 * a bzImage as distributions install it, or an uncompressed vmlinux.
 */
#pragma once

#include "base/buf.h"
#include "base/err.h"

#include <stdbool.h>
#include <stddef.h>

/* The longest `uname -r`, without the NUL. */
#define KERNEL_RELEASE_MAX 64

/* Where kernel "auto" looks. Tests bring their own. */
struct kernel_places {
	const char *own;  /* a kernel built for vmrun */
	const char *boot; /* folder of the distribution's vmlinuz-<release> */
};

extern const struct kernel_places kernel_places_system;

/*
 * Path of the kernel to boot: option itself, or for NULL and "auto" the first of the places that
 * has one, the newest by version. *ret_path is the caller's to free. -ENOENT with err saying what
 * to install or set.
 */
int kernel_find(const struct kernel_places *places, const char *option, char **ret_path,
	struct err *err) CHECKED;

/*
 * Folder of the kernel's modules: for X/boot/vmlinuz-R X/lib/modules/R or X/usr/lib/modules/R, for
 * .../modules/R/vmlinuz its own folder, else by release in /lib/modules. *ret_folder is the
 * caller's to free, and NULL when there is none: then every driver must be built in.
 */
int kernel_modules_folder(
	const char *path, const char *release, char **ret_folder, struct err *err) CHECKED;

/* True for the first bytes of a file that can be booted as it is. */
bool kernel_is_elf(const void *data, size_t len);

/*
 * Appends the ELF image inside a bzImage to out, or the image itself when it is ELF already. The
 * image is not trusted. err does not name the file.
 */
int kernel_unpack(const void *image, size_t len, struct buf *out, struct err *err) CHECKED;

/* What `uname -r` will say, read from a bzImage's header or an ELF image's banner. */
int kernel_release(const void *image, size_t len, char release[static KERNEL_RELEASE_MAX + 1],
	struct err *err) CHECKED;
