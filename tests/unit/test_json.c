/* The JSON reader: the tree, the getters, and every refusal with its text. */
#include "base/buf.h"
#include "oci/json.h"
#include "tests/unit/oci_text.h"

#include <fcntl.h>
#include <sys/stat.h>

static struct json_doc *doc_of_flags(const char *text, unsigned flags)
{
	AUTO_FREE char *json = text_of(text);
	struct err err = ERR_NONE;
	struct json_doc *doc = NULL;

	if (json_doc_parse("f.json", json, strlen(json), flags, &doc, &err) < 0)
		fail_msg("%s: %s", text, err.msg);
	return doc;
}

static struct json_doc *doc_of(const char *text)
{
	return doc_of_flags(text, 0);
}

static void refused(const void *text, size_t len, int code, const char *message)
{
	struct err err = ERR_NONE;
	struct json_doc *doc = NULL;

	assert_int_equal(json_doc_parse("f.json", text, len, 0, &doc, &err), -code);
	assert_string_equal(err.msg, message);
	assert_int_equal(err.code, code);
	assert_null(doc);
}

static void refused_text(const char *text, int code, const char *message)
{
	AUTO_FREE char *json = text_of(text);

	refused(json, strlen(json), code, message);
}

static void reads_every_type(void **state)
{
	AUTO(json_doc_free)
	struct json_doc *doc = doc_of("{'s':'a\\u00e9\\n','t':true,'i':-5,'u':18446744073709551615,"
				      "'n':null,'l':[1,2],'o':{'x':{}}}");
	const struct json_value *root = json_doc_root(doc);
	struct err err = ERR_NONE;
	const char *s;
	uint64_t u;
	int64_t i;
	bool b;

	(void)state;
	assert_int_equal(json_type_of(root), JSON_OBJECT);
	assert_int_equal(json_count(root), 7);
	assert_int_equal(json_get_str(json_member(root, "s"), &s, &err), 0);
	assert_string_equal(s, "aé\n");
	assert_int_equal(json_get_bool(json_member(root, "t"), &b, &err), 0);
	assert_true(b);
	assert_int_equal(json_get_i64(json_member(root, "i"), -5, 5, &i, &err), 0);
	assert_int_equal(i, -5);
	assert_int_equal(json_get_u64(json_member(root, "u"), UINT64_MAX, &u, &err), 0);
	assert_true(u == UINT64_MAX);
	assert_null(json_member(root, "n"));
	assert_null(json_member(root, "absent"));
	assert_int_equal(json_type_of(json_at(root, 4)), JSON_NULL);
	assert_int_equal(json_count(json_member(root, "l")), 2);
	assert_null(json_at(json_member(root, "l"), 2));
	assert_null(json_member(json_member(root, "l"), "s"));
	assert_int_equal(json_count(json_member(json_member(root, "o"), "x")), 0);
}

static void lists_members_in_order(void **state)
{
	static const char *const keys[] = { "z", "a", "m", "b" };
	AUTO(json_doc_free) struct json_doc *doc = doc_of("{'z':1,'a':2,'m':3,'b':4}");
	const struct json_value *root = json_doc_root(doc);

	(void)state;
	assert_int_equal(json_count(root), ARRAY_LEN(keys));
	for (size_t i = 0; i < ARRAY_LEN(keys); i++) {
		assert_string_equal(json_key_of(json_at(root, i)), keys[i]);
		assert_ptr_equal(json_member(root, keys[i]), json_at(root, i));
	}
	assert_null(json_key_of(root));
}

