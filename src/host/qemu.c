/* Finding QEMU and asking it for its version: see qemu.h. Called by monitor.c and facts.c. */
#include "host/qemu.h"

#include "base/auto.h"
#include "base/buf.h"
#include "base/clock.h"
#include "base/fd.h"
#include "base/str.h"
#include "guest/cache.h"

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdint.h>
#include <sys/stat.h>
#include <sys/wait.h>

#define ANSWER_LIMIT_MS 20000
#define ANSWER_MAX	65536

static const char *const places[] = {
	"/usr/bin/qemu-system-x86_64",
	"/usr/local/bin/qemu-system-x86_64",
};

static int check_program(const char *path)
{
	struct stat st;

	if (stat(path, &st) < 0)
		return -errno;
	if (!S_ISREG(st.st_mode))
		return -EACCES;
	return faccessat(AT_FDCWD, path, X_OK, AT_EACCESS) < 0 ? -errno : 0;
}

int qemu_find(const char *setting, char **ret_path, struct err *err)
{
	const char *path = NULL;
	int r;

	if (!streq(setting, "auto")) {
		if (*setting != '/')
			return err_set(err, EINVAL,
				"setting \"qemu\": expected \"auto\" or an absolute path, got "
				"\"%s\"",
				setting);
		r = check_program(setting);
		if (r < 0)
			return err_sys(err, -r, "setting \"qemu\": %s", setting);
		path = setting;
	}
	for (size_t i = 0; !path && i < ARRAY_LEN(places); i++)
		if (check_program(places[i]) == 0)
			path = places[i];
	if (!path)
		return err_set(err, ENOENT,
			"QEMU is not installed: there is no qemu-system-x86_64 "
			"(Debian: " QEMU_INSTALL ")");
	*ret_path = strdup(path);
	return *ret_path ? 0 : err_sys(err, ENOMEM, "%s", path);
}

char *qemu_version_in(const char *text)
{
	const char *v = str_after(text, "QEMU emulator version ");
	size_t n = v ? strspn(v, "0123456789.") : 0;

	return n ? strndup(v, n) : NULL;
}

static void child(const char *path, const char *const *options, int out)
{
	char *argv[] = { (char *)(uintptr_t)path, (char *)(uintptr_t)options[0],
		(char *)(uintptr_t)options[1], NULL };
	char *envp[] = { NULL };
	int null = open("/dev/null", O_RDWR | O_CLOEXEC);

	if (null >= 0) {
		(void)!dup2(null, 0);
		(void)!dup2(null, 2);
	}
	if (dup2(out, 1) >= 0)
		execve(path, argv, envp);
	_exit(127);
}

/* Until the end of file, the time limit, or too much; what came is in out. */
static int collect(int fd, struct buf *out)
{
	int64_t deadline = clock_now_ms() + ANSWER_LIMIT_MS;
	struct pollfd p = { .fd = fd, .events = POLLIN };
	char part[512];

	for (;;) {
		int64_t left = deadline - clock_now_ms();
		ssize_t n;
		int r;

		if (left <= 0)
			return -ETIMEDOUT;
		if (poll(&p, 1, (int)left) <= 0)
			continue;
		n = read(fd, part, sizeof(part));
		if (n == 0)
			return 0;
		if (n < 0 && errno != EINTR)
			return -errno;
		if (n < 0)
			continue;
		r = buf_append(out, part, (size_t)n);
		if (r < 0 || out->len > ANSWER_MAX)
			return r < 0 ? r : -EFBIG;
	}
}

/* What it prints when it is started with these options (NULL for no second one). */
static int ask(const char *path, const char *const options[2], struct buf *out, struct err *err)
{
	int fds[2], r;
	pid_t pid;

	if (pipe2(fds, O_CLOEXEC) < 0)
		return err_sys(err, errno, "pipe");
	pid = fork();
	if (pid == 0)
		child(path, options, fds[1]);
	r = pid < 0 ? -errno : 0;
	close(fds[1]);
	if (r == 0) {
		r = collect(fds[0], out);
		kill(pid, SIGKILL);
		waitpid(pid, NULL, 0);
	}
	close(fds[0]);
	return r < 0 ? err_sys(err, -r, "%s %s", path, options[0]) : 0;
}

int qemu_version(const char *path, char **ret, struct err *err)
{
	AUTO(buf_done) struct buf b = { 0 };
	int r = ask(path, (const char *const[]){ "--version", NULL }, &b, err);

	if (r < 0)
		return r;
	*ret = buf_str(&b) ? qemu_version_in(buf_str(&b)) : NULL;
	if (!*ret)
		return err_set(err, EINVAL, "%s --version: this is not the QEMU for x86_64", path);
	return 0;
}

bool qemu_lists_machine(const char *text, const char *type)
{
	size_t n = strlen(type);

	for (const char *line = text; line; line = strchr(line, '\n')) {
		line += *line == '\n';
		if (strncmp(line, type, n) == 0 && line[n] == ' ')
			return true;
	}
	return false;
}

/* "microvm" or "-": an entry of the cache. */
static int make_answer(void *arg, struct buf *out, struct err *err)
{
	AUTO(buf_done) struct buf b = { 0 };
	int r = ask(arg, (const char *const[]){ "-machine", "help" }, &b, err);
	const char *list = buf_str(&b) ? buf_str(&b) : "";
	bool has = qemu_lists_machine(list, "microvm");

	if (r == 0 && !has && !qemu_lists_machine(list, "q35"))
		r = err_set(
			err, EINVAL, "%s -machine help: no list of machines", (const char *)arg);
	return r ? r : buf_append_str(out, has ? "microvm" : "-");
}

bool qemu_has_microvm(const char *path, const char *cache_dir)
{
	AUTO(buf_done) struct buf answer = { 0 };
	AUTO_CLOSE int fd = -1;
	struct err ignored = ERR_NONE;
	struct cache_key key;
	AUTO_CLOSE int cache = cache_dir ? cache_open(cache_dir, &ignored) : -1;
	int r;

	cache_key_init(&key);
	if (cache >= 0 && cache_key_add_file(&key, path, &ignored) == 0)
		fd = cache_get(cache, "qemu", &key, make_answer, (void *)(uintptr_t)path, &ignored);
	/* What is wrong with the cache, or with this QEMU, is told elsewhere. */
	err_clear(&ignored);
	r = fd >= 0 ? fd_read_to_end(fd, ANSWER_MAX, &answer)
		    : make_answer((void *)(uintptr_t)path, &answer, &ignored);
	/* One that cannot even be asked will say more when it is started. */
	return r < 0 || (buf_str(&answer) && streq(buf_str(&answer), "microvm"));
}
