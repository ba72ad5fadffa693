/*
 * Puts a kernel, an initramfs and a command line into guest memory, for the PVH entry (Xen's
 * x86/HVM direct boot ABI, hvm_start_info version 1) or, for a kernel without that note, for the
 * 64-bit Linux boot protocol (Documentation/x86/boot.rst).
 */
#pragma once

#include "base/err.h"
#include "dev/gmem.h"

#include <stdbool.h>

struct boot_entry {
	bool pvh;
	uint64_t rip;
};

/*
 * kernel_fd: an ELF64 vmlinux; its segments are mapped privately over guest memory, not copied.
 * initrd_fd: a cpio, mapped likewise at the top of low memory; -1: none. The descriptors stay the
 * caller's and may be closed afterwards. gm must hold RAM from 0. err says what is wrong with a
 * file.
 */
int boot_load(const struct gmem *gm, int kernel_fd, int initrd_fd, const char *cmdline,
	struct boot_entry *ret, struct err *err) CHECKED;
