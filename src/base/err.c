/* The error value: see err.h. No allocation, no output. */
#include "base/err.h"

#include <assert.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

int err_set(struct err *err, int code, const char *fmt, ...)
{
	va_list ap;

	assert(code > 0);
	assert(err->code == 0);
	err->code = code;
	va_start(ap, fmt);
	vsnprintf(err->msg, sizeof(err->msg), fmt, ap);
	va_end(ap);
	return -code;
}

int err_sys(struct err *err, int code, const char *fmt, ...)
{
	va_list ap;
	size_t used;

	assert(code > 0);
	assert(err->code == 0);
	err->code = code;
	va_start(ap, fmt);
	vsnprintf(err->msg, sizeof(err->msg), fmt, ap);
	va_end(ap);
	used = strlen(err->msg);
	snprintf(err->msg + used, sizeof(err->msg) - used, ": %s", strerror(code));
	return -code;
}

int err_prefix(struct err *err, const char *fmt, ...)
{
	char old[ERR_MSG_MAX];
	va_list ap;
	size_t used;

	assert(err->code > 0);
	memcpy(old, err->msg, sizeof(old));
	va_start(ap, fmt);
	vsnprintf(err->msg, sizeof(err->msg), fmt, ap);
	va_end(ap);
	used = strlen(err->msg);
	/* Callers on different levels may mean the same context. */
	if (strncmp(old, err->msg, used) == 0)
		used = 0;
	snprintf(err->msg + used, sizeof(err->msg) - used, "%s", old);
	return -err->code;
}

void err_clear(struct err *err)
{
	err->code = 0;
	err->msg[0] = '\0';
}
