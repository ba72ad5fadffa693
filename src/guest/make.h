/* Guest images made in this process: what vmrun-prepare does for vmrun. */
#pragma once

#include "guest/image.h"

/* As guest_image_open() (guest.h), but what the cache lacks is made here. */
int guest_image_make(
	const struct guest_options *options, struct guest_image *ret, struct err *err) CHECKED;
