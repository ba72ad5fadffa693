/*
 * linux.intelRdt: cache and memory bandwidth of the pod's monitor, in the resctrl file system
 * (kernel: Documentation/arch/x86/resctrl.rst; config-linux.md, "IntelRdt").
 */
#pragma once

#include "base/err.h"
#include "base/str.h"
#include "oci/spec.h"

#include <sys/types.h>

/* Where the host has resctrl mounted; -ENOTSUP with what to do when it has not. */
int resctrl_root(const char **ret, struct err *err) CHECKED;

/*
 * Makes or finds the groups of a container below root and gives them their schemata. groups:
 * directories whose tasks it joins, in this order; made: those that go when it is deleted, in this
 * order. What has been made when it fails is in made.
 */
int resctrl_make(const char *root, const struct spec_intel_rdt *rdt, const char *id,
	struct strv *groups, struct strv *made, struct err *err) CHECKED;

/* Puts a process, and what it will start, into the groups. */
int resctrl_add(const struct strv *groups, pid_t pid, struct err *err) CHECKED;

void resctrl_remove(const struct strv *made);
