/* The state directory: see runtime.h. */
#include "pod/runtime.h"

#include "base/auto.h"
#include "base/fd.h"
#include "base/path.h"
#include "base/str.h"

#include <dirent.h>
#include <fcntl.h>
#include <limits.h>
#include <sys/file.h>
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

static int open_kind(const char *root, const char *kind, bool create, struct err *err)
{
	AUTO_CLOSE int all = state_root_open(root, create, err);
	int fd;

	if (all == -ENOENT && !create) {
		err_clear(err);
		return -ENOENT;
	}
	if (all < 0)
		return all;
	/* Looked at first, because it is there but for the first time. */
	fd = openat(all, kind, O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW);
	if (fd < 0 && errno == ENOENT && create) {
		if (mkdirat(all, kind, 0700) < 0 && errno != EEXIST)
			return err_sys(
				err, errno, "cannot make the state directory %s/%s", root, kind);
		fd = openat(all, kind, O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW);
	}
	if (fd < 0 && errno == ENOENT)
		return -ENOENT;
	return fd < 0 ? err_sys(err, errno, "cannot open the state directory %s/%s", root, kind)
		      : fd;
}

int state_open_pods(const char *root, bool create, struct err *err)
{
	return open_kind(root, "pods", create, err);
}

int state_open_containers(const char *root, bool create, struct err *err)
{
	return open_kind(root, "containers", create, err);
}

int state_file_write(int dir, const char *name, const void *data, size_t len, struct err *err)
{
	int r = file_replace(dir, name, data, len, 0600, err);

	return r < 0 ? state_dir_blame(dir, err) : 0;
}

int state_dir_blame(int dir, struct err *err)
{
	char path[PATH_MAX];

	fd_path(dir, path, sizeof(path));
	return err_prefix(err, "state directory %s: ", path);
}

int state_dir_open(int parent, const char *name, int *ret)
{
	*ret = openat(parent, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	return *ret < 0 ? -errno : 0;
}

bool state_dir_has(int dir, const char *name)
{
	return faccessat(dir, name, F_OK, AT_SYMLINK_NOFOLLOW) == 0;
}

int state_dir_cannot_make(int parent, const char *name, int code, struct err *err)
{
	char path[PATH_MAX];

	fd_path(parent, path, sizeof(path));
	return err_sys(err, code, "cannot make the state directory %s/%s", path, name);
}

int state_dir_lock(int dir, bool wait, bool make, int *ret, struct err *err)
{
	AUTO_CLOSE int fd =
		openat(dir, "lock", O_RDWR | (make ? O_CREAT : 0) | O_CLOEXEC | O_NOFOLLOW, 0600);
	int r = 0;

	if (fd < 0 && errno == ENOENT)
		return -ENOENT;
	if (fd < 0)
		r = err_sys(err, errno, "lock");
	while (r == 0 && flock(fd, LOCK_EX | (wait ? 0 : LOCK_NB)) < 0)
		if (errno != EINTR)
			r = err_sys(err, errno, "lock");
	if (r < 0)
		return state_dir_blame(dir, err);
	*ret = steal_fd(&fd);
	return 0;
}

int state_dir_remove(int parent, const char *name, int dir)
{
	DIR *entries = dir_read(dir);
	struct dirent *e;
	int r = 0;

	if (!entries)
		return errno == ENOENT ? 0 : -errno;
	while (r == 0 && (e = readdir(entries)))
		if (!streq(e->d_name, ".") && !streq(e->d_name, "..") && !streq(e->d_name, "lock"))
			r = remove_tree(dir, e->d_name);
	closedir(entries);
	if (r < 0)
		return r;
	if (unlinkat(dir, "lock", 0) < 0 && errno != ENOENT)
		return -errno;
	if (unlinkat(parent, name, AT_REMOVEDIR) == 0 || errno == ENOENT || errno == ENOTEMPTY ||
		errno == EEXIST)
		return 0;
	return -errno;
}
