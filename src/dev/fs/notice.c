/* Events of the host, told to the agent: see notice.h. */
#include "dev/fs/notice.h"

#include "base/auto.h"
#include "base/shadow.h"
#include "base/str.h"
#include "dev/fs/server.h"
#include "dev/fs/watch.h"

#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <string.h>
#include <sys/inotify.h>
#include <sys/stat.h>

#define EVENTS_BYTES 65536
/* Records that wait for the agent. */
#define QUEUE_BYTES (2U << 20)
/*
 * How long events may gather. A guest that is busy with its own files would else wake the thread
 * for each change.
 */
#define GATHER_MS 2
/* The second half of a move may follow the first only after a moment, if it follows. */
#define MOVE_MS 100
#define KINDS                                                                                      \
	(IN_CREATE | IN_DELETE | IN_MODIFY | IN_CLOSE_WRITE | IN_MOVED_FROM | IN_MOVED_TO |        \
		IN_ATTRIB)

struct notice {
	struct watch *w;
	int stream_fd;
	bool asked;	/* for the stream */
	bool lost;	/* a record did not fit; the one that says so is to follow */
	uint8_t *queue; /* QUEUE_BYTES, made when it is needed */
	size_t first, len;
	size_t last; /* where the last record begins, behind `first` */
	size_t have; /* bytes of events */
	_Alignas(struct inotify_event) uint8_t events[EVENTS_BYTES];
};

/* An event, or the half of one, for one inode of the guest. */
struct told {
	const struct watch_target *target;
	const struct inotify_event *e;
	const char *name; /* "": the target itself */
};

static void put_text(struct shadow_event *record, size_t *at, const char *text)
{
	size_t n = strlen(text) + 1;

	memcpy(record->text + *at, text, n);
	*at += n;
}

static bool fits(struct notice *n, size_t size)
{
	if (!n->queue && !(n->queue = malloc(QUEUE_BYTES)))
		return false;
	if (n->first && n->first + n->len + size > QUEUE_BYTES) {
		memmove(n->queue, n->queue + n->first, n->len);
		n->first = 0;
	}
	return n->len + size <= QUEUE_BYTES;
}

static void append(struct notice *n, const struct shadow_event *record)
{
	n->last = n->len;
	memcpy(n->queue + n->first + n->len, record, record->size);
	n->len += record->size;
}

/* As inotify does it: what is the same as the event before it, and still waits, is one with it. */
static bool is_last_again(const struct notice *n, const struct shadow_event *record)
{
	return n->len > n->last && n->last && n->len - n->last == record->size &&
	       (record->kind == SHADOW_EVENT_MODIFIED || record->kind == SHADOW_EVENT_ATTRIBUTES) &&
	       memcmp(n->queue + n->first + n->last, record, record->size) == 0;
}

/* Says that something is missing here, as soon as there is room. */
static void say_lost(struct notice *n)
{
	_Alignas(struct shadow_event) uint8_t bytes[sizeof(struct shadow_event) + 8] = { 0 };
	struct shadow_event *r = (struct shadow_event *)(void *)bytes;

	r->size = sizeof(bytes);
	r->kind = SHADOW_EVENT_LOST;
	n->lost = !fits(n, sizeof(bytes));
	if (!n->lost)
		append(n, r);
}

static void queue(struct notice *n, struct shadow_event *record, const char *share,
	const char *name, const char *to_name)
{
	_Alignas(struct shadow_event) uint8_t bytes[SHADOW_EVENT_MAX] = { 0 };
	struct shadow_event *r = (struct shadow_event *)(void *)bytes;
	size_t at = 0;

	*r = *record;
	put_text(r, &at, share);
	put_text(r, &at, name);
	put_text(r, &at, to_name);
	r->size = (uint32_t)((sizeof(*r) + at + 7) & ~(size_t)7);
	if (is_last_again(n, r))
		return;
	if (!fits(n, r->size + sizeof(bytes))) {
		n->lost = true;
		return;
	}
	if (n->lost)
		say_lost(n);
	append(n, r);
}

