/* The table of rows, and what they share: see facts.h and fact_tools.h. Called by cmd/check.c. */
#include "host/facts.h"

#include "base/fd.h"
#include "base/str.h"
#include "host/fact_tools.h"

#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>

#define HOST_FILE_MAX ((size_t)16 << 20)

const struct fact_row fact_rows[FACT_ROWS] = {
	{ "processor", fact_cpu },
	{ "kvm", fact_kvm },
	{ "virtual machine", fact_nested },
	{ "qemu", fact_qemu },
	{ "guest kernel", fact_kernel },
	{ "guest drivers", fact_drivers },
	{ "programs", fact_programs },
	{ "memory", fact_memory },
	{ "rights", fact_rights },
	{ "state", fact_state },
	{ "cache", fact_cache },
	{ "cgroup", fact_cgroup },
	{ "tun", fact_tun },
	{ "traffic control", fact_tc },
	{ "security modules", fact_lsm },
};

const char *fact_status_name(enum fact_status s)
{
	return s == FACT_OK ? "ok" : s == FACT_WARN ? "warn" : "fail";
}

bool facts_look(const struct facts_env *env, struct fact facts[static FACT_ROWS])
{
	bool good = true;

	for (size_t i = 0; i < FACT_ROWS; i++) {
		facts[i] = (struct fact){ .name = fact_rows[i].name };
		fact_rows[i].look(env, &facts[i]);
		good = good && facts[i].status != FACT_FAIL;
	}
	return good;
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
