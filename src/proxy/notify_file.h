/*
 * The file that stands for a seccomp listener, as its server sees it: requests of the kernel's FUSE
 * protocol, of which this is what a file with ioctl(2) and poll(2) and no contents needs.
 */
#pragma once

#include "base/err.h"

#include <linux/fuse.h>
#include <linux/seccomp.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* The kernel wants this much room for the next request. */
#define NOTIFY_FILE_REQUEST_BYTES (FUSE_MIN_READ_BUFFER + 4096)

struct notify_file_request {
	uint64_t unique;
	uint32_t opcode;
	const void *arg; /* what its opcode has; may not be aligned */
	size_t len;
};

/*
 * Takes a request apart: arg is as long as the opcode's structure, and of an ioctl also what the
 * caller has given with it. -EPROTO: it is not what the kernel sends.
 */
int notify_file_parse(const void *bytes, size_t len, struct notify_file_request *ret) CHECKED;

/* Of an ioctl: copies what the caller has given, len bytes. -EINVAL: it gave something else. */
int notify_file_ioctl_data(const struct notify_file_request *r, void *to, size_t len) CHECKED;

/* Replies. A request that is gone meanwhile is no error. error: 0 or a positive errno value. */
void notify_file_error(int fuse, uint64_t unique, int error);
void notify_file_reply(int fuse, uint64_t unique, const void *data, size_t len);
/* The ioctl returns 0 and this to its caller. */
void notify_file_ioctl_reply(int fuse, uint64_t unique, const void *data, size_t len);

/* Lets whoever polls poll again. */
void notify_file_wake(int fuse, uint64_t poll_handle);

/*
 * Answers those requests that are the same whatever is listened to: the file is there, nobody
 * can open it again. Returns whether it was one.
 */
bool notify_file_answer(int fuse, const struct notify_file_request *r, bool *opened);
