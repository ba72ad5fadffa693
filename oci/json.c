/* Reading a parsed JSON document: look-ups, typed getters, errors with the path of a value. */
#include "oci/json.h"

#include "base/fd.h"
#include "base/str.h"
#include "oci/json_own.h"
#include "oci/one_line.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>

#define KEY_TEXT_MAX   64
#define VALUE_TEXT_MAX 48

int json_doc_read(int dirfd, const char *path, const char *file, unsigned flags,
	struct json_doc **ret, struct err *err)
{
	AUTO(buf_done) struct buf text = { 0 };
	int r;

	r = file_read(dirfd, path, JSON_TEXT_MAX, &text, err);
	if (r < 0)
		return r;
	return json_doc_parse(file, text.data, text.len, flags, ret, err);
}

void json_doc_free(struct json_doc *doc)
{
	if (!doc)
		return;
	arena_done(&doc->arena);
	free(doc);
}

const struct json_value *json_doc_root(const struct json_doc *doc)
{
	return &doc->root;
}

const char *json_doc_file(const struct json_doc *doc)
{
	return doc->file;
}

void *json_doc_alloc(struct json_doc *doc, size_t size)
{
	return arena_alloc(&doc->arena, size);
}

enum json_type json_type_of(const struct json_value *v)
{
	return v->type;
}

const char *json_type_name(enum json_type type)
{
	static const char *const names[] = {
		[JSON_NULL] = "null",
		[JSON_BOOL] = "true or false",
		[JSON_NUMBER] = "a number",
		[JSON_STRING] = "a string",
		[JSON_ARRAY] = "an array",
		[JSON_OBJECT] = "an object",
	};

	return names[type];
}

size_t json_count(const struct json_value *v)
{
	return v->type == JSON_ARRAY || v->type == JSON_OBJECT ? v->n : 0;
}

const struct json_value *json_at(const struct json_value *v, size_t i)
{
	return i < json_count(v) ? v->items[i] : NULL;
}

const char *json_key_of(const struct json_value *v)
{
	return v->key;
}

const struct json_value *json_parent(const struct json_value *v)
{
	return v->parent;
}

static int compare_key(const void *key, const void *item)
{
	return strcmp(key, (*(const struct json_value *const *)item)->key);
}

const struct json_value *json_member(const struct json_value *v, const char *key)
{
	const struct json_value *const *found;

	if (v->type != JSON_OBJECT || v->n == 0)
		return NULL;
	found = bsearch(key, v->items + v->n, v->n, sizeof(*v->items), compare_key);
	return found && (*found)->type != JSON_NULL ? *found : NULL;
}

/* Copies s for a message: one line, at most max bytes, "..." where it was longer. */
static void printable(char *out, size_t max, const char *s)
{
	size_t n = 0;

	for (; s[n] && n + 4 < max; n++)
		out[n] = (unsigned char)s[n] < 0x20 || s[n] == 0x7f ? '?' : s[n];
	if (s[n]) {
		/* A character that does not fit as a whole is left out. */
		while (n > 0 && ((unsigned char)s[n] & 0xc0) == 0x80)
			n--;
		memcpy(out + n, "...", 3);
		n += 3;
	}
	out[n] = '\0';
}

