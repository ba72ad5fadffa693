/* Memory that is handed out in pieces and released at once: what one document needs. */
#pragma once

#include "base/auto.h"

#include <stddef.h>

struct arena_chunk;

/* Zero-initialised is empty. */
struct arena {
	struct arena_chunk *chunks;
};

/* Zeroed, aligned for any object; NULL when memory is out. Lives until arena_done(). */
void *arena_alloc(struct arena *arena, size_t size);

/* As arena_alloc() for n objects of size bytes each; NULL also when that overflows. */
void *arena_alloc_array(struct arena *arena, size_t n, size_t size);

/* len bytes of s and a NUL. */
char *arena_strndup(struct arena *arena, const char *s, size_t len);

void arena_done(struct arena *arena);

DEFINE_AUTO_VAL(arena_done, struct arena)
