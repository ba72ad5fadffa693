/* Chunks of growing size; an allocation is a bump of the newest one. Single-threaded. */
#include "oci/arena.h"

#include <stdint.h>
#include <string.h>

#define CHUNK_MIN_BYTES (4u << 10)
#define CHUNK_MAX_BYTES (256u << 10)

struct arena_chunk {
	struct arena_chunk *next;
	size_t used, size;
	max_align_t data[];
};

/* Every chunk is twice as big as the one before, so many small documents stay small. */
static struct arena_chunk *chunk_add(struct arena *arena, size_t need)
{
	size_t size = CHUNK_MIN_BYTES;
	struct arena_chunk *chunk;

	if (arena->chunks && arena->chunks->size < CHUNK_MAX_BYTES)
		size = arena->chunks->size * 2;
	else if (arena->chunks)
		size = CHUNK_MAX_BYTES;
	if (size < need)
		size = need;
	if (size > SIZE_MAX - sizeof(*chunk))
		return NULL;
	chunk = calloc(1, sizeof(*chunk) + size);
	if (!chunk)
		return NULL;
	chunk->size = size;
	chunk->next = arena->chunks;
	arena->chunks = chunk;
	return chunk;
}

void *arena_alloc(struct arena *arena, size_t size)
{
	const size_t align = _Alignof(max_align_t);
	struct arena_chunk *chunk = arena->chunks;
	void *piece;

	if (size > SIZE_MAX / 2)
		return NULL;
	size = (size + align - 1) / align * align;
	if (!chunk || chunk->size - chunk->used < size)
		chunk = chunk_add(arena, size);
	if (!chunk)
		return NULL;
	piece = (char *)chunk->data + chunk->used;
	chunk->used += size;
	return piece;
}

void *arena_alloc_array(struct arena *arena, size_t n, size_t size)
{
	size_t total;

	if (__builtin_mul_overflow(n, size, &total))
		return NULL;
	return arena_alloc(arena, total);
}

char *arena_strndup(struct arena *arena, const char *s, size_t len)
{
	char *copy = len < SIZE_MAX ? arena_alloc(arena, len + 1) : NULL;

	if (copy && len > 0)
		memcpy(copy, s, len);
	return copy;
}

void arena_done(struct arena *arena)
{
	struct arena_chunk *chunk = arena->chunks;

	while (chunk) {
		struct arena_chunk *next = chunk->next;

		free(chunk);
		chunk = next;
	}
	arena->chunks = NULL;
}
