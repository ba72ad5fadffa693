/* The guest kernel's command line: the only place where it is put together. */
#pragma once

#include "base/buf.h"
#include "vmm/arch.h"

/* Linux cuts off what is longer, on all architectures that we know. With the NUL. */
#define CMDLINE_BYTES 2048

struct cmdline_config {
	struct arch_platform platform;
	unsigned vcpus;	    /* that the guest starts; */
	unsigned spare;	    /* there are so many more */
	const char *params; /* of whoever asks for the guest; they come last, so that they win */
};

/* Appends it to out. Returns 0, -ENOMEM or -E2BIG. */
int cmdline_make(const struct cmdline_config *config, struct buf *out) CHECKED;
