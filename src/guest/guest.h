/*
 * What a guest boots: an uncompressed kernel and an initramfs that holds the agent and the kernel
 * modules it needs. Both are made once and kept in a cache by content.
 */
#pragma once

#include "base/auto.h"
#include "base/err.h"

#include <stdbool.h>

struct guest_options {
	/* A vmlinuz or vmlinux; NULL or "auto": chosen, see find.h. */
	const char *kernel;
	/* Folder of the kernel's modules (".../lib/modules/<release>"); NULL: found from the
	 * kernel. */
	const char *modules;
	/* A cpio archive, packed as the kernel can unpack it, that is unpacked first; NULL: none.
	 * What it shares names with is the agent's. */
	const char *initrd;
	const char *agent;     /* path of the static agent binary */
	const char *cache_dir; /* made if missing, 0700 */
	bool pci;	       /* the machine has its devices on PCI, not as virtio-mmio */
};

struct guest_image {
	int kernel_fd;	  /* uncompressed ELF, read-only */
	int initrd_fd;	  /* cpio newc, read-only */
	char release[65]; /* uname -r of the guest */
	char *source;	  /* path of the kernel it was made from, for messages */
};

#define GUEST_IMAGE_INIT                                                                           \
	{                                                                                          \
		-1, -1, "", NULL                                                                   \
	}

/*
 * Opens the image, building what the cache lacks (atomically; concurrent callers do not disturb
 * each other). Of several kernels the first that has all drivers is taken. Errors name the file,
 * and say what to install or set when there is no kernel, or none that can be used.
 */
int guest_image_open(
	const struct guest_options *options, struct guest_image *ret, struct err *err) CHECKED;
void guest_image_done(struct guest_image *image);

DEFINE_AUTO_VAL(guest_image_done, struct guest_image)
