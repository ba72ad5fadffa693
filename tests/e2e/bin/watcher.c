/*
 * Tells what inotify tells, on the host or in a container; static, cases copy it into bundles.
 *
 *   watcher PATH...    watches each, says "ready", then one line per event until something named
 *                      "end" is created: number of the path (from 0), kinds, name, and for moves
 *                      the number of the pair (from 1)
 *   watcher -f PATH    the same by fanotify with names, without pairs
 *   watcher -g GID ARGS...   as this group, for what follows
 */
#include <errno.h>
#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/fanotify.h>
#include <sys/inotify.h>
#include <unistd.h>

#define PATHS_MAX   32
#define COOKIES_MAX 4096

/* The names of inotify; fanotify's bits are the same. */
static const struct {
	uint32_t mask;
	const char *name;
} kinds[] = {
	{ IN_CREATE, "create" },
	{ IN_DELETE, "delete" },
	{ IN_MODIFY, "modify" },
	{ IN_CLOSE_WRITE, "close_write" },
	{ IN_MOVED_FROM, "moved_from" },
	{ IN_MOVED_TO, "moved_to" },
	{ IN_ATTRIB, "attrib" },
	{ IN_DELETE_SELF, "delete_self" },
	{ IN_MOVE_SELF, "move_self" },
	{ IN_IGNORED, "ignored" },
	{ IN_Q_OVERFLOW, "overflow" },
	{ IN_ISDIR, "dir" },
};

static const uint32_t inotify_mask = IN_CREATE | IN_DELETE | IN_MODIFY | IN_CLOSE_WRITE |
				     IN_MOVED_FROM | IN_MOVED_TO | IN_ATTRIB | IN_DELETE_SELF |
				     IN_MOVE_SELF;
static const uint64_t fanotify_mask = FAN_CREATE | FAN_DELETE | FAN_MODIFY | FAN_CLOSE_WRITE |
				      FAN_MOVED_FROM | FAN_MOVED_TO | FAN_ATTRIB | FAN_ONDIR |
				      FAN_EVENT_ON_CHILD;

static int die(const char *what)
{
	perror(what);
	return 1;
}

static void print_kinds(uint64_t mask)
{
	const char *comma = "";

	for (size_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++) {
		if (!(mask & kinds[i].mask))
			continue;
		printf("%s%s", comma, kinds[i].name);
		comma = ",";
	}
}

static unsigned pair_of(uint32_t cookie)
{
	static uint32_t seen[COOKIES_MAX];
	static unsigned count;

	for (unsigned i = 0; i < count; i++)
		if (seen[i] == cookie)
			return i + 1;
	if (count == COOKIES_MAX)
		return 0;
	seen[count] = cookie;
	return ++count;
}

static int wd_of[PATHS_MAX];

static int path_of(int wd)
{
	for (int i = 0; i < PATHS_MAX; i++)
		if (wd_of[i] == wd)
			return i;
	return -1;
}

/* Whether it is the last. */
static int print(const struct inotify_event *e)
{
	const char *name = e->len ? e->name : "";

	printf("%d ", path_of(e->wd));
	print_kinds(e->mask);
	if (*name)
		printf(" %s", name);
	if (e->cookie)
		printf(" %u", pair_of(e->cookie));
	putchar('\n');
	return (e->mask & IN_CREATE) && strcmp(name, "end") == 0;
}

static int by_inotify(char **paths)
{
	_Alignas(struct inotify_event) char buffer[65536];
	int fd = inotify_init1(IN_CLOEXEC), end = 0;

	if (fd < 0)
		return die("inotify");
	for (int i = 0; i < PATHS_MAX; i++)
		wd_of[i] = -1;
	for (int i = 0; i < PATHS_MAX && paths[i]; i++)
		if ((wd_of[i] = inotify_add_watch(fd, paths[i], inotify_mask)) < 0)
			return die(paths[i]);
	puts("ready");
	while (!end) {
		ssize_t n = read(fd, buffer, sizeof(buffer));

		if (n <= 0)
			return die("read");
		for (ssize_t at = 0; at < n;) {
			const struct inotify_event *e = (const void *)(buffer + at);

			end |= print(e);
			at += (ssize_t)(sizeof(*e) + e->len);
		}
	}
	return 0;
}

static const char *name_in(const struct fanotify_event_metadata *m)
{
	const struct fanotify_event_info_fid *info = (const void *)(m + 1);
	const struct file_handle *handle = (const void *)info->handle;

	if (m->event_len <= sizeof(*m) || info->hdr.info_type != FAN_EVENT_INFO_TYPE_DFID_NAME)
		return "";
	return (const char *)handle->f_handle + handle->handle_bytes;
}

static int by_fanotify(const char *path)
{
	_Alignas(struct fanotify_event_metadata) char buffer[65536];
	int fd = fanotify_init(FAN_CLASS_NOTIF | FAN_REPORT_DFID_NAME | FAN_CLOEXEC, 0), end = 0;

	if (fd < 0 || fanotify_mark(fd, FAN_MARK_ADD, fanotify_mask, AT_FDCWD, path) < 0)
		return die(path);
	puts("ready");
	while (!end) {
		ssize_t n = read(fd, buffer, sizeof(buffer));
		const struct fanotify_event_metadata *m = (const void *)buffer;

		if (n <= 0)
			return die("read");
		for (; FAN_EVENT_OK(m, n); m = FAN_EVENT_NEXT(m, n)) {
			print_kinds(m->mask);
			printf(" %s\n", name_in(m));
			end |= (m->mask & FAN_CREATE) && strcmp(name_in(m), "end") == 0;
		}
	}
	return 0;
}

int main(int argc, char **argv)
{
	setvbuf(stdout, NULL, _IOLBF, 0);
	if (argc > 2 && strcmp(argv[1], "-f") == 0)
		return by_fanotify(argv[2]);
	if (argc > 3 && strcmp(argv[1], "-g") == 0) {
		if (setgid((gid_t)strtoul(argv[2], NULL, 0)) < 0)
			return die("setgid");
		execvp(argv[3], argv + 3);
		return die(argv[3]);
	}
	return argc > 1 ? by_inotify(argv + 1) : 1;
}
