/* Copies a tree: see copy_up.h. Runs in a container's child; the tree is the container's. */
#include "agent/copy_up.h"

#include "base/auto.h"
#include "base/path.h"
#include "base/str.h"

#include <fcntl.h>
#include <limits.h>
#include <sys/sendfile.h>
#include <sys/stat.h>

#define DEPTH_MAX    64
#define COPY_AT_ONCE (1 << 20)

static int copy_dir(int from, int to, unsigned depth);

static int copy_owner(int to, const char *name, const struct stat *st)
{
	struct timespec times[2] = { st->st_atim, st->st_mtim };

	if (fchownat(to, name, st->st_uid, st->st_gid, AT_SYMLINK_NOFOLLOW) < 0)
		return -errno;
	/* A chown takes set-id bits away, so the mode comes after it. */
	if (!S_ISLNK(st->st_mode) && fchmodat(to, name, st->st_mode & 07777, 0) < 0)
		return -errno;
	return utimensat(to, name, times, AT_SYMLINK_NOFOLLOW) < 0 ? -errno : 0;
}

static int copy_file(int from, int to, const char *name)
{
	AUTO_CLOSE int in = openat(from, name, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
	AUTO_CLOSE int out = -1;
	ssize_t n;

	if (in < 0)
		return -errno;
	out = openat(to, name, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
	if (out < 0)
		return -errno;
	do
		n = sendfile(out, in, NULL, COPY_AT_ONCE);
	while (n > 0);
	return n < 0 ? -errno : 0;
}

static int copy_link(int from, int to, const char *name)
{
	char target[PATH_MAX];
	ssize_t n = readlinkat(from, name, target, sizeof(target) - 1);

	if (n < 0)
		return -errno;
	target[n] = '\0';
	return symlinkat(target, to, name) < 0 ? -errno : 0;
}

static int copy_subdir(int from, int to, const char *name, unsigned depth)
{
	AUTO_CLOSE int in = openat(from, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	AUTO_CLOSE int out = -1;

	if (in < 0)
		return -errno;
	if (depth == DEPTH_MAX)
		return -ELOOP;
	if (mkdirat(to, name, 0700) < 0)
		return -errno;
	out = openat(to, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	return out < 0 ? -errno : copy_dir(in, out, depth + 1);
}

/* Sockets and devices stay behind: they would not be what they were. */
static int copy_entry(int from, int to, const char *name, unsigned depth)
{
	struct stat st;
	int r;

	if (fstatat(from, name, &st, AT_SYMLINK_NOFOLLOW) < 0)
		return -errno;
	switch (st.st_mode & S_IFMT) {
	case S_IFREG:
		r = copy_file(from, to, name);
		break;
	case S_IFDIR:
		r = copy_subdir(from, to, name, depth);
		break;
	case S_IFLNK:
		r = copy_link(from, to, name);
		break;
	case S_IFIFO:
		r = mknodat(to, name, S_IFIFO | 0600, 0) < 0 ? -errno : 0;
		break;
	default:
		return 0;
	}
	return r < 0 ? r : copy_owner(to, name, &st);
}

static int copy_dir(int from, int to, unsigned depth)
{
	DIR *dir = dir_read(from);
	struct dirent *e;
	int r = 0;

	if (!dir)
		return -errno;
	while (r == 0 && (e = readdir(dir)))
		if (!streq(e->d_name, ".") && !streq(e->d_name, ".."))
			r = copy_entry(from, to, e->d_name, depth);
	closedir(dir);
	return r;
}

int copy_up(int from, int to, struct err *err)
{
	int r = copy_dir(from, to, 0);

	return r < 0 ? err_sys(err, -r, "copy of what is at the mount point") : 0;
}