/* Whether an event's entry is the inode that a worker has changed. Gone: by its name it is. */
struct entry {
	const struct notice *n;
	const struct told *t;
};

static bool is_entry(void *arg, uint64_t dev, uint64_t ino)
{
	const struct entry *entry = arg;
	struct inodes *inodes = &entry->n->w->server->inodes;
	struct inode *dir = inode_get(inodes, entry->t->target->nodeid);
	struct statx stx;
	bool same = true;

	if (dir && statx(dir->fd, entry->t->name, AT_SYMLINK_NOFOLLOW, STATX_INO, &stx) == 0)
		same = stx.stx_ino == ino && stat_dev(stx.stx_dev_major, stx.stx_dev_minor) == dev;
	inode_put(inodes, dir);
	return same;
}

static bool is_own(const struct notice *n, const struct told *t)
{
	struct entry entry = { n, t };
	const struct own_question q = {
		.export = t->target->export,
		.dir = t->target->nodeid,
		.name = *t->name ? shadow_hash(0, t->name) : 0,
		.mask = t->e->mask & KINDS,
		.is = is_entry,
		.arg = &entry,
	};

	return own_take(&n->w->own, &q);
}

/* Of what kind an entry is; of one that is gone already a guess. */
static uint16_t type_of(const struct notice *n, const struct told *t)
{
	struct inodes *inodes = &n->w->server->inodes;
	struct inode *dir;
	struct statx stx;
	uint16_t type = S_IFREG;

	if (t->e->mask & IN_ISDIR)
		return S_IFDIR;
	dir = inode_get(inodes, t->target->nodeid);
	if (dir && statx(dir->fd, t->name, AT_SYMLINK_NOFOLLOW, STATX_TYPE, &stx) == 0 &&
		!S_ISDIR(stx.stx_mode))
		type = stx.stx_mode & S_IFMT;
	inode_put(inodes, dir);
	return type;
}

static void tell(struct notice *n, const struct told *t, enum shadow_kind kind)
{
	const struct watch_target *target = t->target;
	struct shadow_event record = { .kind = (uint16_t)kind };

	if (!*t->name) {
		/* The root of an export is an entry of the directory of exports. */
		record.dir = FUSE_ROOT_ID;
		record.inode = target->nodeid;
		record.type = t->e->mask & IN_ISDIR ? S_IFDIR : S_IFREG;
		queue(n, &record, target->share, target->share, "");
		return;
	}
	record.dir = target->nodeid;
	record.inode = known_get(&n->w->known, target->nodeid, t->name);
	record.type = type_of(n, t);
	queue(n, &record, target->share, t->name, "");
}

static void tell_move(struct notice *n, const struct told *from, const struct told *to)
{
	struct shadow_event record = {
		.kind = SHADOW_EVENT_MOVED,
		.type = from->e->mask & IN_ISDIR ? S_IFDIR : S_IFREG,
		.dir = from->target->nodeid,
		.to_dir = to->target->nodeid,
		.inode = known_get(&n->w->known, from->target->nodeid, from->name),
	};

	queue(n, &record, from->target->share, from->name, to->name);
}

static const char *name_of(const struct inotify_event *e)
{
	return e->len ? e->name : "";
}

/* The half of a move in each share that has the directory, but where it is the guest's own. */
static unsigned halves(struct notice *n, const struct inotify_event *e,
	struct watch_target target[WATCH_TARGETS], struct told ret[WATCH_TARGETS])
{
	unsigned count = e && e->len ? watch_targets(n->w, e->wd, target) : 0, kept = 0;

	for (unsigned i = 0; i < count; i++) {
		struct told t = { &target[i], e, name_of(e) };

		if (!is_own(n, &t))
			ret[kept++] = t;
	}
	return kept;
}

