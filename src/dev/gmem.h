/*
 * Guest memory. The accessors here are the only way to it: every address comes from the guest, is
 * checked against the regions with u64 arithmetic, and data is copied before it is looked at.
 */
#pragma once

#include "base/err.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/uio.h>

#define GMEM_REGIONS_MAX 8

struct gmem_region {
	uint64_t gpa, len; /* bytes; regions are sorted and do not overlap */
	uint8_t *hva;
};

/* Immutable once devices run. */
struct gmem {
	unsigned count;
	struct gmem_region region[GMEM_REGIONS_MAX];
};

/* Adds a region (the mapping stays the caller's). -EINVAL on overlap, wrap or too many. */
int gm_add(struct gmem *gm, uint64_t gpa, uint64_t len, void *hva) CHECKED;

/*
 * Host address of [gpa, gpa+len) if it lies within one region, else NULL. len 0 gives NULL.
 * For ring access in vq.c and for the loader; devices use the copying functions or iovecs.
 */
void *gm_ptr(const struct gmem *gm, uint64_t gpa, uint64_t len);

/* Copy in and out, across region borders. 0 or -EFAULT (nothing or a part was copied). */
int gm_read(const struct gmem *gm, uint64_t gpa, void *to, size_t len) CHECKED;
int gm_write(const struct gmem *gm, uint64_t gpa, const void *from, size_t len) CHECKED;

/* Describes [gpa, gpa+len) by at most max iovecs. Their number, -EFAULT, or -E2BIG. */
int gm_iov(
	const struct gmem *gm, uint64_t gpa, uint64_t len, struct iovec *iov, unsigned max) CHECKED;
