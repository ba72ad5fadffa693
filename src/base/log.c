/* Log lines: see log.h. One write(2) a line, so lines of several processes do not mix. */
#include "base/log.h"

#include "base/auto.h"
#include "base/buf.h"
#include "base/errno_names.h"
#include "base/fd.h"
#include "base/json_out.h"

#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

/* What is held back; more is written at once. */
#define HELD_MAX_BYTES 65536

static struct {
	const char *program;
	enum log_level level;
	int fd;
	bool json, holding;
	struct buf held; /* warnings, each with its NUL */
} the_log = { "vmrun", LOG_LEVEL_WARN, 2, false, false, { 0 } };

static const char *const level_names[] = {
	[LOG_LEVEL_ERROR] = "error",
	[LOG_LEVEL_WARN] = "warning",
	[LOG_LEVEL_INFO] = "info",
	[LOG_LEVEL_DEBUG] = "debug",
};

void log_init(const char *program, enum log_level level)
{
	the_log.program = program;
	the_log.level = level;
}

int log_open(const char *path, bool json, struct err *err)
{
	int fd = open(path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0644);

	if (fd < 0)
		return err_sys(err, errno, "cannot open log file %s", path);
	the_log.fd = fd;
	the_log.json = json;
	return 0;
}

bool log_is_file(void)
{
	return the_log.fd != 2;
}

void log_set_json(bool json)
{
	the_log.json = json;
}

void log_set_fd(int fd)
{
	the_log.fd = fd;
}

bool log_enabled(enum log_level level)
{
	return level <= the_log.level;
}

static int format_json(struct buf *line, enum log_level level, const char *msg)
{
	struct json_out out;
	char now[64];
	struct timespec ts;
	struct tm tm;
	size_t n;

	clock_gettime(CLOCK_REALTIME, &ts);
	gmtime_r(&ts.tv_sec, &tm);
	n = strftime(now, sizeof(now), "%Y-%m-%dT%H:%M:%S", &tm);
	snprintf(now + n, sizeof(now) - n, ".%09ldZ", ts.tv_nsec);
	json_init(&out, line, false);
	json_object(&out);
	json_key_str(&out, "msg", msg);
	json_key_str(&out, "level", level_names[level]);
	json_key_str(&out, "time", now);
	json_end(&out);
	return json_finish(&out);
}

static void write_line(enum log_level level, const char *msg)
{
	AUTO(buf_done) struct buf line = { 0 };
	int r;

	if (the_log.json)
		r = format_json(&line, level, msg);
	else if (level == LOG_LEVEL_ERROR)
		r = buf_printf(&line, "%s: %s", the_log.program, msg);
	else
		r = buf_printf(&line, "%s: %s: %s", the_log.program, level_names[level], msg);
	if (r == 0)
		r = buf_append(&line, "\n", 1);
	if (r == 0)
		(void)!fd_write_all(the_log.fd, line.data, line.len);
}

void log_line(enum log_level level, const char *fmt, ...)
{
	char msg[2048];
	va_list ap;

	if (!log_enabled(level))
		return;
	va_start(ap, fmt);
	vsnprintf(msg, sizeof(msg), fmt, ap);
	va_end(ap);
	/* Callers of ours look for such words in all that we say, and take them for the error. */
	if (level != LOG_LEVEL_ERROR)
		errno_texts_to_names(msg);
	if (the_log.holding && level == LOG_LEVEL_WARN && the_log.held.len < HELD_MAX_BYTES &&
		buf_append(&the_log.held, msg, strlen(msg) + 1) == 0)
		return;
	write_line(level, msg);
}

void log_hold(void)
{
	the_log.holding = log_is_file() && the_log.level == LOG_LEVEL_WARN;
}

void log_release(void)
{
	AUTO(buf_done) struct buf held = the_log.held;

	the_log.holding = false;
	the_log.held = (struct buf){ 0 };
	for (size_t at = 0; at < held.len; at += strlen((const char *)held.data + at) + 1)
		write_line(LOG_LEVEL_WARN, (const char *)held.data + at);
}
