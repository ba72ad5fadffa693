/* Shadow operations: see shadow.h. */
#include "agent/shadow.h"

#include "base/auto.h"
#include "base/str.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/fsuid.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>

/* The kernel's FILEID_INO64_GEN: the nodeid as two words, the high one first, and a generation. */
#define HANDLE_TYPE  0x81
#define HANDLE_WORDS 3

#define TRIES	     8

struct texts {
	const char *share, *name, *to_name;
};

void shadow_init(struct shadow *s, int shares)
{
	*s = (struct shadow){ .shares = shares, .share = -1, .dir = -1 };
}

void shadow_done(struct shadow *s)
{
	close_fd(&s->dir);
	close_fd(&s->share);
}

static const char *after(const char *text)
{
	return text + strlen(text) + 1;
}

static struct texts texts_of(const struct shadow_event *e)
{
	struct texts t = { .share = e->text };

	t.name = after(t.share);
	t.to_name = after(t.name);
	return t;
}

bool shadow_valid(const struct shadow_event *e, size_t n)
{
	const char *at, *end;

	if (n < sizeof(*e) || e->size < sizeof(*e) || e->size > n || e->size > SHADOW_EVENT_MAX ||
		e->size % 8)
		return false;
	at = e->text;
	end = (const char *)e + e->size;
	for (int i = 0; i < 3; i++) {
		at = memchr(at, '\0', (size_t)(end - at));
		if (!at++)
			return false;
	}
	return true;
}

static void act_as(enum shadow_op op, uint32_t mark)
{
	setfsgid(shadow_gid(op) | mark);
}

