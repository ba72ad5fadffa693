/*
 * The one table of what becomes of each property of config.json (runtime-spec 1.3: the common, the
 * linux and the vm section). The checks refuse by it, "vmrun features" and "vmrun explain" are
 * printed from it, and tests/e2e asks it what to probe: no row may claim what no case shows.
 *
 * Unit tests hold it against the parser's tables (oci/bind.h) and the specification's list.
 */
#pragma once

#include "base/err.h"
#include "oci/json.h"

enum field_class {
	CLASS_GUEST,	/* enforced, by the guest's kernel */
	CLASS_HOST,	/* enforced, on the host */
	CLASS_EMULATED, /* what it is for is had by other means */
	CLASS_IGNORED,	/* no effect */
	CLASS_REJECTED, /* a configuration with it is refused */
	CLASS_DEFAULT,	/* of a value only: it asks for what there is without it */
	CLASSES
};

/* Flags of a row. */
#define FIELD_SECURITY	1u /* the setting "strict" refuses to have it ignored */
#define FIELD_ZERO_NONE 2u /* 0 and false ask for nothing */
#define FIELD_ELSEWHERE 4u /* refused where it is translated: what is around it decides */

struct field_use;

/*
 * A property, named as in "linux.resources.memory.limit", "mounts[].options" and
 * "linux.netDevices.*.name"; annotations, sysctl and unified are one each. The row of an object or
 * a list of objects is there only to refuse or ignore it as a whole, then with all its members.
 */
struct field_row {
	const char *path;
	enum field_class class;
	unsigned flags;
	const char *how; /* by what, or why not */
	/* Changes class and how where the value decides; object: what it is a member of. */
	void (*by_value)(struct field_use *use, const struct json_value *object);
	const char *shown_by; /* the end-to-end case; NULL: FIELDS_CASE */
};

/* Rows. */
#define ROW(path_, class_, flags_, how_)                                                           \
	{                                                                                          \
		.path = path_, .class = class_, .flags = flags_, .how = how_                       \
	}
#define ROW_BY_VALUE(path_, class_, flags_, how_, by_value_)                                       \
	{                                                                                          \
		.path = path_, .class = class_, .flags = flags_, .how = how_,                      \
		.by_value = by_value_                                                              \
	}
#define ROW_SHOWN_BY(path_, class_, flags_, how_, case_)                                           \
	{                                                                                          \
		.path = path_, .class = class_, .flags = flags_, .how = how_, .shown_by = case_    \
	}

#define FIELDS_CASE "every-field-does-what-its-row-says"

/* The tables, each ended by a row without path, in fields_*.c. */
extern const struct field_row fields_common[], fields_process[], fields_linux[], fields_resources[],
	fields_vm[];

/* The i-th row of all, or NULL at the end. */
const struct field_row *field_at(size_t i);
/* NULL: there is none. */
const struct field_row *field_find(const char *path);
/* Whether it is the row of an object or list, whose members have rows, too. */
bool field_is_section(const struct field_row *row);
/* "guest", "host", "emulated", "ignored", "rejected", "default" */
const char *field_class_name(enum field_class class);
/* Whether a property has an effect, in the guest or on the host or by other means. */
bool field_is_honoured(const char *path);

/* A property that a file gives. Empty strings, lists and null give nothing. */
struct field_use {
	const struct field_row *row; /* NULL: the specification knows no such property */
	enum field_class class;	     /* of this value */
	const char *how;
	const struct json_value *value;
};

/* Whether a value is what the setting "strict" refuses: a protection that would have no effect. */
static inline bool field_violates_strict(const struct field_use *use)
{
	return use->row && (use->row->flags & FIELD_SECURITY) && use->class == CLASS_IGNORED;
}

typedef int field_fn(const struct field_use *use, void *ctx);

/*
 * Calls fn for each property of the object top in the order of the file, until it returns other
 * than 0, which is returned. section: what top is, "" for a whole config.json or "process".
 */
int fields_walk(const struct json_value *top, const char *section, field_fn *fn, void *ctx);
