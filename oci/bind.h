/*
 * Filling C structs from JSON by tables: a table names the keys of an object and says where each
 * value goes. The kind of a plain member follows from its C type, so the two cannot disagree.
 */
#pragma once

#include "oci/json.h"
#include "oci/spec.h"

enum bind_kind {
	BIND_BOOL,
	BIND_I32,
	BIND_I64,
	BIND_U32,
	BIND_U64,
	BIND_OPT_BOOL,
	BIND_OPT_I64,
	BIND_OPT_U64,
	BIND_STR,     /* "" is as good as absent */
	BIND_STRINGS, /* array of strings */
	BIND_PAIRS,   /* object of strings */
	BIND_U32S,    /* array of integers */
	BIND_OBJECT,  /* a pointer to a struct of its own */
	BIND_EMBED,   /* a struct inside this one */
	BIND_LIST,    /* array of objects */
	BIND_MAP,     /* object of objects; the key goes to the item's first member, a string */
};

/* A row of a table; a row without key ends it. */
struct bind_field {
	const char *key;
	enum bind_kind kind;
	bool required;
	size_t offset;
	size_t item_size;		 /* of what is allocated: OBJECT, LIST, MAP */
	const struct bind_field *fields; /* of the object or of the items */
	uint64_t max;			 /* of unsigned kinds, 0: what the C type holds */
};

#define BIND_MEMBER(type, member) (((type *)0)->member)

#define BIND_KIND(type, member)                                                                    \
	_Generic(BIND_MEMBER(type, member),                                                        \
		bool: BIND_BOOL,                                                                   \
		int32_t: BIND_I32,                                                                 \
		int64_t: BIND_I64,                                                                 \
		uint32_t: BIND_U32,                                                                \
		uint64_t: BIND_U64,                                                                \
		const char *: BIND_STR,                                                            \
		struct opt_bool: BIND_OPT_BOOL,                                                    \
		struct opt_i64: BIND_OPT_I64,                                                      \
		struct opt_u64: BIND_OPT_U64,                                                      \
		struct spec_strings: BIND_STRINGS,                                                 \
		struct spec_pairs: BIND_PAIRS)

/* Rows. The N forms must be there; MAX forms limit unsigned integers. */
#define FIELD(key_, type, member)                                                                  \
	{                                                                                          \
		.key = key_, .kind = BIND_KIND(type, member), .offset = offsetof(type, member)     \
	}
#define FIELD_N(key_, type, member)                                                                \
	{                                                                                          \
		.key = key_, .kind = BIND_KIND(type, member), .offset = offsetof(type, member),    \
		.required = true                                                                   \
	}
#define FIELD_MAX(key_, type, member, max_)                                                        \
	{                                                                                          \
		.key = key_, .kind = BIND_KIND(type, member), .offset = offsetof(type, member),    \
		.max = max_                                                                        \
	}
#define FIELD_U32S(key_, type, member)                                                             \
	{                                                                                          \
		.key = key_, .kind = BIND_U32S, .offset = offsetof(type, member),                  \
		.item_size = sizeof(BIND_MEMBER(type, member).v[0])                                \
	}
#define FIELD_OBJECT(key_, type, member, fields_)                                                  \
	{                                                                                          \
		.key = key_, .kind = BIND_OBJECT, .offset = offsetof(type, member),                \
		.item_size = sizeof(*BIND_MEMBER(type, member)), .fields = fields_                 \
	}
#define FIELD_EMBED(key_, type, member, fields_)                                                   \
	{                                                                                          \
		.key = key_, .kind = BIND_EMBED, .offset = offsetof(type, member),                 \
		.fields = fields_                                                                  \
	}
/* An object of the file that has no struct of its own: its members are members of this one. */
#define FIELD_INLINE(key_, fields_)                                                                \
	{                                                                                          \
		.key = key_, .kind = BIND_EMBED, .fields = fields_                                 \
	}
#define FIELD_LIST(key_, type, member, fields_)                                                    \
	{                                                                                          \
		.key = key_, .kind = BIND_LIST, .offset = offsetof(type, member),                  \
		.item_size = sizeof(BIND_MEMBER(type, member).v[0]), .fields = fields_             \
	}
#define FIELD_MAP(key_, type, member, fields_)                                                     \
	{                                                                                          \
		.key = key_, .kind = BIND_MAP, .offset = offsetof(type, member),                   \
		.item_size = sizeof(BIND_MEMBER(type, member).v[0]), .fields = fields_             \
	}
#define FIELD_END                                                                                  \
	{                                                                                          \
		.key = NULL                                                                        \
	}

/*
 * Fills the zeroed struct at to from the object v by the table fields. Memory comes from doc, which
 * v belongs to. Keys that are not in the table are ignored and null is as good as absent.
 */
int bind_object(struct json_doc *doc, const struct json_value *v, const struct bind_field *fields,
	void *to, struct err *err) CHECKED;

/* The tables. Each is in the parse_*.c of its section. */
extern const struct bind_field bind_spec[]; /* the whole but for ociVersion */
extern const struct bind_field bind_id_mapping[];
extern const struct bind_field bind_process[];
extern const struct bind_field bind_hooks[];
extern const struct bind_field bind_linux[];
extern const struct bind_field bind_resources[];
extern const struct bind_field bind_seccomp[];
extern const struct bind_field bind_vm[];
