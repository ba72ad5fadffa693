/*
 * The error value of the whole house: it lives on the caller's stack, is filled once, at the place
 * that knows the path, field or id, and is only prefixed on its way up. Only programs print it.
 */
#pragma once

#include <errno.h>

#define ERR_MSG_MAX 768

/* code is a positive errno value, 0 while nothing was set. */
struct err {
	int code;
	char msg[ERR_MSG_MAX];
};

#define ERR_NONE                                                                                   \
	{                                                                                          \
		0, ""                                                                              \
	}

#define CHECKED		       __attribute__((warn_unused_result))
#define PRINTF_LIKE(fmt, args) __attribute__((format(printf, fmt, args)))

/*
 * Fills err with a message of our own words. code: a positive errno value.
 * Asserts that err was empty: setting an error twice is our bug. Returns -code.
 */
int err_set(struct err *err, int code, const char *fmt, ...) PRINTF_LIKE(3, 4);

/* As err_set, with ": " and the text of errno value code appended. Returns -code. */
int err_sys(struct err *err, int code, const char *fmt, ...) PRINTF_LIKE(3, 4);

/*
 * Puts context in front of the message of a filled err ("mounts[3]: "), unless it begins with just
 * that already. Returns -err->code.
 */
int err_prefix(struct err *err, const char *fmt, ...) PRINTF_LIKE(2, 3);

/* Makes err empty again, for callers that have dealt with the failure. */
void err_clear(struct err *err);
