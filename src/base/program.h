/* Where our own helper programs are. */
#pragma once

#include "base/err.h"

#include <limits.h>

/*
 * Writes the path of a program of ours ("vmrun-vm") to out: next to the running executable when it
 * is there (a build tree), else in the installed libexec folder. -ENOENT with err naming both.
 */
int program_path(const char *name, char out[PATH_MAX], struct err *err) CHECKED;

/* Path of a readable file of ours beside the running executable, or -ENOENT and its kin. */
int program_beside(const char *name, char out[PATH_MAX]) CHECKED;
