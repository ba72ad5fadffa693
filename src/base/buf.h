/* A growable byte buffer. Zero-initialised is empty; buf_done() releases. */
#pragma once

#include "base/auto.h"
#include "base/err.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct buf {
	uint8_t *data;
	size_t len, cap;
};

/* All return 0 or -ENOMEM; on failure the buffer is unchanged. */
int buf_reserve(struct buf *b, size_t extra) CHECKED;
int buf_append(struct buf *b, const void *data, size_t len) CHECKED;
int buf_append_str(struct buf *b, const char *s) CHECKED;
int buf_printf(struct buf *b, const char *fmt, ...) PRINTF_LIKE(2, 3) CHECKED;

/* Makes the content a C string (the NUL is not counted in len). NULL when memory is out. */
const char *buf_str(struct buf *b);

/* Removes len bytes (at most b->len) at the front. */
void buf_consume(struct buf *b, size_t len);

void buf_done(struct buf *b);

DEFINE_AUTO_VAL(buf_done, struct buf)