/* A share that is a single file is an entry of the directory of shares. */
static int open_share(struct shadow *s, const char *name)
{
	if (s->share >= 0 && streq(name, s->share_name))
		return s->share;
	shadow_done(s);
	if (strlen(name) >= sizeof(s->share_name))
		return -1;
	s->share = openat(s->shares, name, O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (s->share < 0 && errno == ENOTDIR)
		s->share = openat(s->shares, ".", O_PATH | O_DIRECTORY | O_CLOEXEC);
	snprintf(s->share_name, sizeof(s->share_name), "%s", name);
	return s->share;
}

/*
 * An inode that the guest knows, in the file system of a share. The kernel finds it without a
 * request, but for a directory that has no name in its cache; that is given one for a moment.
 */
static int open_inode(int share, uint64_t nodeid)
{
	union {
		struct file_handle head;
		uint8_t bytes[sizeof(struct file_handle) + HANDLE_WORDS * sizeof(uint32_t)];
	} h = { .head = { .handle_bytes = HANDLE_WORDS * sizeof(uint32_t),
			.handle_type = HANDLE_TYPE } };

	const uint32_t words[HANDLE_WORDS] = { (uint32_t)(nodeid >> 32), (uint32_t)nodeid, 0 };
	char name[64];
	int fd;

	memcpy(h.bytes + offsetof(struct file_handle, f_handle), words, sizeof(words));
	/* A descriptor with O_PATH names no file system, but a working directory does. */
	if (fchdir(share) < 0)
		return -1;
	fd = open_by_handle_at(AT_FDCWD, &h.head, O_PATH | O_CLOEXEC);
	if (fd >= 0)
		return fd;
	act_as(SHADOW_BY_ID, 0);
	snprintf(name, sizeof(name), SHADOW_ID_FORMAT, (unsigned long long)nodeid);
	return openat(share, name, O_PATH | O_NOFOLLOW | O_CLOEXEC);
}

static int open_dir(struct shadow *s, const char *share, uint64_t nodeid)
{
	int fd = open_share(s, share);

	if (fd < 0)
		return -1;
	/* The directory of shares is not one of a share's. */
	if (nodeid == 1)
		return s->shares;
	if (s->dir < 0 || s->dir_id != nodeid) {
		close_fd(&s->dir);
		s->dir = open_inode(fd, nodeid);
		s->dir_id = nodeid;
	}
	return s->dir;
}

static void make(int dir, const char *name, mode_t type)
{
	bool device = type == S_IFCHR || type == S_IFBLK;

	act_as(SHADOW_MAKE, 0);
	if (type == S_IFDIR)
		(void)!mkdirat(dir, name, 0700);
	else if (type == S_IFLNK)
		(void)!symlinkat(".", dir, name);
	else
		(void)!mknodat(dir, name, type | 0600, device ? makedev(1, 3) : 0);
}

/* To set both times is IN_ATTRIB, that of the last change alone IN_MODIFY. */
static void touch(int dir, const char *name, bool is_dir, bool both)
{
	const struct timespec ts[2] = { { 0, both ? UTIME_NOW : UTIME_OMIT }, { 0, UTIME_NOW } };

	act_as(is_dir ? SHADOW_TOUCH_DIR : SHADOW_TOUCH, 0);
	(void)!utimensat(dir, name, ts, AT_SYMLINK_NOFOLLOW);
}

static void open_and_close(int dir, const char *name)
{
	int fd;

	act_as(SHADOW_TOUCH, 0);
	fd = openat(dir, name, O_WRONLY | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
	close_fd(&fd);
}

static void remove_entry(int dir, const char *name, bool is_dir)
{
	act_as(is_dir ? SHADOW_REMOVE_DIR : SHADOW_REMOVE, 0);
	(void)!unlinkat(dir, name, is_dir ? AT_REMOVEDIR : 0);
}

/* One end of a move; id is the nodeid of dir. */
struct end {
	int dir;
	uint64_t id;
	const char *name;
};

static void move(const struct end *from, const struct end *to, mode_t type)
{
	bool is_dir = type == S_IFDIR;
	uint32_t mark = shadow_move_mark(from->id, from->name);

	/* One in a million cannot be told apart. */
	if (mark == shadow_move_mark(to->id, to->name)) {
		remove_entry(from->dir, from->name, is_dir);
		make(to->dir, to->name, type);
		return;
	}
	act_as(is_dir ? SHADOW_MOVE_DIR : SHADOW_MOVE, mark);
	/* ESTALE: somebody was looking at the directory's name just then. */
	for (int i = 0; i < TRIES; i++)
		if (renameat(from->dir, from->name, to->dir, to->name) == 0 || errno != ESTALE)
			break;
}

static int open_elsewhere(struct shadow *s)
{
	act_as(SHADOW_ELSEWHERE, 0);
	return openat(s->share, SHADOW_ELSEWHERE_NAME, O_PATH | O_DIRECTORY | O_CLOEXEC);
}

static void move_out_or_in(struct shadow *s, const struct end *end, const struct shadow_event *e)
{
	AUTO_CLOSE int elsewhere = open_elsewhere(s);
	const struct end other = { elsewhere, SHADOW_ELSEWHERE_NODEID, SHADOW_MOVING_NAME };

	if (elsewhere < 0)
		return;
	if (e->kind == SHADOW_EVENT_MOVED_OUT)
		move(end, &other, e->type);
	else
		move(&other, end, e->type);
}

static void move_within(
	struct shadow *s, const struct end *from, const struct shadow_event *e, struct texts t)
{
	AUTO_CLOSE int other = -1;
	struct end to = { from->dir, e->to_dir, t.to_name };

	if (e->to_dir != e->dir)
		to.dir = other = open_inode(s->share, e->to_dir);
	if (to.dir >= 0)
		move(from, &to, e->type);
}

void shadow_raise(struct shadow *s, const struct shadow_event *e)
{
	struct texts t = texts_of(e);
	struct end end = { open_dir(s, t.share, e->dir), e->dir, t.name };
	bool is_dir = e->type == S_IFDIR;

	if (end.dir < 0 || !*t.name || strchr(t.name, '/') || strchr(t.to_name, '/'))
		return;
	switch ((enum shadow_kind)e->kind) {
	case SHADOW_EVENT_MADE:
		make(end.dir, t.name, e->type);
		break;
	case SHADOW_EVENT_MODIFIED:
	case SHADOW_EVENT_ATTRIBUTES:
		touch(end.dir, t.name, is_dir, e->kind == SHADOW_EVENT_ATTRIBUTES);
		break;
	case SHADOW_EVENT_CLOSED:
		open_and_close(end.dir, t.name);
		break;
	case SHADOW_EVENT_REMOVED:
		remove_entry(end.dir, t.name, is_dir);
		break;
	case SHADOW_EVENT_MOVED:
		move_within(s, &end, e, t);
		break;
	case SHADOW_EVENT_MOVED_OUT:
	case SHADOW_EVENT_MOVED_IN:
		move_out_or_in(s, &end, e);
		break;
	case SHADOW_EVENT_LOST:
		break;
	}
}

static void touch_inode(int share, uint64_t nodeid)
{
	const struct timespec ts[2] = { { 0, UTIME_NOW }, { 0, UTIME_NOW } };
	AUTO_CLOSE int fd = open_inode(share, nodeid);

	act_as(SHADOW_TOUCH, 0);
	if (fd >= 0)
		(void)!utimensat(fd, "", ts, AT_EMPTY_PATH);
}

void shadow_raise_lost(struct shadow *s, const struct watched *w)
{
	int fd = openat(s->shares, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	DIR *shares = fd < 0 ? NULL : fdopendir(fd);
	const struct dirent *e;

	if (!shares) {
		close_fd(&fd);
		return;
	}
	while ((e = readdir(shares))) {
		if (e->d_name[0] == '.' || open_share(s, e->d_name) < 0)
			continue;
		for (size_t i = 0; i < w->count; i++)
			touch_inode(s->share, w->nodeids[i]);
	}
	closedir(shares);
}
