/*
 * JSON text to a tree, from the callbacks of yajl_parse(); what yajl itself lets pass (a key twice,
 * deep nesting, overlong UTF-8, NUL) is refused here.
 */
#include "base/str.h"
#include "oci/json_own.h"

#include <yajl/yajl_parse.h>

/* The state of one parse. A callback that returns 0 has filled err, and stops yajl. */
struct builder {
	struct json_doc *doc;
	struct json_value *open; /* the innermost array or object, NULL outside */
	const char *key;	 /* that the next value belongs to */
	unsigned depth;
	uint32_t count;
	struct err *err;
};

static int fail_memory(struct builder *b)
{
	err_set(b->err, ENOMEM, "%s: out of memory", b->doc->file);
	return 0;
}

/* Appends a value to what is open. The path of errors is right from here on. */
static struct json_value *value_add(struct builder *b, enum json_type type)
{
	struct json_value *v = &b->doc->root;

	if (b->open) {
		v = arena_alloc(&b->doc->arena, sizeof(*v));
		if (!v) {
			fail_memory(b);
			return NULL;
		}
		v->parent = b->open;
		v->index = b->open->n++;
		v->key = steal_ptr(&b->key);
		if (b->open->last)
			b->open->last->next = v;
		else
			b->open->first = v;
		b->open->last = v;
	}
	v->type = type;
	if (++b->count > JSON_VALUES_MAX) {
		err_set(b->err, EFBIG, "%s: more than %u values", b->doc->file, JSON_VALUES_MAX);
		return NULL;
	}
	return v;
}

/* The bytes that continue a UTF-8 sequence, by its first byte; -1: it cannot be a first byte. */
static int utf8_tail(unsigned char c)
{
	if (c < 0x80)
		return 0;
	if (c < 0xc2 || c > 0xf4)
		return -1;
	return c < 0xe0 ? 1 : c < 0xf0 ? 2 : 3;
}

/* RFC 3629: no overlong forms, no surrogates, nothing above U+10FFFF. */
static bool utf8_valid(const unsigned char *s, size_t len)
{
	for (size_t i = 0; i < len;) {
		int tail = utf8_tail(s[i]);
		uint32_t c = s[i];

		if (tail < 0 || (size_t)tail >= len - i)
			return false;
		for (int k = 1; k <= tail; k++) {
			if ((s[i + k] & 0xc0) != 0x80)
				return false;
			c = c << 6 | (s[i + k] & 0x3f);
		}
		/* The second byte tells E0 80.., ED A0.., F0 80.. and F4 90.. apart. */
		if ((s[i] == 0xe0 && s[i + 1] < 0xa0) || (s[i] == 0xed && s[i + 1] > 0x9f) ||
			(s[i] == 0xf0 && s[i + 1] < 0x90) || (s[i] == 0xf4 && s[i + 1] > 0x8f))
			return false;
		i += (size_t)tail + 1;
	}
	return true;
}

/* Checks and copies a string or key; at is where the error stands. */
static const char *text_copy(struct builder *b, const struct json_value *at, const char *what,
	const unsigned char *s, size_t len)
{
	char *copy;

	if (len > 0 && memchr(s, '\0', len)) {
		json_err(at, b->err, EINVAL, "a NUL character in a %s", what);
		return NULL;
	}
	if (!utf8_valid(s, len)) {
		json_err(at, b->err, EINVAL, "invalid UTF-8 in a %s", what);
		return NULL;
	}
	copy = arena_strndup(&b->doc->arena, (const char *)s, len);
	if (!copy)
		fail_memory(b);
	return copy;
}

static int on_null(void *arg)
{
	return value_add(arg, JSON_NULL) != NULL;
}

static int on_boolean(void *arg, int value)
{
	struct json_value *v = value_add(arg, JSON_BOOL);

	if (v)
		v->boolean = value != 0;
	return v != NULL;
}

static int on_number(void *arg, const char *text, size_t len)
{
	struct builder *b = arg;
	struct json_value *v = value_add(b, JSON_NUMBER);

	if (!v)
		return 0;
	v->text = arena_strndup(&b->doc->arena, text, len);
	return v->text ? 1 : fail_memory(b);
}

static int on_string(void *arg, const unsigned char *s, size_t len)
{
	struct builder *b = arg;
	struct json_value *v = value_add(b, JSON_STRING);

	if (!v)
		return 0;
	v->text = text_copy(b, v, "string", s, len);
	return v->text != NULL;
}

static int on_key(void *arg, const unsigned char *s, size_t len)
{
	struct builder *b = arg;

	b->key = text_copy(b, b->open, "key", s, len);
	return b->key != NULL;
}

static int on_open(struct builder *b, enum json_type type)
{
	struct json_value *v = value_add(b, type);

	if (!v)
		return 0;
	if (++b->depth > JSON_NESTING_MAX) {
		json_err(v, b->err, EINVAL, "nested deeper than %u levels", JSON_NESTING_MAX);
		return 0;
	}
	b->open = v;
	return 1;
}

