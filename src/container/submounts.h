/* The mounts of the host that lie below a directory. */
#pragma once

#include "base/buf.h"
#include "base/err.h"
#include "base/str.h"

/*
 * Beyond so many, the guest finds them when somebody goes there; until then they look to stat(2)
 * like directories of the share that they are in.
 */
#define SUBMOUNTS_MAX 64

/* Reads this process's table of mounts, for submounts_below(). */
int submounts_read(struct buf *ret_table, struct err *err) CHECKED;

/*
 * Adds the paths, relative to dir (absolute, without symlinks), of the first SUBMOUNTS_MAX mounts
 * below it, outer ones before inner ones. -ENOMEM.
 */
int submounts_below(const struct buf *table, const char *dir, struct strv *ret) CHECKED;
