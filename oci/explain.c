/* Prints what becomes of each field: see explain.h. Text for people, JSON for programs. */
#include "oci/explain.h"

#include "base/auto.h"
#include "base/json_out.h"
#include "base/str.h"
#include "oci/fields.h"
#include "oci/one_line.h"

#include <stdio.h>

/* Bytes of a value that are shown; the rest is "...". */
#define VALUE_BYTES  32
#define CLASS_COUNTS (CLASSES + 1) /* and the unknown ones */

/* An explanation at work. */
struct explainer {
	const struct spec *spec;
	const struct explanation *how;
	struct json_out json; /* of the fields, when that is wanted */
	struct buf *text;
	size_t counts[CLASS_COUNTS];
	struct field_use first_rejected;
	int failed;
};

static void append_value(struct buf *b, const struct json_value *v);

/* A list or an object; what would not be shown anyway is not gone through. */
static void append_members(struct buf *b, const struct json_value *v)
{
	bool is_object = json_type_of(v) == JSON_OBJECT;

	(void)!buf_append_str(b, is_object ? "{" : "[");
	for (size_t i = 0; i < json_count(v) && b->len <= VALUE_BYTES; i++) {
		(void)!buf_append_str(b, i ? ", " : "");
		if (is_object)
			(void)!buf_printf(b, "%s: ", json_key_of(json_at(v, i)));
		append_value(b, json_at(v, i));
	}
	(void)!buf_append_str(b, is_object ? "}" : "]");
}

/* What memory does not suffice for is cut off: it is only a hint of the value. */
static void append_value(struct buf *b, const struct json_value *v)
{
	struct err ignored = ERR_NONE;
	const char *text;
	bool flag;

	if (json_type_of(v) == JSON_ARRAY || json_type_of(v) == JSON_OBJECT)
		append_members(b, v);
	else if (json_type_of(v) == JSON_NUMBER)
		(void)!buf_printf(b, "%.*s", VALUE_BYTES, json_number_text(v));
	else if (json_type_of(v) == JSON_STRING && json_get_str(v, &text, &ignored) == 0)
		(void)!buf_printf(b, "\"%.*s\"", VALUE_BYTES, text);
	else if (json_type_of(v) == JSON_BOOL && json_get_bool(v, &flag, &ignored) == 0)
		(void)!buf_append_str(b, flag ? "true" : "false");
	else
		(void)!buf_append_str(b, "null");
}

/* The value in one line of at most VALUE_BYTES; a character that does not fit is left out. */
static void short_value(const struct json_value *v, char out[VALUE_BYTES + 1])
{
	AUTO(buf_done) struct buf b = { 0 };
	size_t n;

	append_value(&b, v);
	snprintf(out, VALUE_BYTES + 1, "%s", buf_str(&b) ? buf_str(&b) : "");
	one_line(out);
	if (b.len <= VALUE_BYTES)
		return;
	n = VALUE_BYTES - 3;
	while (n > 0 && ((unsigned char)out[n] & 0xc0) == 0x80)
		n--;
	memcpy(out + n, "...", 4);
}

/* Whether a is b, or the way to it: "mounts[0]" and "mounts[0].options[1]". */
static bool leads_to(const char *a, size_t a_len, const char *b, size_t b_len)
{
	return a_len <= b_len && memcmp(a, b, a_len) == 0 &&
	       (a_len == b_len || b[a_len] == '.' || b[a_len] == '[');
}

/* What the refusal ("config.json: mounts[0].type: missing") says of a field, or NULL. */
static const char *refusal_of(const struct explainer *e, const char *path)
{
	const char *at = str_after(e->how->refusal->msg, e->spec->file), *end;

	if (!e->how->refusal->code || !at || !str_after(at, ": "))
		return NULL;
	at += 2;
	end = strstr(at, ": ");
	if (!end || (!leads_to(path, strlen(path), at, (size_t)(end - at)) &&
			    !leads_to(at, (size_t)(end - at), path, strlen(path))))
		return NULL;
	return end + 2;
}

static void line(struct explainer *e, const struct field_row *row, const char *path,
	const char *value, const char *class, const char *how)
{
	if (!e->how->json) {
		if (buf_printf(e->text, "%-40s %-*s %-9s %s\n", path, VALUE_BYTES, value, class,
			    how) < 0)
			e->failed = -ENOMEM;
		return;
	}
	json_object(&e->json);
	json_key_str(&e->json, "path", path);
	if (row)
		json_key_str(&e->json, "property", row->path);
	json_key_str(&e->json, "value", value);
	json_key_str(&e->json, "class", class);
	json_key(&e->json, "security");
	json_bool(&e->json, row && (row->flags & FIELD_SECURITY));
	json_key_str(&e->json, "how", how);
	json_end(&e->json);
}

static int explain_use(const struct field_use *use, void *ctx)
{
	struct explainer *e = ctx;
	char buf[JSON_PATH_MAX], value[VALUE_BYTES + 1];
	const char *path = json_path(use->value, buf), *refusal = refusal_of(e, path);
	const char *how = use->how;
	enum field_class class = use->class;

	short_value(use->value, value);
	if (!use->row) {
		e->counts[CLASSES]++;
		line(e, NULL, path, value, "unknown", how);
		return e->failed;
	}
	if (refusal && class != CLASS_REJECTED)
		how = refusal;
	if (refusal || (e->how->strict && field_violates_strict(use)))
		class = CLASS_REJECTED;
	if (class == CLASS_REJECTED && !e->first_rejected.row)
		e->first_rejected = *use;
	e->counts[class]++;
	line(e, use->row, path, value, field_class_name(class), how);
	return e->failed;
}

