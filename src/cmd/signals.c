/* Signal names: see signals.h. */
#include "cmd/signals.h"

#include "base/str.h"

#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

static int real_time(const char *name)
{
	const char *plus = str_after(name, "RTMIN+"), *minus = str_after(name, "RTMAX-");
	uint64_t n;

	if (streq(name, "RTMIN"))
		return SIGRTMIN;
	if (streq(name, "RTMAX"))
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
	return real_time(name);
}
