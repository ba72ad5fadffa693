/*
 * A JSON writer into a struct buf. Memory failures are remembered and reported once, by
 * json_finish(); until then calls may be strung together without checks.
 */
#pragma once

#include "base/buf.h"

#include <stdbool.h>
#include <stdint.h>

#define JSON_DEPTH_MAX 32

struct json_out {
	struct buf *to;
	bool pretty;
	int failed;
	unsigned depth;
	char closer[JSON_DEPTH_MAX];
	bool has_items[JSON_DEPTH_MAX];
	bool after_key;
};

/* pretty: two-space indentation and a line per item, as the OCI tools print. */
void json_init(struct json_out *out, struct buf *to, bool pretty);

void json_object(struct json_out *out);
void json_array(struct json_out *out);
void json_end(struct json_out *out); /* ends the innermost object or array */
void json_key(struct json_out *out, const char *key);

/* Invalid UTF-8 in s is written as U+FFFD. A NULL s is written as null. */
void json_str(struct json_out *out, const char *s);
void json_u64(struct json_out *out, uint64_t value);
void json_i64(struct json_out *out, int64_t value);
void json_bool(struct json_out *out, bool value);

static inline void json_key_str(struct json_out *out, const char *key, const char *s)
{
	json_key(out, key);
	json_str(out, s);
}

/* Returns 0 or -ENOMEM. Asserts that every object and array was ended. */
int json_finish(struct json_out *out) CHECKED;
