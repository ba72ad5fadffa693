/* The cache of guest images: see cache.h. Called by guest.c, in vmrun. */
#include "guest/cache.h"

#include "base/fd.h"
#include "base/log.h"
#include "base/path.h"

#include <fcntl.h>
#include <limits.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <time.h>

#define ENTRY_NAME_MAX	 128
#define MAKING_SUFFIX	 ".new"
#define UNUSED_DAYS	 30
#define DAY_SECONDS	 86400
#define FNV_OFFSET_BASIS (((unsigned __int128)0x6c62272e07bb0142 << 64) | 0x62b821756295c58d)
#define FNV_PRIME	 (((unsigned __int128)1 << 88) | 0x13b)

int cache_open(const char *dir, struct err *err)
{
	AUTO_CLOSE int fd = -1;
	struct stat st;
	int r = mkdir_all(dir, 0700);

	if (r < 0)
		return err_sys(err, -r, "cache folder %s", dir);
	fd = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (fd < 0 || fstat(fd, &st) < 0)
		return err_sys(err, errno, "cache folder %s", dir);
	/* What is in there is run with a guest's full trust: nobody else may put files there. */
	if (st.st_uid != geteuid() || (st.st_mode & 022))
		return err_set(err, EPERM,
			"cache folder %s: must belong to user %u and be writable by nobody else",
			dir, geteuid());
	return steal_fd(&fd);
}

/* FNV-1a, 128 bits: short, and accidents are out of the question at that width. */
static void add_bytes(struct cache_key *key, const void *data, size_t len)
{
	const uint8_t *p = data;

	while (len--)
		key->hash = (key->hash ^ *p++) * FNV_PRIME;
}

void cache_key_init(struct cache_key *key)
{
	key->hash = FNV_OFFSET_BASIS;
}

void cache_key_add_str(struct cache_key *key, const char *s)
{
	/* The NUL keeps "ab","c" and "a","bc" apart; a leading byte keeps NULL and "" apart. */
	add_bytes(key, s ? "s" : "n", 1);
	if (s)
		add_bytes(key, s, strlen(s) + 1);
}

void cache_key_add_key(struct cache_key *key, const struct cache_key *part)
{
	add_bytes(key, &part->hash, sizeof(part->hash));
}

int cache_key_add_file(struct cache_key *key, const char *path, struct err *err)
{
	struct stat st;
	uint64_t id[7];

	if (stat(path, &st) < 0)
		return err_sys(err, errno, "%s", path);
	/* The change time catches what keeps size and modification time, such as cp -p and touch.
	 */
	id[0] = st.st_dev;
	id[1] = st.st_ino;
	id[2] = (uint64_t)st.st_size;
	id[3] = (uint64_t)st.st_mtim.tv_sec;
	id[4] = (uint64_t)st.st_mtim.tv_nsec;
	id[5] = (uint64_t)st.st_ctim.tv_sec;
	id[6] = (uint64_t)st.st_ctim.tv_nsec;
	cache_key_add_str(key, path);
	add_bytes(key, id, sizeof(id));
	return 0;
}

/* Names of entries say nothing to whoever has to make room for them. */
static int fail(int cache, const char *name, int code, struct err *err)
{
	char dir[PATH_MAX];

	fd_path(cache, dir, sizeof(dir));
	return err_sys(err, code, "cache folder %s: %s", dir, name);
}

/* Does name in the cache still lead to the open file? */
static bool is_current(int cache, const char *name, int fd)
{
	struct stat mine, there;

	return fstat(fd, &mine) == 0 && fstatat(cache, name, &there, AT_SYMLINK_NOFOLLOW) == 0 &&
	       mine.st_dev == there.st_dev && mine.st_ino == there.st_ino;
}

/*
 * The file in which an entry is made also carries the lock of its makers. *ret_fd is locked and
 * still has its name; -EAGAIN when another maker has finished meanwhile. A maker that was killed
 * leaves a file without lock, which the next one takes over.
 */
static int lock_new(int cache, const char *name, int *ret_fd)
{
	AUTO_CLOSE int fd = openat(cache, name, O_RDWR | O_CREAT | O_NOFOLLOW | O_CLOEXEC, 0600);

	if (fd < 0)
		return -errno;
	while (flock(fd, LOCK_EX) < 0)
		if (errno != EINTR)
			return -errno;
	if (!is_current(cache, name, fd))
		return -EAGAIN;
	*ret_fd = steal_fd(&fd);
	return 0;
}

/* Removes entries of a kind that nobody has read for a long time: old kernels, old agents. */
static void prune(int cache, const char *kind)
{
	size_t kind_len = strlen(kind);
	time_t now = time(NULL);
	DIR *d = dir_read(cache);
	struct dirent *e;
	struct stat st;

	if (!d)
		return;
	while ((e = readdir(d))) {
		if (strncmp(e->d_name, kind, kind_len) != 0 || e->d_name[kind_len] != '-')
			continue;
		if (fstatat(cache, e->d_name, &st, AT_SYMLINK_NOFOLLOW) == 0 &&
			now - st.st_atime > (time_t)UNUSED_DAYS * DAY_SECONDS &&
			now - st.st_mtime > (time_t)UNUSED_DAYS * DAY_SECONDS &&
			unlinkat(cache, e->d_name, 0) == 0)
			log_debug("cache: removed %s, unused for %d days", e->d_name, UNUSED_DAYS);
	}
	closedir(d);
}

/* Fills the locked file and gives it its final name, after its content is on the disk. */
static int fill(int cache, const char *name, const char *new_name, int fd, cache_make_fn *make,
	void *arg, struct err *err)
{
	AUTO(buf_done) struct buf content = { 0 };
	int r = make(arg, &content, err);

	if (r < 0)
		return r;
	if (ftruncate(fd, 0) < 0)
		return fail(cache, new_name, errno, err);
	r = fd_write_all(fd, content.data, content.len);
	if (r < 0)
		return fail(cache, new_name, -r, err);
	if (fchmod(fd, 0444) < 0 || fsync(fd) < 0 || renameat(cache, new_name, cache, name) < 0)
		return fail(cache, new_name, errno, err);
	return 0;
}

int cache_get(int cache, const char *kind, const struct cache_key *key, cache_make_fn *make,
	void *arg, struct err *err)
{
	char name[ENTRY_NAME_MAX], new_name[ENTRY_NAME_MAX + sizeof(MAKING_SUFFIX)];
	int r;

	if (snprintf(name, sizeof(name), "%s-%016llx%016llx", kind,
		    (unsigned long long)(key->hash >> 64),
		    (unsigned long long)key->hash) >= (int)sizeof(name))
		return err_set(err, ENAMETOOLONG, "cache: %s", kind);
	snprintf(new_name, sizeof(new_name), "%s" MAKING_SUFFIX, name);
	for (;;) {
		AUTO_CLOSE int maker = -1;
		int fd = openat(cache, name, O_RDONLY | O_NOFOLLOW | O_CLOEXEC);

		if (fd >= 0)
			return fd;
		if (errno != ENOENT)
			return fail(cache, name, errno, err);
		if (!make)
			return fail(cache, name, ENODATA, err);
		r = lock_new(cache, new_name, &maker);
		if (r == -EAGAIN)
			continue;
		if (r < 0)
			return fail(cache, new_name, -r, err);
		r = fill(cache, name, new_name, maker, make, arg, err);
		if (r < 0) {
			/* Still under the lock, so this cannot be another maker's file. */
			unlinkat(cache, new_name, 0);
			return r;
		}
		prune(cache, kind);
	}
}
