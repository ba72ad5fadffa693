/* Tables to structs: see bind.h. A handler for each kind of member; called by the parsers only. */
#include "oci/bind.h"

typedef int bind_fn(struct json_doc *doc, const struct json_value *v, const struct bind_field *f,
	void *at, struct err *err);

/* What every list of SPEC_LIST() looks like. */
struct any_list {
	void *v;
	size_t n;
};

static int no_memory(const struct json_doc *doc, struct err *err)
{
	return err_set(err, ENOMEM, "%s: out of memory", json_doc_file(doc));
}

static int bind_bool(struct json_doc *doc, const struct json_value *v, const struct bind_field *f,
	void *at, struct err *err)
{
	(void)doc;
	(void)f;
	return json_get_bool(v, at, err);
}

static int bind_i32(struct json_doc *doc, const struct json_value *v, const struct bind_field *f,
	void *at, struct err *err)
{
	int64_t value;
	int r = json_get_i64(v, INT32_MIN, INT32_MAX, &value, err);

	(void)doc;
	(void)f;
	if (r == 0)
		*(int32_t *)at = (int32_t)value;
	return r;
}

static int bind_i64(struct json_doc *doc, const struct json_value *v, const struct bind_field *f,
	void *at, struct err *err)
{
	(void)doc;
	(void)f;
	return json_get_i64(v, INT64_MIN, INT64_MAX, at, err);
}

static int bind_u32(struct json_doc *doc, const struct json_value *v, const struct bind_field *f,
	void *at, struct err *err)
{
	uint64_t value;
	int r = json_get_u64(v, f->max ? f->max : UINT32_MAX, &value, err);

	(void)doc;
	if (r == 0)
		*(uint32_t *)at = (uint32_t)value;
	return r;
}

static int bind_u64(struct json_doc *doc, const struct json_value *v, const struct bind_field *f,
	void *at, struct err *err)
{
	(void)doc;
	return json_get_u64(v, f->max ? f->max : UINT64_MAX, at, err);
}

static int bind_opt_bool(struct json_doc *doc, const struct json_value *v,
	const struct bind_field *f, void *at, struct err *err)
{
	struct opt_bool *opt = at;

	opt->is_set = true;
	return bind_bool(doc, v, f, &opt->value, err);
}

static int bind_opt_i64(struct json_doc *doc, const struct json_value *v,
	const struct bind_field *f, void *at, struct err *err)
{
	struct opt_i64 *opt = at;

	opt->is_set = true;
	return bind_i64(doc, v, f, &opt->value, err);
}

static int bind_opt_u64(struct json_doc *doc, const struct json_value *v,
	const struct bind_field *f, void *at, struct err *err)
{
	struct opt_u64 *opt = at;

	opt->is_set = true;
	return bind_u64(doc, v, f, &opt->value, err);
}

static int bind_str(struct json_doc *doc, const struct json_value *v, const struct bind_field *f,
	void *at, struct err *err)
{
	const char *s;
	int r = json_get_str(v, &s, err);

	(void)doc;
	if (r < 0)
		return r;
	if (!*s && f->required)
		return json_err(v, err, EINVAL, "must not be empty");
	*(const char **)at = *s ? s : NULL;
	return 0;
}

/* Allocates the items of a list of what v has in it, one more when spare: such a list is never
 * NULL. */
static int list_alloc(struct json_doc *doc, const struct json_value *v, size_t item_size,
	bool spare, struct any_list *list, struct err *err)
{
	size_t n = json_count(v);

	if (n + spare == 0)
		return 0;
	list->v = json_doc_alloc(doc, (n + spare) * item_size);
	if (!list->v)
		return no_memory(doc, err);
	list->n = n;
	return 0;
}

static int bind_strings(struct json_doc *doc, const struct json_value *v,
	const struct bind_field *f, void *at, struct err *err)
{
	struct spec_strings *list = at;
	int r = json_expect(v, JSON_ARRAY, err);

	(void)f;
	if (r == 0)
		r = list_alloc(doc, v, sizeof(*list->v), true, at, err);
	for (size_t i = 0; r == 0 && i < list->n; i++)
		r = json_get_str(json_at(v, i), &list->v[i], err);
	return r;
}

