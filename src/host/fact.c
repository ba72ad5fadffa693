/* What the rows of facts*.c share: see fact.h. */
#include "host/fact.h"

#include "base/fd.h"

#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#define HOST_FILE_MAX ((size_t)16 << 20)

const char *fact_status_name(enum fact_status s)
{
	return s == FACT_OK ? "ok" : s == FACT_WARN ? "warn" : "fail";
}

void fact_found(struct fact *f, const char *fmt, ...)
{
	size_t n = strlen(f->found);
	va_list args;

	va_start(args, fmt);
	(void)!vsnprintf(f->found + n, sizeof(f->found) - n, fmt, args);
	va_end(args);
}

void fact_mend(struct fact *f, enum fact_status status, const char *fmt, ...)
{
	va_list args;

	f->status = status;
	va_start(args, fmt);
	(void)!vsnprintf(f->fix, sizeof(f->fix), fmt, args);
	va_end(args);
}

const char *fact_read(const struct facts_env *env, const char *path, struct buf *b)
{
	struct err ignored = ERR_NONE;

	return file_read(env->host, path, HOST_FILE_MAX, b, &ignored) < 0 ? NULL : buf_str(b);
}

bool fact_exists(const struct facts_env *env, const char *path)
{
	return faccessat(env->host, path, F_OK, 0) == 0;
}
