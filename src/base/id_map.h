/* The mappings of a user namespace: those of containers in the guest, those of mounts on the host.
 */
#pragma once

#include "base/err.h"

#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

/* As user_namespaces(7): count ids from first inside are those from outside. */
struct id_range {
	uint32_t inside, outside, count;
};

/*
 * Writes the uid_map or gid_map (file) of a process that is alone in a new user namespace; none
 * at all is no error and leaves the file unwritten. err names it and what the kernel refused.
 */
int id_map_write(pid_t pid, const char *file, const struct id_range *map, size_t count,
	struct err *err) CHECKED;
