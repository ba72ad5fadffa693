/* Signal names: see signals.h. */
#include "cmd/signals.h"

#include "base/str.h"

#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

/* Second names, and those whose first one depends on whom one asks. */
static const struct {
	const char *name;
	int number;
} aliases[] = {
	{ "CLD", SIGCHLD },
	{ "IO", SIGIO },
	{ "IOT", SIGIOT },
};

/* The rest of name after prefix, in any case, or NULL. */
static const char *after(const char *name, const char *prefix)
{
	size_t n = strlen(prefix);

	return strncasecmp(name, prefix, n) == 0 ? name + n : NULL;
}

static int real_time(const char *name)
{
	const char *plus = after(name, "RTMIN+"), *minus = after(name, "RTMAX-");
	uint64_t n;

	if (strcasecmp(name, "RTMIN") == 0)
		return SIGRTMIN;
	if (strcasecmp(name, "RTMAX") == 0)
		return SIGRTMAX;
	if ((!plus && !minus) || str_to_u64(plus ? plus : minus, &n) < 0 || n > 30)
		return -1;
	return plus ? SIGRTMIN + (int)n : SIGRTMAX - (int)n;
}

int signal_number(const char *name)
{
	uint64_t n;

	if (str_to_u64(name, &n) == 0)
		return n <= 64 ? (int)n : -1;
	if (strncasecmp(name, "SIG", 3) == 0)
		name += 3;
	for (int i = 1; i < 32; i++) {
		const char *abbrev = sigabbrev_np(i);

		if (abbrev && strcasecmp(abbrev, name) == 0)
			return i;
	}
	for (size_t i = 0; i < ARRAY_LEN(aliases); i++)
		if (strcasecmp(aliases[i].name, name) == 0)
			return aliases[i].number;
	return real_time(name);
}
