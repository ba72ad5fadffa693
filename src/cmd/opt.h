/* Typed option tables: parser and --help from the same rows. runc's spellings are aliases in them.
 */
#pragma once

#include "base/err.h"
#include "base/str.h"

#include <stdbool.h>
#include <stdint.h>

enum opt_type {
	OPT_FLAG,
	OPT_TEXT,
	OPT_NUMBER,
	OPT_LIST, /* may be given several times */
};

/* A row; one without a name ends the table. Its index is the index of its value. */
struct opt {
	const char *name; /* without dashes */
	char letter;	  /* 0: none */
	enum opt_type type;
	const char *argument; /* what --help calls the value */
	const char *help;
};

union opt_value {
	bool flag;
	const char *text; /* NULL: not given; the argument vector's */
	uint64_t number;
	struct strv list;
};

#define OPT_MAX 24

/*
 * Parses argv (argc entries) by the table: --name value, --name=value, -l value, -lvalue; "--" ends
 * the options. Options may stand between arguments unless stop_at is reached: after that many
 * arguments the rest are arguments as they are. values has OPT_MAX entries, zeroed. args gets
 * copies.
 */
int opt_parse(const struct opt *table, int argc, char *const *argv, unsigned stop_at,
	union opt_value *values, struct strv *args, struct err *err) CHECKED;
/* Frees the lists among values. */
void opt_done(const struct opt *table, union opt_value *values);

/* Prints a line for each row of the table. */
void opt_print_help(const struct opt *table);
