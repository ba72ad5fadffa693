/*
 * linux.seccomp.listenerPath: a seccomp agent of the host decides on system calls of a process in
 * the guest. It expects the descriptor of a seccomp listener; what it gets is a stand-in, a file of
 * a file system that the process's anchor serves (src/proxy/notify.h), which answers the same
 * ioctls and poll(2).
 */
#pragma once

#include "anchor/anchor.h"
#include "container/state.h"
#include "oci/spec.h"

struct notify {
	const char *file; /* of the configuration, for errors */
	const char *path; /* listenerPath; NULL: nobody is notified */
	const char *metadata;
	int mount; /* the file system, attached nowhere */
	struct anchor_notify served;
};

#define NOTIFY_INIT                                                                                \
	{                                                                                          \
		NULL, NULL, NULL, -1,                                                              \
		{                                                                                  \
			-1, -1, -1, -1                                                             \
		}                                                                                  \
	}

/*
 * Looks for the seccomp agent's socket and makes the file system, if the section (may be NULL) has
 * rules that notify. seccomp and file must outlive *ret, which is to be released with notify_done()
 * also on failure.
 */
int notify_open(const struct spec_seccomp *seccomp, const char *file, struct notify *ret,
	struct err *err) CHECKED;
void notify_done(struct notify *n);

static inline bool notify_wanted(const struct notify *n)
{
	return n->path;
}

/*
 * Adds to spec what the anchor serves the file system with. container: of an exec, the anchor of
 * its container, whose view it shares; or 0. n stays the owner.
 */
int notify_describe(struct notify *n, const struct state *s, pid_t container,
	struct anchor_spec *spec, struct err *err) CHECKED;

/*
 * When the anchor is there: connects the seccomp agent and sends the specification's
 * containerProcessState with the stand-in. status: the container's.
 */
int notify_send(struct notify *n, const struct state *s, enum status status, pid_t anchor,
	struct err *err) CHECKED;

DEFINE_AUTO_VAL(notify_done, struct notify)
