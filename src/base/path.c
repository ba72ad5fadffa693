/* Paths: see path.h. */
#include "base/path.h"

#include "base/auto.h"

#include <fcntl.h>
#include <limits.h>
#include <linux/openat2.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>

/* As the kernel has it. */
#define LINKS_MAX 40

static bool is_alnum(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
}

int id_check(const char *id, struct err *err)
{
	size_t n = strlen(id);

	if (n == 0)
		return err_set(err, EINVAL, "container id must not be empty");
	if (n > 255)
		return err_set(err, EINVAL,
			"container id \"%.32s...\" has %zu characters, at most 255 are allowed", id,
			n);
	if (strcmp(id, ".") == 0 || strcmp(id, "..") == 0)
		return err_set(
			err, EINVAL, "invalid container id \"%s\": it names a directory", id);
	for (size_t i = 0; i < n; i++)
		if (!is_alnum(id[i]) && !strchr("_+-.", id[i]))
			return err_set(err, EINVAL,
				"invalid container id \"%s\": use letters, digits and _ + - .", id);
	return 0;
}

int open_in_root(int rootfd, const char *path, int flags, mode_t mode)
{
	struct open_how how = {
		.flags = (uint64_t)(flags | O_CLOEXEC),
		.mode = (flags & (O_CREAT | O_TMPFILE)) ? mode : 0,
		.resolve = RESOLVE_IN_ROOT | RESOLVE_NO_MAGICLINKS,
	};
	int fd;

	do
		fd = (int)syscall(SYS_openat2, rootfd, path, &how, sizeof(how));
	while (fd < 0 && (errno == EAGAIN || errno == EINTR));
	return fd < 0 ? -errno : fd;
}

static int mkdir_following(int rootfd, const char *path, mode_t mode, unsigned links);

/* The path that the symlink at path leads to: path + name is its name in dir. */
static int follow_link(int dir, const char *path, size_t name, unsigned links, char **ret)
{
	char target[PATH_MAX];
	ssize_t n = readlinkat(dir, path + name, target, sizeof(target) - 1);

	if (n < 0)
		return -errno;
	if (links == LINKS_MAX)
		return -ELOOP;
	target[n] = '\0';
	if (asprintf(ret, "%.*s/%s", *target == '/' ? 0 : (int)name, path, target) < 0)
		return -ENOMEM;
	return 0;
}

/* Makes what the symlink at path, whose parent is dir and whose name starts at name, points to. */
static int mkdir_target(
	int rootfd, int dir, const char *path, size_t name, mode_t mode, unsigned links)
{
	AUTO_FREE char *whole = NULL;
	int r = follow_link(dir, path, name, links, &whole);

	return r < 0 ? r : mkdir_following(rootfd, whole, mode, links + 1);
}

static int mkdir_following(int rootfd, const char *path, mode_t mode, unsigned links)
{
	char part[PATH_MAX];
	size_t n = strlen(path);
	AUTO_CLOSE int dir = open_in_root(rootfd, "/", O_PATH | O_DIRECTORY, 0);

	if (n >= sizeof(part))
		return -ENAMETOOLONG;
	if (dir < 0)
		return dir;
	/*
	 * Each prefix is looked up from the root again, so that a symlink in the middle resolves as
	 * the container would see it; a missing last component is made in the directory just found.
	 */
	for (size_t end = 0; end < n;) {
		size_t start = end + strspn(path + end, "/");
		int next;

		end = start + strcspn(path + start, "/");
		if (end == start)
			break;
		memcpy(part, path, end);
		part[end] = '\0';
		next = open_in_root(rootfd, part, O_PATH | O_DIRECTORY, 0);
		if (next == -ENOENT) {
			if (mkdirat(dir, part + start, mode) == 0)
				next = open_in_root(rootfd, part, O_PATH | O_DIRECTORY, 0);
			else if (errno == EEXIST)
				next = mkdir_target(rootfd, dir, part, start, mode, links);
			else
				next = -errno;
		}
		if (next < 0)
			return next;
		close(dir);
		dir = next;
	}
	return steal_fd(&dir);
}

int mkdir_in_root(int rootfd, const char *path, mode_t mode)
{
	return mkdir_following(rootfd, path, mode, 0);
}

int mkdir_parent_in_root(int rootfd, const char *path, mode_t mode)
{
	const char *slash = strrchr(path, '/');
	AUTO_FREE char *parent = strndup(path, slash ? (size_t)(slash - path) : 0);

	return parent ? mkdir_in_root(rootfd, parent, mode) : -ENOMEM;
}

static int file_following(int rootfd, const char *path, mode_t mode, unsigned links)
{
	const char *slash = strrchr(path, '/');
	size_t name = slash ? (size_t)(slash - path) + 1 : 0;
	AUTO_FREE char *whole = NULL;
	AUTO_CLOSE int dir = mkdir_parent_in_root(rootfd, path, 0755);
	int fd, r;

	if (dir < 0)
		return dir;
	fd = open_in_root(rootfd, path, O_CREAT | O_WRONLY | O_NOCTTY | O_NONBLOCK, mode);
	if (fd >= 0) {
		close(fd);
		return open_in_root(rootfd, path, O_PATH, 0);
	}
	if (fd != -ENOENT)
		return fd;
	/* A symlink to where there is not even a directory. */
	r = follow_link(dir, path, name, links, &whole);
	return r < 0 ? r : file_following(rootfd, whole, mode, links + 1);
}

int file_in_root(int rootfd, const char *path, mode_t mode)
{
	return file_following(rootfd, path, mode, 0);
}

int mkdir_all(const char *path, mode_t mode)
{
	char part[PATH_MAX];
	size_t n = strlen(path);

	if (n >= sizeof(part))
		return -ENAMETOOLONG;
	memcpy(part, path, n + 1);
	for (size_t i = 1; i <= n; i++) {
		if (part[i] != '/' && part[i] != '\0')
			continue;
		char c = part[i];

		part[i] = '\0';
		if (mkdir(part, mode) < 0 && errno != EEXIST)
			return -errno;
		part[i] = c;
	}
	return 0;
}

DIR *dir_read(int dirfd)
{
	int fd = openat(dirfd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	DIR *dir = fd < 0 ? NULL : fdopendir(fd);

	if (!dir)
		close_fd(&fd); /* keeps errno */
	return dir;
}

static int remove_entries(int fd)
{
	DIR *d = fdopendir(fd);
	struct dirent *e;
	int r = 0;

	if (!d) {
		r = -errno;
		close(fd);
		return r;
	}
	while (r == 0 && (e = readdir(d)))
		if (strcmp(e->d_name, ".") != 0 && strcmp(e->d_name, "..") != 0)
			r = remove_tree(dirfd(d), e->d_name);
	closedir(d);
	return r;
}

int remove_tree(int dirfd, const char *name)
{
	int fd, r;

	if (unlinkat(dirfd, name, 0) == 0 || errno == ENOENT)
		return 0;
	if (errno != EISDIR && errno != EPERM)
		return -errno;
	fd = openat(dirfd, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (fd < 0)
		return -errno;
	r = remove_entries(fd);
	if (r < 0)
		return r;
	return unlinkat(dirfd, name, AT_REMOVEDIR) < 0 && errno != ENOENT ? -errno : 0;
}
