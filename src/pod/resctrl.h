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
 * What a container has made below resctrl, and what its create has meant to make: a create may be
 * killed between any two steps, and others use these names, too.
 */
struct resctrl_made {
	struct strv own;   /* go when it is deleted, in this order */
	struct strv meant; /* go if it never came to be, unless somebody is in them */
};

/* Writes made down where whoever cleans up will look. */
typedef int resctrl_record_fn(void *arg, struct err *err);

/*
 * Makes or finds the groups of a container below root and gives them their schemata. groups:
 * directories whose tasks it joins, in this order. made is kept up to date by record, called before
 * and after a group is made; a group that was there is not in it. What has been made when it fails
 * is in made.
 */
int resctrl_make(const char *root, const struct spec_intel_rdt *rdt, const char *id,
	struct strv *groups, struct resctrl_made *made, resctrl_record_fn *record, void *arg,
	struct err *err) CHECKED;

/* Puts a process, and what it will start, into the groups. */
int resctrl_add(const struct strv *groups, pid_t pid, struct err *err) CHECKED;

/* Removes what made says. Afterwards the caller's processes must not need them any more. */
void resctrl_remove(const struct resctrl_made *made);
void resctrl_made_done(struct resctrl_made *made);