/* A refusal of what is not there, "mounts[0].source: missing", or of several fields together. */
static void add_refusal(struct explainer *e)
{
	const char *at = str_after(e->how->refusal->msg, e->spec->file);
	const char *path = at ? str_after(at, ": ") : NULL;
	const char *end = path ? strstr(path, ": ") : NULL;
	char name[JSON_PATH_MAX];

	if (!e->how->refusal->code || e->counts[CLASS_REJECTED] > 0 || !end)
		return;
	snprintf(name, sizeof(name), "%.*s", (int)(end - path), path);
	e->counts[CLASS_REJECTED]++;
	line(e, NULL, name, "", field_class_name(CLASS_REJECTED), end + 2);
}

static size_t count_all(const struct explainer *e)
{
	size_t n = 0;

	for (size_t i = 0; i < CLASS_COUNTS; i++)
		n += e->counts[i];
	return n;
}

static int print_summary(const struct explainer *e, struct buf *out)
{
	const size_t *n = e->counts;
	int r = buf_printf(out,
		"%zu fields: %zu enforced in the guest, %zu on the host, %zu emulated, %zu "
		"ignored, %zu rejected",
		count_all(e), n[CLASS_GUEST], n[CLASS_HOST], n[CLASS_EMULATED], n[CLASS_IGNORED],
		n[CLASS_REJECTED]);

	if (r == 0 && n[CLASS_DEFAULT] > 0)
		r = buf_printf(out, ", %zu without effect", n[CLASS_DEFAULT]);
	if (r == 0 && n[CLASSES] > 0)
		r = buf_printf(out, ", %zu unknown", n[CLASSES]);
	return r == 0 ? buf_append_str(out, e->how->strict ? " (strict)\n" : "\n") : r;
}

static int print_json(struct explainer *e, struct buf *out)
{
	bool refused = e->how->refusal->code || e->first_rejected.row;

	json_end(&e->json);
	json_key(&e->json, "summary");
	json_object(&e->json);
	json_key(&e->json, "fields");
	json_u64(&e->json, count_all(e));
	for (size_t i = 0; i < CLASS_COUNTS; i++) {
		json_key(&e->json, i < CLASSES ? field_class_name((enum field_class)i) : "unknown");
		json_u64(&e->json, e->counts[i]);
	}
	json_end(&e->json);
	json_key(&e->json, "strict");
	json_bool(&e->json, e->how->strict);
	json_key(&e->json, "runs");
	json_bool(&e->json, !refused);
	json_end(&e->json);
	return json_finish(&e->json) < 0 ? -ENOMEM : buf_append_str(out, "\n");
}

int explain_print(
	const struct spec *spec, const struct explanation *how, struct buf *out, struct err *err)
{
	AUTO(buf_done) struct buf lines = { 0 };
	struct explainer e = { .spec = spec, .how = how, .text = &lines };
	int r;

	if (how->json) {
		json_init(&e.json, out, true);
		json_object(&e.json);
		json_key(&e.json, "fields");
		json_array(&e.json);
	}
	r = fields_walk(json_doc_root(spec->doc), "", explain_use, &e);
	if (r == 0)
		add_refusal(&e);
	if (r == 0 && how->json)
		r = print_json(&e, out);
	else if (r == 0)
		r = print_summary(&e, out);
	if (r == 0 && lines.len > 0)
		r = buf_append(out, lines.data, lines.len);
	if (r < 0)
		return err_sys(err, ENOMEM, "explain");
	if (how->refusal->code) {
		*err = *how->refusal;
		return -err->code;
	}
	if (!e.first_rejected.row)
		return 0;
	return json_err(
		e.first_rejected.value, err, ENOTSUP, "not supported, %s", e.first_rejected.how);
}

/* The next row from *i on; of sections only those that are refused or ignored as a whole. */
static const struct field_row *next_row(size_t *i)
{
	const struct field_row *row = field_at((*i)++);

	while (row && field_is_section(row) && field_is_honoured(row->path))
		row = field_at((*i)++);
	return row;
}

static void table_row(struct json_out *json, const struct field_row *row)
{
	json_object(json);
	json_key_str(json, "property", row->path);
	json_key_str(json, "class", field_class_name(row->class));
	json_key(json, "security");
	json_bool(json, row->flags & FIELD_SECURITY);
	json_key_str(json, "how", row->how);
	if (field_is_honoured(row->path))
		json_key_str(json, "case", row->shown_by ? row->shown_by : FIELDS_CASE);
	json_end(json);
}

int explain_table(bool json, struct buf *out)
{
	const struct field_row *row;
	struct json_out doc;
	size_t i = 0;
	int r = 0;

	while (!json && r == 0 && (row = next_row(&i)))
		r = buf_printf(out, "%-52s %-9s %-9s %s\n", row->path, field_class_name(row->class),
			row->flags & FIELD_SECURITY ? "security" : "", row->how);
	if (!json)
		return r;
	json_init(&doc, out, true);
	json_array(&doc);
	while ((row = next_row(&i)))
		table_row(&doc, row);
	json_end(&doc);
	r = json_finish(&doc);
	return r < 0 ? r : buf_append_str(out, "\n");
}
