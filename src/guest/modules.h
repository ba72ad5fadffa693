/*
 * The kernel modules that a guest needs, found with libkmod in a folder of modules that need not be
 * the host's own.
 */
#pragma once

#include "base/buf.h"
#include "base/err.h"

#include <stdbool.h>
#include <stddef.h>

struct module {
	char *name; /* "virtio_mmio" */
	char *path; /* of the file on the host, perhaps compressed */
};

/* In the order in which the guest must load them. Zero-initialised is empty. */
struct modules {
	struct module *v;
	size_t n;
};

/* A driver of the guest. */
struct driver {
	const char *name;
	/* A string that only a kernel with the driver built in has (in its data, NUL-terminated).
	 */
	const char *mark;
	bool required;
	bool pci; /* only for machines whose devices are on PCI */
};

/* Every driver that a guest uses, the required ones first. Ends with a NULL name. */
extern const struct driver guest_drivers[];

/*
 * Resolves guest_drivers with their dependencies; what is built in is left out, optional drivers
 * that the kernel lacks too. folder: ".../lib/modules/<release>", with depmod's indexes.
 * kernel: path for messages. pci: the devices are on PCI. -ENOENT names the driver that is missing.
 */
int modules_resolve(const char *folder, const char *kernel, bool pci, struct modules *ret,
	struct err *err) CHECKED;

/*
 * For a kernel that has no folder of modules: are the required drivers built into this
 * uncompressed image?
 */
int modules_check_builtin(
	const void *image, size_t len, const char *kernel, bool pci, struct err *err) CHECKED;

/* Reads a module's file, unpacked if it is compressed, to the end of out. */
int module_read(const struct module *m, struct buf *out, struct err *err) CHECKED;

void modules_done(struct modules *ms);

DEFINE_AUTO_VAL(modules_done, struct modules)
