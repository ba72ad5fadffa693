/*
 * Writes the indexes that depmod makes and libkmod reads ("modules.dep.bin"), so that tests can
 * describe kernels of their own. One node per character; see libkmod's description of the format.
 */
#pragma once

#include "base/buf.h"
#include "base/fd.h"
#include "tests/unit/unit.h"

#include <fcntl.h>
#include <stdio.h>
#include <string.h>

struct index_row {
	const char *key, *value;
};

static inline void put_be32(struct buf *b, uint32_t v)
{
	uint8_t bytes[4] = { (uint8_t)(v >> 24), (uint8_t)(v >> 16), (uint8_t)(v >> 8),
		(uint8_t)v };

	assert_int_equal(buf_append(b, bytes, sizeof(bytes)), 0);
}

/* Writes the node for the rows that share their first depth characters; returns its reference. */
static inline uint32_t put_node(
	struct buf *b, const struct index_row *rows, size_t n, size_t depth, const char *prefix)
{
	uint32_t child[128] = { 0 }, flags = 0, at;
	const struct index_row *own = NULL;
	unsigned first = 128, last = 0;

	for (size_t i = 0; i < n; i++) {
		char next[128];
		unsigned c;

		if (strncmp(rows[i].key, prefix, depth) != 0)
			continue;
		c = (unsigned char)rows[i].key[depth];
		if (c == 0) {
			own = &rows[i];
			continue;
		}
		first = c < first ? c : first;
		last = c > last ? c : last;
		if (child[c])
			continue;
		snprintf(next, sizeof(next), "%.*s", (int)depth + 1, rows[i].key);
		child[c] = put_node(b, rows, n, depth + 1, next);
	}
	at = (uint32_t)b->len;
	if (first < 128) {
		uint8_t range[2] = { (uint8_t)first, (uint8_t)last };

		flags |= 0x20000000;
		assert_int_equal(buf_append(b, range, 2), 0);
		for (unsigned c = first; c <= last; c++)
			put_be32(b, child[c]);
	}
	if (own) {
		flags |= 0x40000000;
		put_be32(b, 1);
		put_be32(b, 0);
		assert_int_equal(buf_append(b, own->value, strlen(own->value) + 1), 0);
	}
	return at | flags;
}

static inline void write_index(
	const char *folder, const char *name, const struct index_row *rows, size_t n)
{
	AUTO(buf_done) struct buf b = { 0 };
	char path[512];
	uint32_t root_node;
	struct err err = ERR_NONE;

	put_be32(&b, 0xb007f457);
	put_be32(&b, 0x00020001);
	put_be32(&b, 0);
	root_node = put_node(&b, rows, n, 0, "");
	for (unsigned i = 0; i < 4; i++)
		b.data[8 + i] = (uint8_t)(root_node >> (24 - 8 * i));
	snprintf(path, sizeof(path), "%s/%s", folder, name);
	assert_int_equal(file_replace(AT_FDCWD, path, b.data, b.len, 0644, &err), 0);
}

/* All indexes of a folder: deps as in modules.dep, and what is built in. */
static inline void write_indexes(const char *folder, const struct index_row *deps, size_t n_deps,
	const struct index_row *builtin, size_t n_builtin)
{
	write_index(folder, "modules.dep.bin", deps, n_deps);
	write_index(folder, "modules.builtin.bin", builtin, n_builtin);
	write_index(folder, "modules.alias.bin", NULL, 0);
	write_index(folder, "modules.symbols.bin", NULL, 0);
}
