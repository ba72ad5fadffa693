/*
 * What a descriptor of the host is, and so what can stand for it in a guest. The one place that
 * decides, and that words the refusals.
 */
#pragma once

#include "base/err.h"

#include <stdbool.h>
#include <sys/stat.h>

enum fd_kind {
	FD_STREAM,   /* a pipe, a terminal, a connected stream socket: its bytes are passed on */
	FD_FILE,     /* a regular file or a directory: shared, and opened again */
	FD_LISTENER, /* a listening stream socket: its connections are passed on */
	FD_DEVICE,   /* a memory device, which is the same everywhere */
};

struct fd_facts {
	enum fd_kind kind;
	bool readable, writable;
	int flags;	/* as of F_GETFL */
	bool directory; /* of FD_FILE */
	off_t offset;	/* of FD_FILE */
	unsigned minor; /* of FD_DEVICE */
};

/*
 * fd is open; number is what it is called in errors, source ("--preserve-fds") whose it is. Refuses
 * (-ENOTSUP) what cannot cross, with its kind.
 */
int fd_classify(
	int fd, const char *source, unsigned number, struct fd_facts *ret, struct err *err) CHECKED;

/*
 * The memory devices and others that mean the same in every Linux: those of every container, and
 * what containers get bound that must not make nodes.
 */
bool device_is_same_in_guest(const struct stat *st);
