/*
 * Log lines of a program, in runc's formats: text "level: msg" on stderr or one JSON object a line
 * {"level","msg","time"} in the file that --log names. Library code does not log errors: it fills a
 * struct err. It may log at debug level what it decided.
 */
#pragma once

#include "base/err.h"

#include <stdbool.h>

enum log_level {
	LOG_LEVEL_ERROR,
	LOG_LEVEL_WARN,
	LOG_LEVEL_INFO,
	LOG_LEVEL_DEBUG,
};

/* program: the name put before text lines. Until log_open() is called lines go to stderr as text.
 */
void log_init(const char *program, enum log_level level);

/* Sends further lines to path (appended, 0644), as JSON when json is set. */
int log_open(const char *path, bool json, struct err *err) CHECKED;

/* Writes JSON lines (or text lines again) to where the lines go now. */
void log_set_json(bool json);

/* Whether lines go to a file that log_open() has opened. */
bool log_is_file(void);

/* Sends further text lines to fd, which the log does not own. */
void log_set_fd(int fd);

bool log_enabled(enum log_level level);
/*
 * Holds back warnings that would go to a file until log_release(): a caller that finds more than
 * one JSON line there does not find the error. Not where more than warnings are asked for.
 */
void log_hold(void);

/* Writes what was held back to where lines go now, and holds back nothing any more. */
void log_release(void);

/* What is no error has the names of errors (ENOENT) in place of their texts. */
void log_line(enum log_level level, const char *fmt, ...) PRINTF_LIKE(2, 3);

#define log_error(...) log_line(LOG_LEVEL_ERROR, __VA_ARGS__)
#define log_warn(...)  log_line(LOG_LEVEL_WARN, __VA_ARGS__)
#define log_info(...)  log_line(LOG_LEVEL_INFO, __VA_ARGS__)
#define log_debug(...)                                                                             \
	do {                                                                                       \
		if (log_enabled(LOG_LEVEL_DEBUG))                                                  \
			log_line(LOG_LEVEL_DEBUG, __VA_ARGS__);                                    \
	} while (0)