static void on_move(
	struct notice *n, const struct inotify_event *from, const struct inotify_event *to)
{
	struct watch_target targets[2][WATCH_TARGETS];
	struct told out[WATCH_TARGETS], in[WATCH_TARGETS];
	unsigned outs = halves(n, from, targets[0], out), ins = halves(n, to, targets[1], in);

	for (unsigned i = 0; i < outs; i++) {
		unsigned k = 0;

		while (k < ins && (!in[k].e || in[k].target->export != out[i].target->export))
			k++;
		if (k == ins) {
			tell(n, &out[i], SHADOW_EVENT_MOVED_OUT);
		} else {
			tell_move(n, &out[i], &in[k]);
			in[k].e = NULL;
		}
	}
	for (unsigned k = 0; k < ins; k++)
		if (in[k].e)
			tell(n, &in[k], SHADOW_EVENT_MOVED_IN);
}

static void on_change(struct notice *n, const struct inotify_event *e)
{
	static const struct {
		uint32_t mask;
		enum shadow_kind kind;
	} kinds[] = {
		{ IN_CREATE, SHADOW_EVENT_MADE },
		{ IN_DELETE, SHADOW_EVENT_REMOVED },
		{ IN_MODIFY, SHADOW_EVENT_MODIFIED },
		{ IN_CLOSE_WRITE, SHADOW_EVENT_CLOSED },
		{ IN_ATTRIB, SHADOW_EVENT_ATTRIBUTES },
	};
	struct watch_target target[WATCH_TARGETS];
	unsigned count = watch_targets(n->w, e->wd, target);

	for (unsigned i = 0; i < count; i++) {
		struct told t = { &target[i], e, name_of(e) };

		/* A directory's own events have come with its name to the one above it, too. */
		if ((!e->len && !target[i].root) || is_own(n, &t))
			continue;
		for (size_t k = 0; k < ARRAY_LEN(kinds); k++)
			if (e->mask & kinds[k].mask)
				tell(n, &t, kinds[k].kind);
	}
}

static bool is_mark(struct notice *n, const struct inotify_event *e)
{
	for (unsigned i = 0; i < n->w->workers; i++) {
		if (n->w->mark[i].wd != e->wd)
			continue;
		own_over(&n->w->own, i, e->mask & IN_ATTRIB);
		return true;
	}
	return false;
}

static struct inotify_event *event_at(struct notice *n, size_t at)
{
	return (struct inotify_event *)(void *)(n->events + at);
}

static size_t size_of(const struct inotify_event *e)
{
	return sizeof(*e) + e->len;
}

/* The other half of the move at `at`; the kernel reports both in a row, others may get between. */
static struct inotify_event *other_half(struct notice *n, size_t at)
{
	uint32_t cookie = event_at(n, at)->cookie;

	for (at += size_of(event_at(n, at)); at < n->have; at += size_of(event_at(n, at)))
		if ((event_at(n, at)->mask & IN_MOVED_TO) && event_at(n, at)->cookie == cookie)
			return event_at(n, at);
	return NULL;
}

static void on_event(struct notice *n, size_t at)
{
	struct inotify_event *e = event_at(n, at), *to;

	if (e->mask & IN_Q_OVERFLOW) {
		own_lost(&n->w->own);
		say_lost(n);
	} else if (e->wd < 0 || is_mark(n, e)) {
		return;
	} else if (e->mask & IN_IGNORED) {
		watch_ignored(n->w, e->wd);
	} else if (e->mask & IN_MOVED_FROM) {
		to = other_half(n, at);
		on_move(n, e, to);
		if (to)
			to->wd = -1;
	} else if (e->mask & IN_MOVED_TO) {
		on_move(n, NULL, e);
	} else if (e->mask & KINDS) {
		on_change(n, e);
	}
}

