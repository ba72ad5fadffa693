/*
 * How an image is put together from entries of the cache: for guest.c, which opens images, and
 * make.c, which makes what is missing.
 */
#pragma once

#include "guest/cache.h"
#include "guest/image.h"

/* What the makers of cache entries get. */
struct recipe {
	const struct guest_options *options;
	const char *kernel;
	const char *modules;	/* NULL: everything is built in */
	int kernel_fd;		/* the uncompressed kernel */
	struct cache_key parts; /* of the initramfs beside the modules */
};

/* Each gets a struct recipe. */
struct recipe_makers {
	cache_make_fn *kernel, *release, *initrd;
};

/*
 * makers NULL: nothing is made; -ENODATA when an entry is missing. With makers it is kept, too,
 * that a kernel cannot be a guest's, and why, so that nobody tries again while nothing has changed.
 */
int recipe_open(const struct guest_options *options, const struct recipe_makers *makers,
	struct guest_image *ret, struct err *err) CHECKED;
