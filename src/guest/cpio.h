/*
 * A writer of initramfs archives: cpio in the "newc" form of the kernel's
 * Documentation/driver-api/early-userspace/buffer-format.rst. Files belong to root and have no
 * time stamp, so equal content gives equal bytes.
 */
#pragma once

#include "base/buf.h"
#include "base/err.h"

#include <stdint.h>
#include <sys/types.h>

/* Zero-initialised is an empty archive. */
struct cpio {
	struct buf bytes;
	uint32_t entries; /* also the last inode number */
};

/*
 * Each adds one entry; a folder goes in before what it holds. name: relative, without a leading
 * "/". mode: permission bits only. Return 0, -ENOMEM, or -EFBIG for what the format cannot hold.
 */
int cpio_dir(struct cpio *c, const char *name, mode_t mode) CHECKED;
int cpio_file(struct cpio *c, const char *name, mode_t mode, const void *data, size_t len) CHECKED;
int cpio_char_dev(
	struct cpio *c, const char *name, mode_t mode, unsigned major, unsigned minor) CHECKED;

/* Ends the archive: c->bytes is then complete. */
int cpio_finish(struct cpio *c) CHECKED;

void cpio_done(struct cpio *c);

DEFINE_AUTO_VAL(cpio_done, struct cpio)
