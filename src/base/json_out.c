/* The JSON writer: see json_out.h. */
#include "base/json_out.h"

#include <assert.h>
#include <inttypes.h>
#include <string.h>

void json_init(struct json_out *out, struct buf *to, bool pretty)
{
	*out = (struct json_out){ .to = to, .pretty = pretty };
}

static void raw(struct json_out *out, const char *s, size_t n)
{
	if (!out->failed)
		out->failed = buf_append(out->to, s, n);
}

static void newline(struct json_out *out)
{
	if (!out->pretty)
		return;
	raw(out, "\n", 1);
	for (unsigned i = 0; i < out->depth; i++)
		raw(out, "  ", 2);
}

/* What stands before a value or key: a comma after a sibling, and the line break. */
static void begin_item(struct json_out *out)
{
	if (out->after_key) {
		out->after_key = false;
		return;
	}
	if (out->depth == 0)
		return;
	if (out->has_items[out->depth - 1])
		raw(out, ",", 1);
	out->has_items[out->depth - 1] = true;
	newline(out);
}

static void open_level(struct json_out *out, const char *opener, char closer)
{
	begin_item(out);
	raw(out, opener, 1);
	assert(out->depth < JSON_DEPTH_MAX);
	out->closer[out->depth] = closer;
	out->has_items[out->depth] = false;
	out->depth++;
}

void json_object(struct json_out *out)
{
	open_level(out, "{", '}');
}

void json_array(struct json_out *out)
{
	open_level(out, "[", ']');
}

void json_end(struct json_out *out)
{
	assert(out->depth > 0);
	out->depth--;
	if (out->has_items[out->depth])
		newline(out);
	raw(out, &out->closer[out->depth], 1);
}

/* Length of the valid UTF-8 sequence at s, or 0. s is NUL-terminated, so no read passes its end. */
static size_t utf8_len(const unsigned char *s)
{
	size_t n = s[0] < 0x80	 ? 1
		   : s[0] < 0xc2 ? 0
		   : s[0] < 0xe0 ? 2
		   : s[0] < 0xf0 ? 3
		   : s[0] < 0xf5 ? 4
				 : 0;

	for (size_t i = 1; i < n; i++)
		if ((s[i] & 0xc0) != 0x80)
			return 0;
	if ((s[0] == 0xe0 && s[1] < 0xa0) || (s[0] == 0xed && s[1] > 0x9f) ||
		(s[0] == 0xf0 && s[1] < 0x90) || (s[0] == 0xf4 && s[1] > 0x8f))
		return 0;
	return n;
}

static void quoted(struct json_out *out, const char *s)
{
	static const char short_escapes[] = "\"\\\n\r\t\b\f";
	static const char short_letters[] = "\"\\nrtbf";
	char esc[8];

	raw(out, "\"", 1);
	for (const unsigned char *p = (const unsigned char *)s; *p;) {
		const char *hit = strchr(short_escapes, *p);
		size_t n = utf8_len(p);

		if (hit) {
			esc[0] = '\\';
			esc[1] = short_letters[hit - short_escapes];
			raw(out, esc, 2);
		} else if (n == 0) {
			raw(out, "\xef\xbf\xbd", 3);
		} else if (*p < 0x20) {
			static const char hex[] = "0123456789abcdef";

			memcpy(esc, "\\u00", 4);
			esc[4] = hex[*p >> 4];
			esc[5] = hex[*p & 15];
			raw(out, esc, 6);
		} else {
			raw(out, (const char *)p, n);
		}
		p += n ? n : 1;
	}
	raw(out, "\"", 1);
}

void json_key(struct json_out *out, const char *key)
{
	begin_item(out);
	quoted(out, key);
	raw(out, out->pretty ? ": " : ":", out->pretty ? 2 : 1);
	out->after_key = true;
}

void json_str(struct json_out *out, const char *s)
{
	begin_item(out);
	if (s)
		quoted(out, s);
	else
		raw(out, "null", 4);
}

void json_u64(struct json_out *out, uint64_t value)
{
	begin_item(out);
	if (!out->failed)
		out->failed = buf_printf(out->to, "%" PRIu64, value);
}

void json_i64(struct json_out *out, int64_t value)
{
	begin_item(out);
	if (!out->failed)
		out->failed = buf_printf(out->to, "%" PRIi64, value);
}

void json_bool(struct json_out *out, bool value)
{
	begin_item(out);
	raw(out, value ? "true" : "false", value ? 4 : 5);
}

int json_finish(struct json_out *out)
{
	assert(out->depth == 0);
	return out->failed;
}