static int on_start_map(void *arg)
{
	return on_open(arg, JSON_OBJECT);
}

static int on_start_array(void *arg)
{
	return on_open(arg, JSON_ARRAY);
}

/* By key, and where keys are the same by place, so that the later one is reported. */
static int compare_members(const void *a, const void *b)
{
	const struct json_value *x = *(const struct json_value *const *)a;
	const struct json_value *y = *(const struct json_value *const *)b;
	int r = strcmp(x->key, y->key);

	return r ? r : (x->index > y->index) - (x->index < y->index);
}

static int sort_members(struct builder *b, const struct json_value *v)
{
	const struct json_value **sorted = v->items + v->n;

	memcpy(sorted, v->items, v->n * sizeof(*sorted));
	qsort(sorted, v->n, sizeof(*sorted), compare_members);
	for (uint32_t i = 1; i < v->n; i++)
		if (streq(sorted[i - 1]->key, sorted[i]->key)) {
			json_err(sorted[i], b->err, EINVAL, "given twice");
			return 0;
		}
	return 1;
}

/* Turns the list of items that was collected into arrays. */
static int on_close(void *arg)
{
	struct builder *b = arg;
	struct json_value *v = b->open;
	size_t copies = v->type == JSON_OBJECT ? 2 : 1;

	b->depth--;
	b->open = (struct json_value *)v->parent;
	if (v->n == 0)
		return 1;
	v->items = arena_alloc_array(&b->doc->arena, copies * v->n, sizeof(*v->items));
	if (!v->items)
		return fail_memory(b);
	for (const struct json_value *item = v->first; item; item = item->next)
		v->items[item->index] = item;
	return v->type == JSON_OBJECT ? sort_members(b, v) : 1;
}

static const yajl_callbacks callbacks = {
	.yajl_null = on_null,
	.yajl_boolean = on_boolean,
	.yajl_number = on_number,
	.yajl_string = on_string,
	.yajl_start_map = on_start_map,
	.yajl_map_key = on_key,
	.yajl_end_map = on_close,
	.yajl_start_array = on_start_array,
	.yajl_end_array = on_close,
};

/* "config.json: line 3, column 7: invalid char in json text"; at: bytes up to what is refused. */
static int syntax_error(
	yajl_handle yajl, const char *file, const unsigned char *text, size_t at, struct err *err)
{
	unsigned char *raw = yajl_get_error(yajl, 0, text, at);
	const char *msg = raw ? (const char *)raw : "not JSON";
	size_t line = 1, column = 1, n;
	const char *rest;
	int r;

	for (size_t i = 0; i < at; i++) {
		column = text[i] == '\n' ? 1 : column + 1;
		line += text[i] == '\n';
	}
	rest = str_after(msg, "parse error: ");
	msg = rest ? rest : msg;
	rest = str_after(msg, "lexical error: ");
	msg = rest ? rest : msg;
	n = strcspn(msg, "\n");
	while (n > 0 && (msg[n - 1] == '.' || msg[n - 1] == ' '))
		n--;
	r = err_set(err, EINVAL, "%s: line %zu, column %zu: %.*s", file, line, column, (int)n, msg);
	if (raw)
		yajl_free_error(yajl, raw);
	return r;
}

static int parse_text(struct builder *b, yajl_handle yajl, const unsigned char *text, size_t len)
{
	yajl_status status = yajl_parse(yajl, text, len);
	size_t at = len;

	if (status == yajl_status_ok) {
		status = yajl_complete_parse(yajl);
	} else {
		/* What was refused is the last byte consumed. */
		at = yajl_get_bytes_consumed(yajl);
		at = at > 0 ? at - 1 : 0;
	}
	if (status == yajl_status_ok)
		return 0;
	if (b->err->code)
		return -b->err->code;
	return syntax_error(yajl, b->doc->file, text, at < len ? at : len, b->err);
}

int json_doc_parse(const char *file, const void *text, size_t len, unsigned flags,
	struct json_doc **ret, struct err *err)
{
	AUTO(json_doc_free) struct json_doc *doc = calloc(1, sizeof(*doc));
	struct builder b = { .doc = doc, .err = err };
	yajl_handle yajl;
	int r;

	if (len > JSON_TEXT_MAX)
		return err_set(err, EFBIG, "%s: more than %u MiB", file, JSON_TEXT_MAX >> 20);
	if (doc)
		doc->file = arena_strndup(&doc->arena, file, strlen(file));
	yajl = doc && doc->file ? yajl_alloc(&callbacks, NULL, &b) : NULL;
	if (!yajl)
		return err_set(err, ENOMEM, "%s: out of memory", file);
	yajl_config(yajl, yajl_allow_comments, (flags & JSON_COMMENTS) != 0);
	r = parse_text(&b, yajl, text, len);
	yajl_free(yajl);
	if (r < 0)
		return r;
	*ret = steal_ptr(&doc);
	return 0;
}
