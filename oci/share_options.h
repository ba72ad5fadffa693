/* How a share (the rootfs, or what a bind mount brings) is served: annotations over settings. */
#pragma once

#include "base/err.h"
#include "oci/spec.h"

/* How much of a share the guest believes without asking; doc/shares.md says what each means. */
enum share_cache { SHARE_CACHE_AUTO, SHARE_CACHE_NONE, SHARE_CACHE_ALWAYS };

/* Whose file locks are seen in it. Auto: of the rootfs the guest's, else the host's as well. */
enum share_locks { SHARE_LOCKS_AUTO, SHARE_LOCKS_HOST, SHARE_LOCKS_GUEST };

struct share_options {
	enum share_cache cache;
	enum share_locks locks;
};

#define SHARE_CACHE_ANNOTATION "io.vmrun.share.cache"
#define SHARE_LOCKS_ANNOTATION "io.vmrun.share.locks"

/* The words of settings and annotations; -EINVAL for any other word. */
int share_options_from(const char *cache, const char *locks, struct share_options *ret) CHECKED;

/*
 * For each option the annotation NAME:DESTINATION (of the rootfs: "/"), or else NAME, or else what
 * defaults say. -EINVAL naming the annotation.
 */
int share_options_of(const struct spec *spec, const char *destination,
	const struct share_options *defaults, struct share_options *ret, struct err *err) CHECKED;
