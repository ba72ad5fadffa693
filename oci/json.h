/*
 * A JSON reader on top of yajl: text in, a tree of values out, each of which knows where it stands,
 * so that errors read "config.json: linux.resources.memory.limit: expected an integer". Used for
 * config.json, exec's process file, update's resources and, with comments, vmrun.conf.
 *
 * Refused, each with a clear error: more than JSON_TEXT_MAX bytes, nesting deeper than
 * JSON_NESTING_MAX, more than JSON_VALUES_MAX values, a key twice in one object, a NUL in a string
 * or key (as a byte or as \u0000), invalid UTF-8, and anything after the value.
 */
#pragma once

#include "base/auto.h"
#include "base/err.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define JSON_TEXT_MAX	 (8u << 20)
#define JSON_NESTING_MAX 64
#define JSON_VALUES_MAX	 (1u << 18)

enum json_type {
	JSON_NULL,
	JSON_BOOL,
	JSON_NUMBER,
	JSON_STRING,
	JSON_ARRAY,
	JSON_OBJECT,
};

/* Flags of json_doc_parse() and json_doc_read(). */
#define JSON_COMMENTS 1u /* C and C++ comments are allowed */

struct json_doc;
struct json_value;

/*
 * Parses len bytes of text. file is the name that errors begin with; it is copied, as is everything
 * needed of text. Errors: -EINVAL, -EFBIG, -ENOMEM.
 */
int json_doc_parse(const char *file, const void *text, size_t len, unsigned flags,
	struct json_doc **ret, struct err *err) CHECKED;

/* Reads and parses path (relative to dirfd); errors name it as file. */
int json_doc_read(int dirfd, const char *path, const char *file, unsigned flags,
	struct json_doc **ret, struct err *err) CHECKED;

/* Frees the document with all its values and everything of json_doc_alloc(). Accepts NULL. */
void json_doc_free(struct json_doc *doc);

const struct json_value *json_doc_root(const struct json_doc *doc);
const char *json_doc_file(const struct json_doc *doc);

/* Zeroed memory that lives as long as the document; NULL when memory is out. */
void *json_doc_alloc(struct json_doc *doc, size_t size);

enum json_type json_type_of(const struct json_value *v);
const char *json_type_name(enum json_type type); /* "an object", "a string", ... */

/* The member key of an object, or NULL when it is absent or null (or v is no object). */
const struct json_value *json_member(const struct json_value *v, const char *key);

/*
 * The items of an array or the members of an object, in the order of the text; json_key_of() is a
 * member's key (NULL for others). So unknown keys can be listed:
 *	for (size_t i = 0; i < json_count(v); i++)
 *		if (!known(json_key_of(json_at(v, i)))) ...
 */
size_t json_count(const struct json_value *v);
const struct json_value *json_at(const struct json_value *v, size_t i);
const char *json_key_of(const struct json_value *v);
/* What v is an item or a member of; NULL: it is the root. */
const struct json_value *json_parent(const struct json_value *v);

/*
 * Typed getters: 0, or -EINVAL (-ERANGE for an integer outside min..max) with an error that names
 * the file, the path of the value, what was expected and what was found. Strings live as long as
 * the document and contain no NUL byte.
 */
int json_get_bool(const struct json_value *v, bool *ret, struct err *err) CHECKED;
int json_get_str(const struct json_value *v, const char **ret, struct err *err) CHECKED;
int json_get_i64(const struct json_value *v, int64_t min, int64_t max, int64_t *ret,
	struct err *err) CHECKED;
int json_get_u64(const struct json_value *v, uint64_t max, uint64_t *ret, struct err *err) CHECKED;

/* A number as it is written, "1e3"; NULL of other types. */
const char *json_number_text(const struct json_value *v);

/* Whether v is that string; of NULL and other types it is false. */
bool json_is_str(const struct json_value *v, const char *s);

/* 0 when v is of the type, else the error of the getters. For objects and arrays. */
int json_expect(const struct json_value *v, enum json_type type, struct err *err) CHECKED;

#define JSON_PATH_MAX 360

/* Where v is, "mounts[2].options", in buf or cut off at its beginning. Returns a part of buf. */
const char *json_path(const struct json_value *v, char buf[JSON_PATH_MAX]);

/* Fills err with "<file>: <path of v>: <message>". code: a positive errno value. Returns -code. */
int json_err(const struct json_value *v, struct err *err, int code, const char *fmt, ...)
	PRINTF_LIKE(4, 5);

/* As json_err() of a member that v does not have: "<file>: <path of v>.<key>: missing". */
int json_missing(const struct json_value *v, const char *key, struct err *err);

DEFINE_AUTO_PTR(json_doc_free, struct json_doc)
