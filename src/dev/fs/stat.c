/* The host's attributes of files: see stat.h. Any thread. */
#include "dev/fs/stat.h"

#include <fcntl.h>

#define STATX_WANTED (STATX_BASIC_STATS | STATX_BTIME | STATX_MNT_ID)

int stat_inode(int fd, struct statx *ret)
{
	return statx(fd, "", AT_EMPTY_PATH | AT_SYMLINK_NOFOLLOW, STATX_WANTED, ret) < 0 ? -errno
											 : 0;
}