static void type_errors_name_the_path(void **state)
{
	AUTO(json_doc_free)
	struct json_doc *doc = doc_of("{'linux':{'resources':{'memory':{'limit':'lots'}},"
				      "'list':[0,{'x y':1.5}],'o':{},'f':false,'big':1e3}}");
	const struct json_value *l = json_member(json_doc_root(doc), "linux");
	const struct json_value *limit =
		json_member(json_member(json_member(l, "resources"), "memory"), "limit");
	struct err err = ERR_NONE;
	const char *s;
	int64_t i;
	uint64_t u;
	bool b;

	(void)state;
	assert_int_equal(json_get_i64(limit, 0, 9, &i, &err), -EINVAL);
	assert_string_equal(
		err.msg, "f.json: linux.resources.memory.limit: expected an integer, got \"lots\"");
	err_clear(&err);
	assert_int_equal(
		json_get_u64(json_member(json_at(json_member(l, "list"), 1), "x y"), 9, &u, &err),
		-EINVAL);
	assert_string_equal(
		err.msg, "f.json: linux.list[1][\"x y\"]: expected an integer, got 1.5");
	err_clear(&err);
	assert_int_equal(json_get_bool(json_member(l, "o"), &b, &err), -EINVAL);
	assert_string_equal(err.msg, "f.json: linux.o: expected true or false, got an object");
	err_clear(&err);
	assert_int_equal(json_get_str(json_member(l, "list"), &s, &err), -EINVAL);
	assert_string_equal(err.msg, "f.json: linux.list: expected a string, got an array");
	err_clear(&err);
	assert_int_equal(json_expect(json_member(l, "f"), JSON_OBJECT, &err), -EINVAL);
	assert_string_equal(err.msg, "f.json: linux.f: expected an object, got false");
	err_clear(&err);
	assert_int_equal(json_get_i64(json_member(l, "big"), 0, 9999, &i, &err), -EINVAL);
	assert_string_equal(err.msg, "f.json: linux.big: expected an integer, got 1e3");
	err_clear(&err);
	assert_int_equal(json_expect(json_doc_root(doc), JSON_ARRAY, &err), -EINVAL);
	assert_string_equal(err.msg, "f.json: expected an array, got an object");
	err_clear(&err);
	assert_int_equal(json_missing(l, "seccomp", &err), -EINVAL);
	assert_string_equal(err.msg, "f.json: linux.seccomp: missing");
}

static void integers_keep_their_range(void **state)
{
	AUTO(json_doc_free)
	struct json_doc *doc = doc_of("[9223372036854775807,-9223372036854775808,"
				      "9223372036854775808,18446744073709551616,-1,-0,65536]");
	const struct json_value *root = json_doc_root(doc);
	struct err err = ERR_NONE;
	int64_t i;
	uint64_t u;

	(void)state;
	assert_int_equal(json_get_i64(json_at(root, 0), INT64_MIN, INT64_MAX, &i, &err), 0);
	assert_true(i == INT64_MAX);
	assert_int_equal(json_get_i64(json_at(root, 1), INT64_MIN, INT64_MAX, &i, &err), 0);
	assert_true(i == INT64_MIN);
	assert_int_equal(json_get_i64(json_at(root, 2), INT64_MIN, INT64_MAX, &i, &err), -ERANGE);
	assert_string_equal(err.msg, "f.json: [2]: must be from -9223372036854775808 to "
				     "9223372036854775807, got 9223372036854775808");
	err_clear(&err);
	assert_int_equal(json_get_u64(json_at(root, 2), UINT64_MAX, &u, &err), 0);
	assert_int_equal(json_get_u64(json_at(root, 3), UINT64_MAX, &u, &err), -ERANGE);
	assert_string_equal(err.msg, "f.json: [3]: must be from 0 to 18446744073709551615, got "
				     "18446744073709551616");
	err_clear(&err);
	assert_int_equal(json_get_u64(json_at(root, 4), UINT64_MAX, &u, &err), -ERANGE);
	assert_string_equal(err.msg, "f.json: [4]: must be from 0 to 18446744073709551615, got -1");
	err_clear(&err);
	assert_int_equal(json_get_u64(json_at(root, 5), UINT64_MAX, &u, &err), 0);
	assert_int_equal(u, 0);
	assert_int_equal(json_get_u64(json_at(root, 6), UINT16_MAX, &u, &err), -ERANGE);
	assert_string_equal(err.msg, "f.json: [6]: must be from 0 to 65535, got 65536");
}

static void syntax_errors_say_where(void **state)
{
	static const struct {
		const char *text, *message;
	} cases[] = {
		{ "", "f.json: line 1, column 1: premature EOF" },
		{ "{\n  'a': x}", "f.json: line 2, column 8: invalid char in json text" },
		{ "{'a':1,}", "f.json: line 1, column 8: invalid object key (must be a string)" },
		{ "[1,]", "f.json: line 1, column 4: unallowed token at this point in JSON text" },
		{ "{'a' 1}", "f.json: line 1, column 6: object key and value must be separated by "
			     "a colon (':')" },
		{ "{} {}", "f.json: line 1, column 4: trailing garbage" },
		{ "{'a':1", "f.json: line 1, column 7: premature EOF" },
		{ "/* no */ {}", "f.json: line 1, column 1: probable comment found in input text, "
				 "comments are not enabled" },
		{ "['\t']", "f.json: line 1, column 2: invalid character inside string" },
		{ "[01]", "f.json: line 1, column 3: after array element, I expect ',' or ']'" },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(cases); i++)
		refused_text(cases[i].text, EINVAL, cases[i].message);
}

