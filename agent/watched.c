/* Who watches what: see watched.h. */
#include "agent/watched.h"

#include "base/auto.h"
#include "base/str.h"

#include <ctype.h>
#include <dirent.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

/* Watches of all processes; far more than a guest's kernel has memory for. */
#define WATCHED_MAX (1U << 22)
/* The kernel's FILEID_INO64_GEN, which is how FUSE encodes a file handle: nodeid, generation. */
#define HANDLE "fhandle-bytes:c fhandle-type:81 f_handle:"

/* Two words of 32 bits in the machine's order, the high one first. */
static bool hex_word(const char *hex, uint32_t *ret)
{
	uint8_t bytes[4];
	unsigned byte;

	for (unsigned i = 0; i < 4; i++) {
		if (!isxdigit((unsigned char)hex[2 * i]) ||
			sscanf(hex + (size_t)2 * i, "%2x", &byte) != 1)
			return false;
		bytes[i] = (uint8_t)byte;
	}
	memcpy(ret, bytes, sizeof(bytes));
	return true;
}

uint64_t watched_nodeid(const char *line)
{
	const char *hex = strstr(line, HANDLE);
	uint32_t high, low;

	if (!hex)
		return 0;
	hex += strlen(HANDLE);
	if (strlen(hex) < 24 || !hex_word(hex, &high) || !hex_word(hex + 8, &low))
		return 0;
	return (uint64_t)high << 32 | low;
}

static int add(struct watched *w, uint64_t nodeid)
{
	uint64_t *more;
	size_t room = w->room ? w->room * 2 : 64;

	if (w->count == w->room) {
		if (w->count >= WATCHED_MAX)
			return 0;
		more = realloc(w->nodeids, room * sizeof(*more));
		if (!more)
			return -ENOMEM;
		w->nodeids = more;
		w->room = room;
	}
	w->nodeids[w->count++] = nodeid;
	return 0;
}

static int read_lines(struct watched *w, int dir, const char *number)
{
	AUTO_FREE char *line = NULL;
	int fd = openat(dir, number, O_RDONLY | O_CLOEXEC), r = 0;
	FILE *f = fd < 0 ? NULL : fdopen(fd, "r");
	size_t size = 0;

	if (!f) {
		close_fd(&fd);
		return 0;
	}
	while (r == 0 && getline(&line, &size, f) > 0) {
		uint64_t nodeid = watched_nodeid(line);

		if (str_after(line, "fanotify sdev:"))
			w->all = true;
		if (nodeid)
			r = add(w, nodeid);
	}
	(void)fclose(f);
	return r;
}

static bool is_watcher(int fds, const char *number)
{
	char target[32];
	ssize_t n = readlinkat(fds, number, target, sizeof(target) - 1);

	if (n < 0)
		return false;
	target[n] = '\0';
	return streq(target, "anon_inode:inotify") || streq(target, "anon_inode:[fanotify]");
}

static int scan_process(struct watched *w, int process)
{
	AUTO_CLOSE int info = -1;
	int fd = openat(process, "fd", O_RDONLY | O_DIRECTORY | O_CLOEXEC), r = 0;
	DIR *fds = fd < 0 ? NULL : fdopendir(fd);
	const struct dirent *e;

	if (!fds) {
		close_fd(&fd);
		return 0;
	}
	while (r == 0 && (e = readdir(fds))) {
		if (!is_watcher(fd, e->d_name))
			continue;
		if (info < 0)
			info = openat(process, "fdinfo", O_PATH | O_DIRECTORY | O_CLOEXEC);
		if (info >= 0)
			r = read_lines(w, info, e->d_name);
	}
	closedir(fds);
	return r;
}

static int compare(const void *a, const void *b)
{
	uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;

	return x < y ? -1 : x > y;
}

int watched_scan(struct watched *w, const char *proc)
{
	int fd = open(proc, O_RDONLY | O_DIRECTORY | O_CLOEXEC), r = 0;
	DIR *processes = fd < 0 ? NULL : fdopendir(fd);
	const struct dirent *e;

	w->count = 0;
	w->all = false;
	if (!processes) {
		close_fd(&fd);
		return -errno;
	}
	while (r == 0 && (e = readdir(processes))) {
		AUTO_CLOSE int process = -1;

		if (!isdigit((unsigned char)e->d_name[0]))
			continue;
		process = openat(fd, e->d_name, O_PATH | O_DIRECTORY | O_CLOEXEC);
		if (process >= 0)
			r = scan_process(w, process);
	}
	closedir(processes);
	if (w->count)
		qsort(w->nodeids, w->count, sizeof(*w->nodeids), compare);
	return r;
}

bool watched_has(const struct watched *w, uint64_t nodeid)
{
	return w->all || (nodeid && w->count &&
				 bsearch(&nodeid, w->nodeids, w->count, sizeof(nodeid), compare));
}

void watched_done(struct watched *w)
{
	free(w->nodeids);
	*w = (struct watched){ 0 };
}
