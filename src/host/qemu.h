/* The QEMU of this host: where it is and which version. */
#pragma once

#include "base/err.h"

#include <stdbool.h>

#define QEMU_INSTALL "apt install qemu-system-x86"

/*
 * Path of qemu-system-x86_64. setting: "auto", or an absolute path. *ret_path is the caller's to
 * free. -ENOENT and others with err saying what to install or set.
 */
int qemu_find(const char *setting, char **ret_path, struct err *err) CHECKED;

/*
 * "7.2.22", as the program says when it is asked, which it is given some seconds for. *ret is the
 * caller's to free.
 */
int qemu_version(const char *path, char **ret, struct err *err) CHECKED;

/*
 * Whether it has the machine type microvm, for which it is asked once: the answer is kept in
 * cache_dir (NULL: nowhere). A QEMU that does not answer is taken to have
 * it: why it does not is told when it is started.
 */
bool qemu_has_microvm(const char *path, const char *cache_dir);

/* Whether a line of what -machine help prints is of this type. */
bool qemu_lists_machine(const char *text, const char *type);

/* The number in the first line of --version, the caller's to free; NULL when there is none. */
char *qemu_version_in(const char *text);
