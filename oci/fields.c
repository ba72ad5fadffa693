/* The field table's look-ups, and the walk through a file by it. Its rows are in fields_*.c. */
#include "oci/fields.h"

#include "base/auto.h"
#include "base/str.h"
#include "oci/bind.h"

#define PATH_MAX_BYTES 160

static const struct field_row *const tables[] = {
	fields_common,
	fields_process,
	fields_linux,
	fields_resources,
	fields_vm,
};

const struct field_row *field_at(size_t i)
{
	for (size_t k = 0; k < ARRAY_LEN(tables); k++)
		for (const struct field_row *row = tables[k]; row->path; row++)
			if (i-- == 0)
				return row;
	return NULL;
}

const struct field_row *field_find(const char *path)
{
	for (size_t k = 0; k < ARRAY_LEN(tables); k++)
		for (const struct field_row *row = tables[k]; row->path; row++)
			if (streq(row->path, path))
				return row;
	return NULL;
}

bool field_is_section(const struct field_row *row)
{
	const struct field_row *other;

	for (size_t i = 0; (other = field_at(i)); i++) {
		const char *rest = str_after(other->path, row->path);

		if (rest && (*rest == '.' || *rest == '['))
			return true;
	}
	return false;
}

const char *field_class_name(enum field_class class)
{
	static const char *const names[CLASSES] = {
		[CLASS_GUEST] = "guest",
		[CLASS_HOST] = "host",
		[CLASS_EMULATED] = "emulated",
		[CLASS_IGNORED] = "ignored",
		[CLASS_REJECTED] = "rejected",
		[CLASS_DEFAULT] = "default",
	};

	return names[class];
}

static bool is_honoured(enum field_class class)
{
	return class == CLASS_GUEST || class == CLASS_HOST || class == CLASS_EMULATED;
}

bool field_is_honoured(const char *path)
{
	const struct field_row *row = field_find(path);

	return row && is_honoured(row->class);
}

/* A walk at work: the name of where it is, as rows have it. */
struct walker {
	field_fn *fn;
	void *ctx;
	char path[PATH_MAX_BYTES];
	size_t len;
};

/* Appends a step to the path; what has no room is no property that anybody knows. */
static size_t push(struct walker *w, const char *before, const char *step)
{
	size_t mark = w->len;
	size_t room = sizeof(w->path) - w->len, want = strlen(before) + strlen(step);

	if (want < room) {
		memcpy(w->path + w->len, before, strlen(before));
		memcpy(w->path + w->len + strlen(before), step, strlen(step) + 1);
		w->len += want;
	}
	return mark;
}

static void pop(struct walker *w, size_t mark)
{
	w->len = mark;
	w->path[mark] = '\0';
}

static bool is_zero(const struct json_value *v)
{
	struct err ignored = ERR_NONE;
	int64_t number = 1;
	bool flag = true;

	if (json_type_of(v) == JSON_BOOL)
		return json_get_bool(v, &flag, &ignored) == 0 && !flag;
	if (json_type_of(v) == JSON_OBJECT)
		return json_count(v) == 0;
	return json_type_of(v) == JSON_NUMBER &&
	       json_get_i64(v, INT64_MIN, INT64_MAX, &number, &ignored) == 0 && number == 0;
}

static int report(struct walker *w, const struct field_row *row, const struct json_value *object,
	const struct json_value *value)
{
	struct field_use use = {
		.row = row,
		.class = row ? row->class : CLASS_IGNORED,
		.how = row ? row->how : "the specification does not know it",
		.value = value,
	};

	if (row && row->by_value)
		row->by_value(&use, object);
	if (row && (row->flags & FIELD_ZERO_NONE) && is_zero(value))
		use.class = CLASS_DEFAULT;
	if (use.class == CLASS_DEFAULT)
		use.how = "asks for what there is without it";
	return w->fn(&use, w->ctx);
}

/* Two names for one member ("hwConfig", "hwconfig"): the first is the specification's. */
static const struct bind_field *find_bind(const struct bind_field *fields, const char *key)
{
	const struct bind_field *found = NULL;

	for (const struct bind_field *f = fields; f && f->key && !found; f++)
		if (streq(f->key, key))
			found = f;
	for (const struct bind_field *f = fields; found && f != found; f++)
		if (f->kind == found->kind && f->fields && f->fields == found->fields &&
			f->offset == found->offset)
			return f;
	return found;
}

static bool is_empty(const struct json_value *v)
{
	struct err ignored = ERR_NONE;
	const char *text;

	switch (json_type_of(v)) {
	case JSON_STRING:
		return json_get_str(v, &text, &ignored) == 0 && !*text;
	case JSON_ARRAY:
	case JSON_OBJECT:
		return json_count(v) == 0;
	default:
		return json_type_of(v) == JSON_NULL;
	}
}

static int walk_object(
	struct walker *w, const struct json_value *object, const struct bind_field *fields);

/* Into an object, or the objects of a list or map. */
static int descend(struct walker *w, const struct json_value *v, const struct bind_field *f)
{
	bool is_list = f->kind == BIND_LIST;
	size_t mark;
	int r = 0;

	if (!is_list && f->kind != BIND_MAP)
		return walk_object(w, v, f->fields);
	mark = push(w, is_list ? "[]" : ".*", "");
	for (size_t i = 0; r == 0 && i < json_count(v); i++)
		r = walk_object(w, json_at(v, i), f->fields);
	pop(w, mark);
	return r;
}

static int walk_member(struct walker *w, const struct json_value *object,
	const struct json_value *member, const struct bind_field *fields)
{
	const struct bind_field *f = find_bind(fields, json_key_of(member));
	size_t mark = push(w, w->len ? "." : "", f ? f->key : json_key_of(member));
	const struct field_row *row = NULL;
	bool is_section = f && f->fields;
	int r = 0;

	/* A key with a dot in it is not two steps. */
	if (w->len > mark && (f || !strpbrk(json_key_of(member), ".[*")))
		row = field_find(w->path);
	if (is_section && (!row || is_honoured(row->class)))
		r = descend(w, member, f);
	else if ((is_section && f->kind == BIND_OBJECT) || !is_empty(member))
		r = report(w, row, object, member);
	pop(w, mark);
	return r;
}

static int walk_object(
	struct walker *w, const struct json_value *object, const struct bind_field *fields)
{
	int r = 0;

	if (json_type_of(object) != JSON_OBJECT)
		return 0;
	for (size_t i = 0; r == 0 && i < json_count(object); i++)
		if (json_type_of(json_at(object, i)) != JSON_NULL)
			r = walk_member(w, object, json_at(object, i), fields);
	return r;
}

int fields_walk(const struct json_value *top, const char *section, field_fn *fn, void *ctx)
{
	struct walker w = { .fn = fn, .ctx = ctx };

	push(&w, section, "");
	return walk_object(&w, top, *section ? bind_process : bind_spec);
}