static void refuses_repeated_keys(void **state)
{
	(void)state;
	refused_text("{'process':{'args':['a'],'cwd':'/','args':['b']}}", EINVAL,
		"f.json: process.args: given twice");
	refused_text("{'a':{},'b':[{'k':1,'k':1}]}", EINVAL, "f.json: b[0].k: given twice");
	refused_text("{'\\u0061':1,'a':2}", EINVAL, "f.json: a: given twice");
}

static void refuses_bad_text(void **state)
{
	static const struct {
		const char *bytes, *message;
	} cases[] = {
		{ "{\"a\":\"\xff\"}", "f.json: line 1, column 7: invalid bytes in UTF8 string" },
		{ "{\"a\":\"\xc0\xaf\"}", "f.json: a: invalid UTF-8 in a string" },
		{ "{\"a\":\"\xe0\x80\xaf\"}", "f.json: a: invalid UTF-8 in a string" },
		{ "{\"a\":\"\xed\xa0\x80\"}", "f.json: a: invalid UTF-8 in a string" },
		{ "{\"a\":\"\xf4\x90\x80\x80\"}", "f.json: a: invalid UTF-8 in a string" },
		{ "{\"a\":{\"\xc1\x81\":1}}", "f.json: a: invalid UTF-8 in a key" },
		{ "{\"a\":[\"x\\u0000y\"]}", "f.json: a[0]: a NUL character in a string" },
		{ "{\"a\\u0000\":1}", "f.json: a NUL character in a key" },
		{ "{\"a\":\"\\udc00\"}", "f.json: a: invalid UTF-8 in a string" },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(cases); i++)
		refused(cases[i].bytes, strlen(cases[i].bytes), EINVAL, cases[i].message);
	refused("\0", 1, EINVAL, "f.json: line 1, column 1: invalid char in json text");
	refused("[\"\0\"]", 5, EINVAL, "f.json: line 1, column 2: invalid character inside string");
	refused("{}\0", 3, EINVAL, "f.json: line 1, column 3: trailing garbage");
}

static void accepts_all_of_utf8(void **state)
{
	AUTO(json_doc_free)
	struct json_doc *doc = doc_of("['\x7f\xc2\x80\xdf\xbf\xe0\xa0\x80\xed\x9f\xbf\xee\x80\x80"
				      "\xf0\x90\x80\x80\xf4\x8f\xbf\xbf','\\ud83d\\ude00']");
	struct err err = ERR_NONE;
	const char *s;

	(void)state;
	assert_int_equal(json_get_str(json_at(json_doc_root(doc), 1), &s, &err), 0);
	assert_string_equal(s, "\xf0\x9f\x98\x80");
}

static void limits_nesting(void **state)
{
	char text[2 * JSON_NESTING_MAX + 3];

	(void)state;
	memset(text, '[', JSON_NESTING_MAX);
	memset(text + JSON_NESTING_MAX, ']', JSON_NESTING_MAX);
	text[sizeof(text) - 3] = '\0';
	json_doc_free(doc_of(text));
	memset(text, '[', JSON_NESTING_MAX + 1);
	memset(text + JSON_NESTING_MAX + 1, ']', JSON_NESTING_MAX + 1);
	text[sizeof(text) - 1] = '\0';
	{
		struct err err = ERR_NONE;
		struct json_doc *doc = NULL;

		assert_int_equal(
			json_doc_parse("f.json", text, strlen(text), 0, &doc, &err), -EINVAL);
		assert_non_null(strstr(err.msg, "[0][0]: nested deeper than 64 levels"));
	}
}

static void limits_size(void **state)
{
	AUTO_FREE char *text = calloc(1, JSON_TEXT_MAX + 2);
	size_t len = 0;

	(void)state;
	assert_non_null(text);
	memset(text, ' ', JSON_TEXT_MAX);
	text[0] = '1';
	{
		struct err err = ERR_NONE;
		AUTO(json_doc_free) struct json_doc *doc = NULL;

		assert_int_equal(json_doc_parse("f.json", text, JSON_TEXT_MAX, 0, &doc, &err), 0);
	}
	refused(text, JSON_TEXT_MAX + 1, EFBIG, "f.json: more than 8 MiB");
	text[len++] = '[';
	for (size_t i = 0; i < JSON_VALUES_MAX; i++) {
		text[len++] = '1';
		text[len++] = ',';
	}
	text[len - 1] = ']';
	refused(text, len, EFBIG, "f.json: more than 262144 values");
}

