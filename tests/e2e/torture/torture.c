/* File system calls that shells do not make; each case is a function and a row. Runs in the guest.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#define MUST(cond)                                                                                 \
	do {                                                                                       \
		if (!(cond)) {                                                                     \
			fprintf(stderr, "line %d: %s: %s\n", __LINE__, #cond, strerror(errno));    \
			exit(1);                                                                   \
		}                                                                                  \
	} while (0)

static int make(const char *name, const char *text)
{
	int fd = open(name, O_RDWR | O_CREAT | O_TRUNC, 0644);

	MUST(fd >= 0);
	MUST(write(fd, text, strlen(text)) == (ssize_t)strlen(text));
	return fd;
}

static void holds(int fd, const char *text)
{
	char got[64] = "";

	MUST(pread(fd, got, sizeof(got) - 1, 0) == (ssize_t)strlen(text));
	MUST(strcmp(got, text) == 0);
}

static void hard_links(void)
{
	struct stat a, b;

	close(make("hard1", "one"));
	MUST(link("hard1", "hard2") == 0);
	MUST(stat("hard1", &a) == 0 && stat("hard2", &b) == 0);
	MUST(a.st_ino == b.st_ino && a.st_nlink == 2 && b.st_nlink == 2);
	close(make("hard2", "two!"));
	holds(open("hard1", O_RDONLY), "two!");
}

static void symlinks(void)
{
	char target[64] = "";

	MUST(symlink("/no/such/../target", "soft") == 0);
	MUST(readlink("soft", target, sizeof(target)) == 18);
	MUST(strcmp(target, "/no/such/../target") == 0);
	MUST(open("soft", O_RDONLY) < 0 && errno == ENOENT);
	MUST(open("soft", O_RDONLY | O_NOFOLLOW) < 0 && errno == ELOOP);
	MUST(symlink("loop", "loop") == 0 && open("loop", O_RDONLY) < 0 && errno == ELOOP);
}

static void fifos(void)
{
	char got[8] = "";

	MUST(mkfifo("fifo", 0644) == 0);
	if (fork() == 0) {
		int fd = open("fifo", O_WRONLY);

		_exit(write(fd, "fifo", 4) != 4);
	}
	MUST(read(open("fifo", O_RDONLY), got, sizeof(got)) == 4 && strcmp(got, "fifo") == 0);
	wait(NULL);
}

static void unix_sockets(void)
{
	struct sockaddr_un addr = { .sun_family = AF_UNIX, .sun_path = "socket" };
	int server = socket(AF_UNIX, SOCK_STREAM, 0), client = socket(AF_UNIX, SOCK_STREAM, 0);

	MUST(bind(server, (struct sockaddr *)&addr, sizeof(addr)) == 0 && listen(server, 1) == 0);
	MUST(connect(client, (struct sockaddr *)&addr, sizeof(addr)) == 0);
}

static void tmpfile_or_clean_refusal(void)
{
	int fd = open(".", O_TMPFILE | O_RDWR, 0600);

	if (fd < 0) {
		MUST(errno == EOPNOTSUPP || errno == EISDIR || errno == EINVAL);
		return;
	}
	MUST(write(fd, "tmp", 3) == 3);
	MUST(linkat(AT_FDCWD, (char[]){ "/proc/self/fd/3" }, AT_FDCWD, "linked",
		     AT_SYMLINK_FOLLOW) == 0 ||
		errno == ENOENT || errno == EXDEV);
}

static void rename_over_an_open_file(void)
{
	int old = make("victim", "old");

	close(make("new", "new!"));
	MUST(rename("new", "victim") == 0);
	holds(old, "old");
	holds(open("victim", O_RDONLY), "new!");
	MUST(write(old, "more", 4) == 4);
	holds(open("victim", O_RDONLY), "new!");
}

static void rename_flags(void)
{
	close(make("r1", "1"));
	close(make("r2", "22"));
	MUST(renameat2(AT_FDCWD, "r1", AT_FDCWD, "r2", RENAME_NOREPLACE) < 0 && errno == EEXIST);
	if (renameat2(AT_FDCWD, "r1", AT_FDCWD, "r2", RENAME_EXCHANGE) == 0)
		holds(open("r1", O_RDONLY), "22");
	else
		MUST(errno == EINVAL);
	MUST(mkdir("rd", 0755) == 0 && rename("r1", "rd") < 0 && errno == EISDIR);
	MUST(rename("rd", "rd/sub") < 0 && errno == EINVAL);
}

static void unlink_of_an_open_file(void)
{
	int fd = make("doomed", "still");
	struct stat st;

	MUST(unlink("doomed") == 0);
	MUST(access("doomed", F_OK) < 0 && errno == ENOENT);
	holds(fd, "still");
	MUST(pwrite(fd, "STILL here", 10, 0) == 10);
	holds(fd, "STILL here");
	MUST(fstat(fd, &st) == 0 && st.st_nlink == 0 && st.st_size == 10);
	MUST(ftruncate(fd, 3) == 0 && fchmod(fd, 0600) == 0);
	holds(fd, "STI");
}

static void directories_in_use(void)
{
	int dir;

	MUST(mkdir("full", 0755) == 0);
	close(make("full/f", "x"));
	MUST(rmdir("full") < 0 && errno == ENOTEMPTY);
	dir = open("full", O_RDONLY | O_DIRECTORY);
	MUST(unlinkat(dir, "f", 0) == 0 && rmdir("full") == 0);
	MUST(openat(dir, "new", O_CREAT | O_WRONLY, 0644) < 0 && errno == ENOENT);
}

static void shared_mapping(void)
{
	int fd = make("shared-map", "..........");
	char *p = mmap(NULL, 10, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);

	MUST(p != MAP_FAILED);
	memcpy(p, "mapped", 6);
	MUST(msync(p, 10, MS_SYNC) == 0);
	holds(fd, "mapped....");
	MUST(pwrite(fd, "W", 1, 9) == 1 && p[9] == 'W');
	munmap(p, 10);
}

static void private_mapping(void)
{
	int fd = make("private-map", "original");
	char *p = mmap(NULL, 8, PROT_READ | PROT_WRITE, MAP_PRIVATE, fd, 0);

	MUST(p != MAP_FAILED && memcmp(p, "original", 8) == 0);
	memcpy(p, "changed!", 8);
	holds(fd, "original");
}

static void sparse_beyond_4_gib(void)
{
	int fd = open("sparse", O_RDWR | O_CREAT, 0644);
	off_t far = 6LL << 30;
	char got[4];
	struct stat st;

	MUST(pwrite(fd, "far!", 4, far) == 4);
	MUST(pread(fd, got, 4, far) == 4 && memcmp(got, "far!", 4) == 0);
	MUST(pread(fd, got, 4, far / 2) == 4 && memcmp(got, "\0\0\0\0", 4) == 0);
	MUST(fstat(fd, &st) == 0 && st.st_size == far + 4);
	MUST(lseek(fd, 0, SEEK_DATA) <= far);
}

static void appends_and_truncation(void)
{
	int a = open("log", O_WRONLY | O_CREAT | O_APPEND, 0644);
	int b = open("log", O_WRONLY | O_APPEND);

	MUST(write(a, "one", 3) == 3 && write(b, "two", 3) == 3 && write(a, "three", 5) == 5);
	holds(open("log", O_RDONLY), "onetwothree");
	MUST(truncate("log", 4) == 0);
	MUST(write(b, "!", 1) == 1);
	holds(open("log", O_RDONLY), "onet!");
	close(open("log", O_WRONLY | O_TRUNC));
	holds(open("log", O_RDONLY), "");
}

static void empty_files_and_fallocate(void)
{
	int fd = make("empty", "");
	struct stat st;

	holds(fd, "");
	MUST(posix_fallocate(fd, 0, 8192) == 0 && fstat(fd, &st) == 0 && st.st_size == 8192);
	MUST(open("empty", O_CREAT | O_EXCL | O_WRONLY, 0600) < 0 && errno == EEXIST);
}

static void locks_within_the_pod(void)
{
	struct flock lock = { .l_type = F_WRLCK, .l_whence = SEEK_SET };
	int fd = make("locked", "x"), status;

	MUST(fcntl(fd, F_SETLK, &lock) == 0);
	if (fork() == 0)
		_exit(!(fcntl(open("locked", O_RDWR), F_SETLK, &lock) < 0));
	MUST(wait(&status) > 0 && status == 0);
}

static void large_reads_and_writes(void)
{
	size_t n = 5 << 20;
	char *w = malloc(n), *r = malloc(n);
	int fd = open("large", O_RDWR | O_CREAT, 0644);

	for (size_t i = 0; i < n; i++)
		w[i] = (char)(i * 2654435761u >> 13);
	MUST(write(fd, w, n) == (ssize_t)n && pread(fd, r, n, 0) == (ssize_t)n);
	MUST(memcmp(w, r, n) == 0 && fsync(fd) == 0);
	MUST(pread(fd, r, 100, (off_t)n - 50) == 50);
}

static const struct {
	const char *name;
	void (*run)(void);
} cases[] = {
	{ "hard-links", hard_links },
	{ "symlinks", symlinks },
	{ "fifos", fifos },
	{ "unix-sockets", unix_sockets },
	{ "O_TMPFILE-or-its-clean-refusal", tmpfile_or_clean_refusal },
	{ "rename-over-an-open-file", rename_over_an_open_file },
	{ "rename-flags", rename_flags },
	{ "unlink-of-an-open-file", unlink_of_an_open_file },
	{ "directories-in-use", directories_in_use },
	{ "shared-mapping", shared_mapping },
	{ "private-mapping", private_mapping },
	{ "sparse-file-beyond-4-GiB", sparse_beyond_4_gib },
	{ "appends-and-truncation", appends_and_truncation },
	{ "empty-files-and-fallocate", empty_files_and_fallocate },
	{ "locks-within-the-pod", locks_within_the_pod },
	{ "large-reads-and-writes", large_reads_and_writes },
};

int main(int argc, char **argv)
{
	for (size_t i = 0; argc > 1 && i < sizeof(cases) / sizeof(cases[0]); i++) {
		if (strcmp(argv[1], "list") == 0) {
			puts(cases[i].name);
		} else if (strcmp(argv[1], cases[i].name) == 0) {
			cases[i].run();
			return 0;
		}
	}
	return argc > 1 && strcmp(argv[1], "list") == 0 ? 0 : 2;
}
