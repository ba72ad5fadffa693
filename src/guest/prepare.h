/* vmrun-prepare, the program that makes what the cache of guest images lacks. */
#pragma once

#include "guest/image.h"

/* Positions of the arguments of "vmrun-prepare image"; an empty one is a NULL option. */
enum prepare_arg {
	PREPARE_KERNEL,
	PREPARE_MODULES,
	PREPARE_INITRD,
	PREPARE_AGENT,
	PREPARE_CACHE,
	PREPARE_PCI, /* "pci" or empty */
	PREPARE_ARGS
};

/*
 * Runs it and waits: the image of these options can be opened then. err is what it says: on its
 * standard output, an errno value, a blank and the message.
 */
int prepare_image(const struct guest_options *options, struct err *err) CHECKED;