static bool key_is_plain(const char *key)
{
	size_t n = strspn(key, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_");

	return n > 0 && n < KEY_TEXT_MAX && key[n] == '\0';
}

/* One step of a path: ".limit", "[3]", or "[\"io.vmrun.vcpus\"]" for keys that are no names. */
static int step_text(const struct json_value *v, char out[KEY_TEXT_MAX + 8])
{
	char key[KEY_TEXT_MAX];

	if (!v->key)
		return snprintf(out, KEY_TEXT_MAX + 8, "[%" PRIu32 "]", v->index);
	if (key_is_plain(v->key))
		return snprintf(
			out, KEY_TEXT_MAX + 8, "%s%s", v->parent->parent ? "." : "", v->key);
	printable(key, sizeof(key), v->key);
	return snprintf(out, KEY_TEXT_MAX + 8, "[\"%s\"]", key);
}

/*
 * Writes the path of v from its end, so that what is cut off a very long one is its beginning.
 * Returns where in buf it starts, and the document in *ret_doc.
 */
static const char *path_text(
	const struct json_value *v, char buf[JSON_PATH_MAX], const struct json_doc **ret_doc)
{
	char step[KEY_TEXT_MAX + 8];
	size_t at = JSON_PATH_MAX - 1;
	bool cut = false;

	buf[at] = '\0';
	for (; v->parent; v = v->parent) {
		size_t len = (size_t)step_text(v, step);

		cut = cut || at < len + 4;
		if (cut)
			continue;
		at -= len;
		memcpy(buf + at, step, len);
	}
	if (cut) {
		at -= 3;
		memcpy(buf + at, "...", 3);
	}
	*ret_doc = (const struct json_doc *)(const void *)v;
	return buf + at;
}

const char *json_path(const struct json_value *v, char buf[JSON_PATH_MAX])
{
	const struct json_doc *doc;

	return path_text(v, buf, &doc);
}

int json_err(const struct json_value *v, struct err *err, int code, const char *fmt, ...)
{
	char msg[ERR_MSG_MAX / 2], buf[JSON_PATH_MAX];
	const struct json_doc *doc;
	const char *path;
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(msg, sizeof(msg), fmt, ap);
	va_end(ap);
	one_line(msg);
	path = path_text(v, buf, &doc);
	return err_set(err, code, "%s: %s%s%s", doc->file, path, *path ? ": " : "", msg);
}

int json_missing(const struct json_value *v, const char *key, struct err *err)
{
	const struct json_value absent = { .parent = v, .key = key };

	return json_err(&absent, err, EINVAL, "missing");
}

/* What v is, for "expected ..., got ...". */
static const char *value_text(const struct json_value *v, char out[VALUE_TEXT_MAX + 2])
{
	char text[VALUE_TEXT_MAX];

	switch (v->type) {
	case JSON_BOOL:
		return v->boolean ? "true" : "false";
	case JSON_NUMBER:
		printable(out, VALUE_TEXT_MAX, v->text);
		return out;
	case JSON_STRING:
		printable(text, sizeof(text), v->text);
		snprintf(out, VALUE_TEXT_MAX + 2, "\"%s\"", text);
		return out;
	default:
		return json_type_name(v->type);
	}
}

static int mismatch(const struct json_value *v, const char *expected, struct err *err)
{
	char got[VALUE_TEXT_MAX + 2];

	return json_err(v, err, EINVAL, "expected %s, got %s", expected, value_text(v, got));
}

int json_expect(const struct json_value *v, enum json_type type, struct err *err)
{
	return v->type == type ? 0 : mismatch(v, json_type_name(type), err);
}

int json_get_bool(const struct json_value *v, bool *ret, struct err *err)
{
	int r = json_expect(v, JSON_BOOL, err);

	if (r == 0)
		*ret = v->boolean;
	return r;
}

const char *json_number_text(const struct json_value *v)
{
	return v->type == JSON_NUMBER ? v->text : NULL;
}

bool json_is_str(const struct json_value *v, const char *s)
{
	return v && v->type == JSON_STRING && streq(v->text, s);
}

int json_get_str(const struct json_value *v, const char **ret, struct err *err)
{
	int r = json_expect(v, JSON_STRING, err);

	if (r == 0)
		*ret = v->text;
	return r;
}

/* A number without fraction and exponent. */
static bool is_integer(const struct json_value *v)
{
	return v->type == JSON_NUMBER && !strpbrk(v->text, ".eE");
}

int json_get_i64(
	const struct json_value *v, int64_t min, int64_t max, int64_t *ret, struct err *err)
{
	char got[VALUE_TEXT_MAX + 2];
	int64_t value;

	if (!is_integer(v))
		return mismatch(v, "an integer", err);
	if (str_to_i64(v->text, &value) < 0 || value < min || value > max)
		return json_err(v, err, ERANGE, "must be from %" PRId64 " to %" PRId64 ", got %s",
			min, max, value_text(v, got));
	*ret = value;
	return 0;
}

int json_get_u64(const struct json_value *v, uint64_t max, uint64_t *ret, struct err *err)
{
	char got[VALUE_TEXT_MAX + 2];
	uint64_t value = 0;

	if (!is_integer(v))
		return mismatch(v, "an integer", err);
	if (!streq(v->text, "-0") && (str_to_u64(v->text, &value) < 0 || value > max))
		return json_err(v, err, ERANGE, "must be from 0 to %" PRIu64 ", got %s", max,
			value_text(v, got));
	*ret = value;
	return 0;
}
