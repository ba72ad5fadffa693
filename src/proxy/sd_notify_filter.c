/* The filter of notifications: see sd_notify_filter.h. A table of names, a function for each value.
 */
#include "proxy/sd_notify_filter.h"

#include "base/auto.h"
#include "base/str.h"

#include <stdio.h>

/* Each may change the value, which is a text of its own. */
typedef bool value_fn(char *value);

static bool is_one(char *value)
{
	return streq(value, "1");
}

static bool is_number(char *value)
{
	uint64_t n;

	return str_to_u64(value, &n) == 0;
}

static bool is_watchdog(char *value)
{
	return is_one(value) || streq(value, "trigger");
}

/* Shown to people, and kept in logs. */
static bool is_text(char *value)
{
	str_blank_controls(value);
	return true;
}

/*
 * Not RELOADING's MONOTONIC_USEC, which is of the guest's clock; nor FDSTORE, BARRIER and others
 * that mean descriptors, which do not cross.
 */
static const struct {
	const char *name;
	value_fn *fits;
} assignments[] = {
	{ "READY", is_one },
	{ "RELOADING", is_one },
	{ "STOPPING", is_one },
	{ "STATUS", is_text },
	{ "ERRNO", is_number },
	{ "WATCHDOG", is_watchdog },
	{ "WATCHDOG_USEC", is_number },
	{ "EXTEND_TIMEOUT_USEC", is_number },
};

static bool passes(char *line)
{
	for (size_t i = 0; i < ARRAY_LEN(assignments); i++) {
		size_t n = strlen(assignments[i].name);

		if (strncmp(line, assignments[i].name, n) == 0 && line[n] == '=')
			return assignments[i].fits(line + n + 1);
	}
	return false;
}

size_t sd_notify_filter(
	const uint8_t *data, size_t len, pid_t main_pid, char out[SD_NOTIFY_OUT_MAX])
{
	char text[SD_NOTIFY_MAX + 1], *save = NULL;
	size_t n = 0;

	out[0] = '\0';
	if (len > SD_NOTIFY_MAX)
		return 0;
	memcpy(text, data, len);
	text[len] = '\0';
	/* What is behind a NUL is no text. */
	for (char *line = strtok_r(text, "\n", &save); line; line = strtok_r(NULL, "\n", &save)) {
		bool first = n == 0;

		if (!passes(line))
			continue;
		/* The lines are no longer than they were; the pid has room besides, once. */
		n += (size_t)snprintf(out + n, SD_NOTIFY_OUT_MAX - n, first ? "%s" : "\n%s", line);
		if (main_pid && streq(line, "READY=1")) {
			n += (size_t)snprintf(
				out + n, SD_NOTIFY_OUT_MAX - n, "\nMAINPID=%d", (int)main_pid);
			main_pid = 0;
		}
	}
	return n;
}
