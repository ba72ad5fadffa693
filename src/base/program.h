/* Where our own helper programs are. */
#pragma once

#include "base/err.h"

#include <limits.h>

/*
 * Writes the path of a program of ours ("vmrun-vm") to out: next to the running executable when it
 * is there (a build tree), else in the installed libexec folder. -ENOENT with err naming both.
 */
int program_path(const char *name, char out[PATH_MAX], struct err *err) CHECKED;
