/* Strings: parsing of numbers, NULL-terminated vectors. */
#pragma once

#include "base/auto.h"
#include "base/err.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

static inline bool streq(const char *a, const char *b)
{
	return strcmp(a, b) == 0;
}

/* The rest of s after prefix, or NULL when s does not begin with it. */
const char *str_after(const char *s, const char *prefix);

/*
 * Makes text from a guest fit for a terminal or a log: control characters become blanks, also those
 * of ISO 6429 that are two bytes in UTF-8.
 */
void str_blank_controls(char *s);

/* Whole-string decimal numbers; -EINVAL when anything else is in s, -ERANGE outside the type. */
int str_to_u64(const char *s, uint64_t *ret) CHECKED;
int str_to_i64(const char *s, int64_t *ret) CHECKED;

/* A NULL-terminated vector of owned strings. */
struct strv {
	char **v;
	size_t n;
};

int strv_add(struct strv *sv, const char *s) CHECKED; /* copies s */
int strv_add_owned(struct strv *sv, char *s) CHECKED; /* takes s; frees it on failure */
int strv_addf(struct strv *sv, const char *fmt, ...) PRINTF_LIKE(2, 3) CHECKED;
void strv_done(struct strv *sv);

DEFINE_AUTO_VAL(strv_done, struct strv)
