/* A tree to attack, and only that: see fuse_tree.h. */
#include "tests/fuzz/fuse_tree.h"

#include "base/auto.h"

#include <fcntl.h>
#include <ftw.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

void __asan_on_error(void);
void __ubsan_on_report(void);

struct fuse_tree fuse_tree;

static const char *const untouched_paths[] = {
	".",
	"outside",
	"outside/secret",
	"ro",
	"ro/old",
	"ro/dir",
	"ro/dir/c",
	"ro/link",
};

static struct stat untouched[ARRAY_LEN(untouched_paths)];
static int real_root, cwd;
static bool inside;

void ft_enter(void)
{
	if (fchdir(fuse_tree.base_fd) < 0 || chroot(".") < 0 || fchdir(fuse_tree.proc_fd) < 0)
		abort();
	inside = true;
}

/* Also before a crash is reported: its input is written to a path out there. */
void ft_leave(void)
{
	if (!inside)
		return;
	inside = false;
	if (fchdir(real_root) < 0 || chroot(".") < 0 || fchdir(cwd) < 0)
		abort();
}

static int remove_one(const char *path, const struct stat *st, int type, struct FTW *ftw)
{
	(void)type;
	/* Of the host they would be; a whiteout is none. */
	if (S_ISBLK(st->st_mode) || (S_ISCHR(st->st_mode) && st->st_rdev))
		abort();
	return ftw->level ? remove(path) : 0;
}

static void in_tree(const char *name, __nftw_func_t each, int flags)
{
	char path[128];

	snprintf(path, sizeof(path), "%s/%s", fuse_tree.base, name);
	if (nftw(path, each, 16, flags) < 0)
		abort();
}

static void empty(const char *name)
{
	in_tree(name, remove_one, FTW_DEPTH | FTW_PHYS);
}

static void clean_up(void)
{
	if (!fuse_tree.base[0])
		return;
	empty(".");
	(void)rmdir(fuse_tree.base);
	fuse_tree.base[0] = '\0';
}

void __asan_on_error(void)
{
	ft_leave();
	clean_up();
}

void __ubsan_on_report(void)
{
	ft_leave();
	clean_up();
}

void ft_require(bool ok)
{
	if (ok)
		return;
	ft_leave();
	clean_up();
	__builtin_trap();
}

static void put_file(const char *path, const char *text)
{
	AUTO_CLOSE int fd =
		openat(fuse_tree.base_fd, path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);

	ft_require(fd >= 0 && write(fd, text, strlen(text)) == (ssize_t)strlen(text));
}

static void make_dir(const char *path)
{
	ft_require(mkdirat(fuse_tree.base_fd, path, 0755) == 0);
}

static void stat_all(struct stat *st)
{
	for (size_t i = 0; i < ARRAY_LEN(untouched_paths); i++)
		ft_require(fstatat(fuse_tree.base_fd, untouched_paths[i], &st[i],
				   AT_SYMLINK_NOFOLLOW) == 0);
}

void ft_check(void)
{
	struct stat now[ARRAY_LEN(untouched_paths)];

	stat_all(now);
	for (size_t i = 0; i < ARRAY_LEN(untouched_paths); i++) {
		const struct stat *a = &untouched[i], *b = &now[i];

		ft_require(a->st_ino == b->st_ino && a->st_mode == b->st_mode);
		ft_require(a->st_nlink == b->st_nlink && a->st_size == b->st_size);
		ft_require(a->st_ctim.tv_sec == b->st_ctim.tv_sec);
		ft_require(a->st_ctim.tv_nsec == b->st_ctim.tv_nsec);
	}
}

static void write_text(const char *path, const char *text)
{
	AUTO_CLOSE int fd = open(path, O_WRONLY | O_CLOEXEC);

	if (fd < 0 || write(fd, text, strlen(text)) != (ssize_t)strlen(text)) {
		perror(path);
		exit(1);
	}
}

/* chroot() is for root, if only of a user namespace. */
static void become_root(void)
{
	char map[64];
	unsigned uid = getuid(), gid = getgid();

	if (uid == 0)
		return;
	if (unshare(CLONE_NEWUSER) < 0) {
		perror("fuzz_fuse works as root or in a user namespace");
		exit(1);
	}
	write_text("/proc/self/setgroups", "deny");
	snprintf(map, sizeof(map), "0 %u 1", uid);
	write_text("/proc/self/uid_map", map);
	snprintf(map, sizeof(map), "0 %u 1", gid);
	write_text("/proc/self/gid_map", map);
}

void ft_make(void)
{
	become_root();
	/* Memory, where there is some: syncing is for nothing here. */
	snprintf(fuse_tree.base, sizeof(fuse_tree.base), "%s/fuzz-fuse-XXXXXX",
		access("/dev/shm", W_OK) == 0 ? "/dev/shm" : "/tmp");
	if (!mkdtemp(fuse_tree.base))
		abort();
	atexit(clean_up);
	real_root = open("/", O_PATH | O_DIRECTORY | O_CLOEXEC);
	cwd = open(".", O_PATH | O_DIRECTORY | O_CLOEXEC);
	fuse_tree.base_fd = open(fuse_tree.base, O_PATH | O_DIRECTORY | O_CLOEXEC);
	fuse_tree.proc_fd = open("/proc/self/fd", O_PATH | O_DIRECTORY | O_CLOEXEC);
	ft_require(real_root >= 0 && cwd >= 0);
	ft_require(fuse_tree.base_fd >= 0 && fuse_tree.proc_fd >= 0);
	make_dir("rw");
	make_dir("ro");
	make_dir("ro/dir");
	make_dir("volume");
	make_dir("outside");
	put_file("outside/secret", FT_SECRET);
	put_file("ro/old", "old text");
	put_file("ro/dir/c", "c");
	put_file("file", "");
	ft_require(symlinkat("../outside", fuse_tree.base_fd, "ro/link") == 0);
	stat_all(untouched);
}

static uint64_t print;

static int print_one(const char *path, const struct stat *st, int type, struct FTW *ftw)
{
	const uint64_t facts[] = { st->st_ino, st->st_mode, st->st_nlink, (uint64_t)st->st_size,
		(uint64_t)st->st_ctim.tv_sec, (uint64_t)st->st_ctim.tv_nsec };

	(void)type;
	(void)ftw;
	for (; *path; path++)
		print = (print ^ (uint8_t)*path) * 0x100000001b3ULL;
	for (size_t i = 0; i < ARRAY_LEN(facts); i++)
		print = (print ^ facts[i]) * 0x100000001b3ULL;
	return 0;
}

uint64_t ft_print_of(const char *name)
{
	print = 0xcbf29ce484222325ULL;
	ft_leave();
	in_tree(name, print_one, FTW_PHYS);
	ft_enter();
	return print;
}

void ft_renew(void)
{
	empty("rw");
	empty("volume");
	put_file("volume/a", "watched");
	make_dir("volume/dir");
	put_file("volume/dir/b", "b");
	put_file("file", "a file");
	put_file("rw/a", "text of a");
	make_dir("rw/dir");
	put_file("rw/dir/b", "b");
	ft_require(symlinkat("../outside/secret", fuse_tree.base_fd, "rw/link") == 0);
	ft_require(symlinkat("/outside/secret", fuse_tree.base_fd, "rw/abs") == 0);
	ft_require(symlinkat("../outside", fuse_tree.base_fd, "rw/out") == 0);
}
