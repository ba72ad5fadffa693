/*
 * Puts a kernel, an initramfs and a command line into guest memory by the 64-bit Linux boot
 * protocol (Documentation/arch/x86/boot.rst). Not by PVH, which Debian's kernels offer too: its
 * entry looks for Xen in 256 CPUID leaves, each of them an exit.
 */
#pragma once

#include "base/err.h"
#include "dev/gmem.h"

/*
 * kernel_fd: an ELF64 vmlinux. initrd_fd: a cpio, which goes to the top of low memory; -1: none.
 * The descriptors stay the caller's and may be closed afterwards. gm must hold RAM from 0.
 * *ret_entry: the physical address of the first instruction. err says what is wrong with a file.
 */
int boot_load(const struct gmem *gm, int kernel_fd, int initrd_fd, const char *cmdline,
	uint64_t *ret_entry, struct err *err) CHECKED;