static int bind_pairs(struct json_doc *doc, const struct json_value *v, const struct bind_field *f,
	void *at, struct err *err)
{
	struct spec_pairs *list = at;
	int r = json_expect(v, JSON_OBJECT, err);

	(void)f;
	if (r == 0)
		r = list_alloc(doc, v, sizeof(*list->v), false, at, err);
	for (size_t i = 0; r == 0 && i < list->n; i++) {
		list->v[i].key = json_key_of(json_at(v, i));
		r = json_get_str(json_at(v, i), &list->v[i].value, err);
	}
	return r;
}

static int bind_u32s(struct json_doc *doc, const struct json_value *v, const struct bind_field *f,
	void *at, struct err *err)
{
	struct any_list *list = at;
	int r = json_expect(v, JSON_ARRAY, err);

	if (r == 0)
		r = list_alloc(doc, v, sizeof(uint32_t), false, list, err);
	for (size_t i = 0; r == 0 && i < list->n; i++)
		r = bind_u32(doc, json_at(v, i), f, (uint32_t *)list->v + i, err);
	return r;
}

static int bind_pointer(struct json_doc *doc, const struct json_value *v,
	const struct bind_field *f, void *at, struct err *err)
{
	void *object = json_doc_alloc(doc, f->item_size);

	if (!object)
		return no_memory(doc, err);
	*(void **)at = object;
	return bind_object(doc, v, f->fields, object, err);
}

static int bind_embed(struct json_doc *doc, const struct json_value *v, const struct bind_field *f,
	void *at, struct err *err)
{
	return bind_object(doc, v, f->fields, at, err);
}

static int bind_list(struct json_doc *doc, const struct json_value *v, const struct bind_field *f,
	void *at, struct err *err)
{
	struct any_list *list = at;
	int r = json_expect(v, JSON_ARRAY, err);

	if (r == 0)
		r = list_alloc(doc, v, f->item_size, false, list, err);
	for (size_t i = 0; r == 0 && i < list->n; i++)
		r = bind_object(
			doc, json_at(v, i), f->fields, (char *)list->v + i * f->item_size, err);
	return r;
}

static int bind_map(struct json_doc *doc, const struct json_value *v, const struct bind_field *f,
	void *at, struct err *err)
{
	struct any_list *list = at;
	int r = json_expect(v, JSON_OBJECT, err);

	if (r == 0)
		r = list_alloc(doc, v, f->item_size, false, list, err);
	for (size_t i = 0; r == 0 && i < list->n; i++) {
		const struct json_value *member = json_at(v, i);
		void *item = (char *)list->v + i * f->item_size;

		*(const char **)item = json_key_of(member);
		r = bind_object(doc, member, f->fields, item, err);
	}
	return r;
}

static bind_fn *const binders[] = {
	[BIND_BOOL] = bind_bool,
	[BIND_I32] = bind_i32,
	[BIND_I64] = bind_i64,
	[BIND_U32] = bind_u32,
	[BIND_U64] = bind_u64,
	[BIND_OPT_BOOL] = bind_opt_bool,
	[BIND_OPT_I64] = bind_opt_i64,
	[BIND_OPT_U64] = bind_opt_u64,
	[BIND_STR] = bind_str,
	[BIND_STRINGS] = bind_strings,
	[BIND_PAIRS] = bind_pairs,
	[BIND_U32S] = bind_u32s,
	[BIND_OBJECT] = bind_pointer,
	[BIND_EMBED] = bind_embed,
	[BIND_LIST] = bind_list,
	[BIND_MAP] = bind_map,
};

int bind_object(struct json_doc *doc, const struct json_value *v, const struct bind_field *fields,
	void *to, struct err *err)
{
	int r = json_expect(v, JSON_OBJECT, err);

	for (const struct bind_field *f = fields; r == 0 && f->key; f++) {
		const struct json_value *member = json_member(v, f->key);

		if (member)
			r = binders[f->kind](doc, member, f, (char *)to + f->offset, err);
		else if (f->required)
			r = json_missing(v, f->key, err);
	}
	return r;
}
