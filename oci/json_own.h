/* The inside of a JSON document, shared by the parser and the getters only. */
#pragma once

#include "oci/arena.h"
#include "oci/json.h"

struct json_value {
	const struct json_value *parent; /* NULL: the root */
	struct json_value *next;	 /* the next item of parent */
	const char *key;		 /* of a member of an object */
	uint32_t index;			 /* in parent */
	enum json_type type;

	union {
		bool boolean;
		const char *text; /* strings decoded; numbers as they were written */

		struct {
			/* In order; of objects followed by as many, sorted by key. */
			const struct json_value **items;
			struct json_value *first, *last;
			uint32_t n;
		};
	};
};

struct json_doc {
	struct json_value root; /* first: a root value leads to its document */
	struct arena arena;
	const char *file;
};
