/* How a share (the rootfs, or what a bind mount brings) is served: annotations over a setting. */
#pragma once

#include "base/err.h"
#include "oci/spec.h"

/* How much of a share the guest believes without asking; doc/shares.md says what each means. */
enum share_cache { SHARE_CACHE_AUTO, SHARE_CACHE_NONE, SHARE_CACHE_ALWAYS };

#define SHARE_CACHE_ANNOTATION "io.vmrun.share.cache"

/* "auto", "none" or "always"; -EINVAL for any other word. */
int share_cache_from(const char *word, enum share_cache *ret) CHECKED;

/*
 * The annotation io.vmrun.share.cache:DESTINATION (of the rootfs: "/"), or else
 * io.vmrun.share.cache, or else fallback. -EINVAL naming the annotation.
 */
int share_cache_of(const struct spec *spec, const char *destination, enum share_cache fallback,
	enum share_cache *ret, struct err *err) CHECKED;
