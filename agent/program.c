/* Program look-up: see program.h. */
#include "agent/program.h"

#include "base/fd.h"
#include "base/str.h"

#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>

#define DEFAULT_PATH "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
#define PASSWD_MAX   (1 << 20)

static const char *path_of(char *const *env, size_t count)
{
	for (size_t i = 0; i < count; i++) {
		const char *value = str_after(env[i], "PATH=");

		if (value)
			return value;
	}
	return DEFAULT_PATH;
}

/* 0, -ENOENT, or -EACCES for what is there but cannot be executed (a directory, too). */
static int check(const char *path)
{
	struct stat st;

	if (stat(path, &st) < 0)
		return errno == EACCES ? -EACCES : -ENOENT;
	if (S_ISDIR(st.st_mode))
		return -EACCES;
	if (faccessat(AT_FDCWD, path, X_OK, AT_EACCESS) == 0)
		return 0;
	/*
	 * Seccomp profiles that are older than faccessat2(2) answer it with an error of their own;
	 * then execve decides.
	 */
	return errno == EACCES || !(st.st_mode & 0111) ? -EACCES : 0;
}

static int search(const char *name, const char *path, char ret[PATH_MAX])
{
	while (*path) {
		size_t n = strcspn(path, ":");
		/* An empty element is the working directory. */
		int len = n ? snprintf(ret, PATH_MAX, "%.*s/%s", (int)n, path, name)
			    : snprintf(ret, PATH_MAX, "./%s", name);

		if (len < PATH_MAX && check(ret) == 0)
			return 0;
		path += n + (path[n] == ':');
	}
	return -ENOENT;
}

int program_find(
	const char *name, char *const *env, size_t env_count, char ret[PATH_MAX], struct err *err)
{
	int r;

	if (strchr(name, '/')) {
		if (strlen(name) >= PATH_MAX)
			return err_sys(err, EINVAL, "exec: \"%.64s...\"", name);
		memcpy(ret, name, strlen(name) + 1);
		r = check(name);
		if (r == -ENOENT)
			return err_set(err, EINVAL,
				"exec: \"%s\": stat %s: no such file or directory", name, name);
	} else {
		r = *name ? search(name, path_of(env, env_count), ret) : -ENOENT;
		if (r == -ENOENT)
			return err_set(err, EINVAL,
				"exec: \"%s\": executable file not found in $PATH", name);
	}
	return r < 0 ? err_set(err, EACCES, "exec: \"%s\": permission denied", name) : 0;
}

/* The sixth field of a line whose third one is uid; NULL when it is not such a line. */
static const char *home_in_line(char *line, uint64_t uid)
{
	char *field[6];
	uint64_t id;

	for (size_t i = 0; i < ARRAY_LEN(field); i++) {
		field[i] = line;
		line += strcspn(line, ":");
		if (*line)
			*line++ = '\0';
	}
	return str_to_u64(field[2], &id) == 0 && id == uid && field[5][0] == '/' ? field[5] : NULL;
}

void program_home(unsigned uid, char ret[PATH_MAX])
{
	AUTO(buf_done) struct buf text = { 0 };
	/* Never waits: the file may be a fifo of the container's making. */
	AUTO_CLOSE int fd = open("/etc/passwd", O_RDONLY | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
	struct stat st;
	char *save = NULL;

	snprintf(ret, PATH_MAX, "/");
	if (fd < 0 || fstat(fd, &st) < 0 || !S_ISREG(st.st_mode) ||
		fd_read_to_end(fd, PASSWD_MAX, &text) < 0 || !buf_str(&text))
		return;
	for (char *line = strtok_r((char *)text.data, "\n", &save); line;
		line = strtok_r(NULL, "\n", &save)) {
		const char *home = home_in_line(line, uid);

		if (home) {
			snprintf(ret, PATH_MAX, "%s", home);
			return;
		}
	}
}
