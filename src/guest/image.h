/*
 * What a guest boots, and what it is made of: an uncompressed kernel and an initramfs that holds
 * the agent and the kernel modules it needs.
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

void guest_image_done(struct guest_image *image);

DEFINE_AUTO_VAL(guest_image_done, struct guest_image)
