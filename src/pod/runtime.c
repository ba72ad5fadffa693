/* The state directory: see runtime.h. */
#include "pod/runtime.h"

#include "base/fd.h"
#include "base/path.h"

#include <fcntl.h>
#include <limits.h>
#include <sys/stat.h>

int state_root_open(const char *root, bool create, struct err *err)
{
	/* The sticky bit keeps what tidies $XDG_RUNTIME_DIR away from it, as its specification
	 * says. */
	int r = create ? mkdir_all(root, 01700) : 0;
	int fd;

	if (r < 0)
		return err_sys(err, -r, "cannot make the state directory %s", root);
	fd = open(root, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	return fd < 0 ? err_sys(err, errno, "cannot open the state directory %s", root) : fd;
}

int state_dir_blame(int dir, struct err *err)
{
	char path[PATH_MAX];

	fd_path(dir, path, sizeof(path));
	return err_prefix(err, "state directory %s: ", path);
}
