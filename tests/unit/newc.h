/* A small reader of "newc" archives, independent of the writer, for tests. */
#pragma once

#include "tests/unit/unit.h"

#include <string.h>

struct newc_entry {
	char name[128];
	unsigned ino, mode, nlink, uid, gid, mtime, rdev_major, rdev_minor;
	const uint8_t *data;
	size_t len;
};

static inline unsigned newc_field(const uint8_t *header, unsigned index)
{
	unsigned v = 0;

	for (unsigned i = 0; i < 8; i++) {
		char c = (char)header[6 + index * 8 + i];
		const char *digits = "0123456789abcdef";

		assert_non_null(strchr(digits, c));
		v = v << 4 | (unsigned)(strchr(digits, c) - digits);
	}
	return v;
}

/* Reads the entry at *at and moves on. 0 at the trailer; fails the test for anything odd. */
static inline int newc_next(const uint8_t *bytes, size_t len, size_t *at, struct newc_entry *e)
{
	const uint8_t *h = bytes + *at;
	size_t name_len, data_at;

	assert_true(*at % 4 == 0 && len - *at >= 110);
	assert_memory_equal(h, "070701", 6);
	name_len = newc_field(h, 11);
	assert_true(name_len > 1 && name_len <= sizeof(e->name) && *at + 110 + name_len <= len);
	memcpy(e->name, h + 110, name_len);
	assert_int_equal(e->name[name_len - 1], '\0');
	assert_int_equal(strlen(e->name), name_len - 1);
	e->ino = newc_field(h, 0);
	e->mode = newc_field(h, 1);
	e->uid = newc_field(h, 2);
	e->gid = newc_field(h, 3);
	e->nlink = newc_field(h, 4);
	e->mtime = newc_field(h, 5);
	e->len = newc_field(h, 6);
	e->rdev_major = newc_field(h, 9);
	e->rdev_minor = newc_field(h, 10);
	data_at = (*at + 110 + name_len + 3) & ~(size_t)3;
	assert_true(data_at + e->len <= len);
	e->data = bytes + data_at;
	*at = (data_at + e->len + 3) & ~(size_t)3;
	if (strcmp(e->name, "TRAILER!!!") != 0)
		return 1;
	assert_int_equal(*at, len);
	return 0;
}
