/* What the host says of a file. */
#pragma once

#include "base/err.h"

#include <stdint.h>
#include <sys/stat.h>

/* Of an O_PATH descriptor, with its mount. Returns 0 or -errno. */
int stat_inode(int fd, struct statx *ret) CHECKED;

/* A device number of the host as inodes keep it. */
static inline uint64_t stat_dev(uint32_t major, uint32_t minor)
{
	return (uint64_t)major << 32 | minor;
}
