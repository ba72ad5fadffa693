/*
 * State as bytes: sections, each with a tag, a version and a length, of numbers and plain bytes.
 * What is read back is not trusted: a reader that ran into anything wrong reads zeros from then on,
 * and says so at the end.
 */
#pragma once

#include "base/buf.h"

#define SAVED_TAG(a, b, c, d)                                                                      \
	((uint32_t)(a) | (uint32_t)(b) << 8 | (uint32_t)(c) << 16 | (uint32_t)(d) << 24)

/* Writing. A section is in its buffer only when it is whole; -ENOMEM as of buf.h. */
int saved_put(struct buf *b, uint64_t number) CHECKED;
int saved_put_bytes(struct buf *b, const void *data, size_t len) CHECKED;
/* Appends body as one section to b. */
int saved_section(struct buf *b, uint32_t tag, uint32_t version, const struct buf *body) CHECKED;

struct saved {
	const uint8_t *at;
	size_t left;
	bool wrong;
};

struct saved saved_read(const void *data, size_t len);
/* The next section, which must have that tag and version; a wrong reader when it has not. */
struct saved saved_open(struct saved *s, uint32_t tag, uint32_t version);
/* The next number; wrong when it is above max. */
uint64_t saved_get(struct saved *s, uint64_t max);
void saved_get_bytes(struct saved *s, void *to, size_t len);
/* 0 when all was right and nothing is left, else -EINVAL. */
int saved_close(const struct saved *s) CHECKED;