static void a_big_object_is_no_trap(void **state)
{
	AUTO(buf_done) struct buf text = { 0 };
	AUTO(json_doc_free) struct json_doc *doc = NULL;
	struct err err = ERR_NONE;

	(void)state;
	assert_int_equal(buf_append_str(&text, "{\"k0\":0"), 0);
	for (unsigned i = 1; i < 100000; i++)
		assert_int_equal(buf_printf(&text, ",\"k%u\":%u", i, i), 0);
	assert_int_equal(buf_append_str(&text, "}"), 0);
	assert_int_equal(json_doc_parse("f.json", text.data, text.len, 0, &doc, &err), 0);
	assert_ptr_equal(
		json_member(json_doc_root(doc), "k99999"), json_at(json_doc_root(doc), 99999));
}

static void comments_when_allowed(void **state)
{
	AUTO(json_doc_free)
	struct json_doc *doc =
		doc_of_flags("// first\n{'a': /* one */ 1}\n// last\n", JSON_COMMENTS);
	struct err err = ERR_NONE;
	uint64_t u;

	(void)state;
	assert_int_equal(json_get_u64(json_member(json_doc_root(doc), "a"), 9, &u, &err), 0);
	assert_int_equal(u, 1);
}

/* One line, no control characters, whole characters, and an end. */
static void messages_stay_readable(void **state)
{
	AUTO(buf_done) struct buf text = { 0 };
	AUTO(json_doc_free) struct json_doc *doc = NULL;
	const struct json_value *v;
	struct err err = ERR_NONE;
	uint64_t u;

	(void)state;
	for (unsigned i = 0; i < 30; i++)
		assert_int_equal(buf_printf(&text, "{\"a_rather_long_key_%u\":", i), 0);
	assert_int_equal(
		buf_append_str(&text, "\"line\\none \xc3\xa9\xc3\xa9\xc3\xa9\xc3\xa9"
				      "\xc3\xa9\xc3\xa9\xc3\xa9\xc3\xa9\xc3\xa9\xc3\xa9"
				      "\xc3\xa9\xc3\xa9\xc3\xa9\xc3\xa9\xc3\xa9\xc3\xa9"
				      "\xc3\xa9\xc3\xa9\xc3\xa9\xc3\xa9\xc3\xa9\xc3\xa9\""),
		0);
	for (unsigned i = 0; i < 30; i++)
		assert_int_equal(buf_append_str(&text, "}"), 0);
	assert_int_equal(json_doc_parse("f.json", text.data, text.len, 0, &doc, &err), 0);
	for (v = json_doc_root(doc); json_count(v) > 0;)
		v = json_at(v, 0);
	assert_int_equal(json_get_u64(v, 9, &u, &err), -EINVAL);
	assert_non_null(strstr(err.msg, "f.json: ...."));
	assert_non_null(strstr(err.msg, ".a_rather_long_key_29: expected an integer, got "
					"\"line?one \xc3\xa9"));
	assert_null(strstr(err.msg, "key_0"));
	assert_non_null(strstr(err.msg, "\xc3\xa9...\""));
	assert_null(strchr(err.msg, '\n'));
}

static void reads_files(void **state)
{
	char path[] = "/tmp/vmrun-test-json-XXXXXX";
	AUTO_CLOSE int fd = mkstemp(path);
	AUTO(json_doc_free) struct json_doc *doc = NULL;
	struct err err = ERR_NONE;

	(void)state;
	assert_true(fd >= 0);
	assert_int_equal(write(fd, "[]", 2), 2);
	assert_int_equal(json_doc_read(AT_FDCWD, path, "f.json", 0, &doc, &err), 0);
	assert_string_equal(json_doc_file(doc), "f.json");
	assert_int_equal(unlink(path), 0);
	assert_int_equal(json_doc_read(AT_FDCWD, path, "f.json", 0, &doc, &err), -ENOENT);
	assert_non_null(strstr(err.msg, "No such file or directory"));
	assert_non_null(strstr(err.msg, path));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(reads_every_type),
		cmocka_unit_test(lists_members_in_order),
		cmocka_unit_test(type_errors_name_the_path),
		cmocka_unit_test(integers_keep_their_range),
		cmocka_unit_test(syntax_errors_say_where),
		cmocka_unit_test(refuses_repeated_keys),
		cmocka_unit_test(refuses_bad_text),
		cmocka_unit_test(accepts_all_of_utf8),
		cmocka_unit_test(limits_nesting),
		cmocka_unit_test(limits_size),
		cmocka_unit_test(a_big_object_is_no_trap),
		cmocka_unit_test(comments_when_allowed),
		cmocka_unit_test(messages_stay_readable),
		cmocka_unit_test(reads_files),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
