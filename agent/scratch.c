/* Scratch folders: see scratch.h. */
#include "agent/scratch.h"

#include "base/path.h"

#include <fcntl.h>
#include <sys/stat.h>

int scratch_open(const struct agent *a, const char *container, struct err *err)
{
	AUTO_CLOSE int scratch = open(a->config.scratch, O_PATH | O_DIRECTORY | O_CLOEXEC);
	int fd;

	if (scratch < 0)
		return err_sys(err, errno, "%s", a->config.scratch);
	if (mkdirat(scratch, container, 0700) < 0 && errno != EEXIST)
		return err_sys(err, errno, "%s/%s", a->config.scratch, container);
	fd = openat(scratch, container, O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	return fd < 0 ? err_sys(err, errno, "%s/%s", a->config.scratch, container) : fd;
}

void scratch_forget(const struct agent *a, const char *container)
{
	AUTO_CLOSE int scratch = open(a->config.scratch, O_PATH | O_DIRECTORY | O_CLOEXEC);

	if (scratch >= 0)
		(void)!remove_tree(scratch, container);
}
