/* Faults that a test asks for: see fault.h. */
#include "base/fault.h"

#include "base/str.h"

#include <stdio.h>
#include <string.h>

/* What follows word and a colon at the begin of text, or NULL. */
static const char *after_word(const char *text, const char *word)
{
	const char *rest = str_after(text, word);

	return rest && *rest == ':' ? rest + 1 : NULL;
}

enum fault fault_due(const char *spec, const char *sequence, const char *step, size_t number)
{
	const char *rest = spec ? after_word(spec, sequence) : NULL, *what;
	char digits[24];

	if (!rest)
		return FAULT_NONE;
	snprintf(digits, sizeof(digits), "%zu", number);
	what = after_word(rest, step);
	if (!what)
		what = after_word(rest, digits);
	if (!what)
		return FAULT_NONE;
	return streq(what, "kill") ? FAULT_KILL : streq(what, "fail") ? FAULT_FAIL : FAULT_NONE;
}