static ssize_t read_more(struct notice *n)
{
	ssize_t got =
		read(atomic_load(&n->w->inotify_fd), n->events + n->have, EVENTS_BYTES - n->have);

	if (got > 0)
		n->have += (size_t)got;
	return got;
}

static bool ends_within_move(struct notice *n)
{
	size_t at = 0, last = 0;

	for (; at < n->have; at += size_of(event_at(n, at)))
		last = at;
	return n->have && (event_at(n, last)->mask & IN_MOVED_FROM);
}

static void on_events(struct notice *n)
{
	struct pollfd p = { .fd = atomic_load(&n->w->inotify_fd), .events = POLLIN };

	n->have = 0;
	while (read_more(n) > 0) {
		while (ends_within_move(n) && n->have < EVENTS_BYTES / 2 &&
			poll(&p, 1, MOVE_MS) > 0 && read_more(n) > 0)
			;
		for (size_t at = 0; at < n->have; at += size_of(event_at(n, at)))
			on_event(n, at);
		n->have = 0;
	}
}

static void drop_stream(struct notice *n)
{
	close_fd(&n->stream_fd);
	n->first = n->len = n->last = 0;
	n->lost = n->asked = false;
}

static void take_stream(struct notice *n)
{
	pthread_mutex_lock(&n->w->lock);
	if (n->w->stream_ended)
		drop_stream(n);
	n->w->stream_ended = false;
	if (n->w->stream_fd >= 0) {
		close_fd(&n->stream_fd);
		n->stream_fd = steal_fd(&n->w->stream_fd);
	}
	pthread_mutex_unlock(&n->w->lock);
}

static void flush(struct notice *n)
{
	while (n->len && n->stream_fd >= 0) {
		ssize_t done = write(n->stream_fd, n->queue + n->first, n->len);

		if (done < 0 && errno == EINTR)
			continue;
		if (done < 0 && errno == EAGAIN)
			return;
		if (done <= 0) {
			drop_stream(n);
			return;
		}
		n->first += (size_t)done;
		n->len -= (size_t)done;
		/* What is under way is not compared with any more. */
		n->last = 0;
	}
	if (!n->len)
		n->first = n->last = 0;
}

static void turn(struct notice *n)
{
	struct pollfd p[3] = {
		{ .fd = n->w->control_fd, .events = POLLIN },
		{ .fd = atomic_load(&n->w->inotify_fd), .events = POLLIN },
		{ .fd = n->stream_fd, .events = n->len ? POLLOUT : 0 },
	};
	uint64_t count;

	if (poll(p, ARRAY_LEN(p), -1) <= 0)
		return;
	if (p[0].revents & POLLIN) {
		(void)!read(p[0].fd, &count, sizeof(count));
		take_stream(n);
	}
	if ((p[2].revents & (POLLHUP | POLLERR)) && n->stream_fd == p[2].fd)
		drop_stream(n);
	if (p[1].revents & POLLIN) {
		(void)!poll(p, 1, GATHER_MS);
		on_events(n);
	}
	if (n->len && n->stream_fd < 0 && !n->asked && n->w->wanted) {
		n->asked = true;
		n->w->wanted(n->w->arg);
	}
	flush(n);
}

void *notice_run(void *arg)
{
	struct notice *n = calloc(1, sizeof(*n));
	struct watch *w = arg;

	int r = n ? thread_prepare(w->server, w->thread_start, w->arg) : -ENOMEM;

	pthread_mutex_lock(&w->lock);
	w->started = true;
	w->start_error = r;
	pthread_cond_broadcast(&w->changed);
	pthread_mutex_unlock(&w->lock);
	if (r < 0) {
		free(n);
		return NULL;
	}
	n->w = w;
	n->stream_fd = -1;
	while (!atomic_load(&w->quit))
		turn(n);
	close_fd(&n->stream_fd);
	free(n->queue);
	free(n);
	return NULL;
}
