/* Guest images: both files are made once and kept in a cache by content. */
#pragma once

#include "guest/image.h"

/*
 * Opens the image, building what the cache lacks (atomically; concurrent callers do not disturb
 * each other). Of several kernels the first that has all drivers is taken. Errors name the file,
 * and say what to install or set when there is no kernel, or none that can be used.
 */
int guest_image_open(
	const struct guest_options *options, struct guest_image *ret, struct err *err) CHECKED;
