/*
 * What the anchor's mount namespace shows: the container's rootfs as "/", its volumes, a proc of
 * the anchor's own pid namespace. Nothing of it is visible on the host, and it ends with the
 * process.
 */
#pragma once

#include "anchor/spec.h"
#include "base/err.h"

struct view {
	int root; /* detached mounts: file descriptors of trees that are nowhere yet */
	int *mounts;
	unsigned count;
};

#define VIEW_INIT                                                                                  \
	{                                                                                          \
		-1, NULL, 0                                                                        \
	}

/* Before the new namespaces: copies the trees, which only their own namespace may do. */
int view_prepare(const struct anchor_spec *spec, struct view *ret, struct err *err) CHECKED;
/* In the new mount namespace: puts them together. Returns a descriptor of the root to be. */
int view_assemble(const struct anchor_spec *spec, const struct view *view, struct err *err) CHECKED;
/* Makes it the root; nothing of the host is to be seen any more. */
int view_enter(int root, struct err *err) CHECKED;
void view_done(struct view *view);
