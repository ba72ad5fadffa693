/* Events of shares: see share_events.h. */
#include "agent/share_events.h"

#include "agent/agent.h"
#include "agent/kmsg.h"
#include "agent/shadow.h"
#include "base/auto.h"
#include "base/clock.h"
#include "base/fd.h"

#include <fcntl.h>
#include <poll.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/stat.h>

#define STREAM_FD    3
#define BUFFER_BYTES (1U << 20)
/*
 * Who watches what is looked up once for all events that have come, and takes no more than a tenth
 * of the time, but for a guest with very many processes.
 */
#define SCAN_SHARE  10
#define SCAN_GAP_MS 250
/* What was watched so long ago may be watched no more. */
#define SCAN_AGE_MS 5000

struct bridge {
	struct shadow shadow;
	struct watched watched;
	int64_t scanned_ms, next_scan_ms; /* when it began; when it may begin again */
	size_t have;
	bool ended; /* the stream */
	_Alignas(struct shadow_event) uint8_t buffer[BUFFER_BYTES];
};

/* Reads what there is, after waiting for it for at most so long (-1: for ever). */
static void receive(struct bridge *b, int timeout_ms)
{
	struct pollfd p = { .fd = STREAM_FD, .events = POLLIN };
	bool room = b->have < BUFFER_BYTES && !b->ended;
	ssize_t n;

	if (poll(&p, room, timeout_ms) <= 0)
		return;
	while (b->have < BUFFER_BYTES) {
		n = read(STREAM_FD, b->buffer + b->have, BUFFER_BYTES - b->have);
		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0) {
			b->ended = n == 0 || errno != EAGAIN;
			return;
		}
		b->have += (size_t)n;
	}
}

static const struct shadow_event *event_at(const struct bridge *b, size_t at)
{
	return (const struct shadow_event *)(const void *)(b->buffer + at);
}

/* The record at `at`, if it is there as a whole. */
static const struct shadow_event *next(const struct bridge *b, size_t at)
{
	const struct shadow_event *e = event_at(b, at);

	return b->have - at >= sizeof(*e) && e->size <= b->have - at ? e : NULL;
}

static bool is_watched(const struct watched *w, const struct shadow_event *e)
{
	return e->kind == SHADOW_EVENT_LOST || watched_has(w, e->dir) ||
	       watched_has(w, e->to_dir) || watched_has(w, e->inode);
}

static bool all_watched(const struct bridge *b)
{
	const struct shadow_event *e;

	for (size_t at = 0; (e = next(b, at)); at += e->size) {
		if (!shadow_valid(e, b->have - at))
			return true; /* which ends it all the same */
		if (!is_watched(&b->watched, e))
			return false;
	}
	return true;
}

/* Nobody may have begun to watch before an event without being seen here. */
static void scan(struct bridge *b)
{
	int64_t now, took;

	while ((now = clock_now_ms()) < b->next_scan_ms)
		receive(b, (int)(b->next_scan_ms - now));
	b->scanned_ms = now;
	if (watched_scan(&b->watched, "/proc") < 0)
		kmsg_line(KMSG_WARNING, "cannot tell who watches files");
	took = clock_now_ms() - now + 1;
	b->next_scan_ms =
		now + took + (took * SCAN_SHARE < SCAN_GAP_MS ? took * SCAN_SHARE : SCAN_GAP_MS);
}

static void raise_all(struct bridge *b)
{
	const struct shadow_event *e;
	size_t at = 0;

	for (; (e = next(b, at)); at += e->size) {
		if (!shadow_valid(e, b->have - at)) {
			b->ended = true;
			b->have = 0;
			return;
		}
		if (e->kind == SHADOW_EVENT_LOST)
			shadow_raise_lost(&b->shadow, &b->watched);
		else if (is_watched(&b->watched, e))
			shadow_raise(&b->shadow, e);
	}
	if (b->have - at >= sizeof(*e) && event_at(b, at)->size > SHADOW_EVENT_MAX)
		b->ended = true; /* it would never be whole */
	/* Nothing of a share stays open: it may be removed. */
	shadow_done(&b->shadow);
	memmove(b->buffer, b->buffer + at, b->have - at);
	b->have -= at;
}

static void run(const char *shares)
{
	static struct bridge b;
	int fd = open(shares, O_PATH | O_DIRECTORY | O_CLOEXEC);

	shadow_init(&b.shadow, fd);
	umask(0);
	while (fd >= 0 && !b.ended) {
		receive(&b, -1);
		if (b.have == 0)
			continue;
		if (!all_watched(&b) || clock_now_ms() - b.scanned_ms > SCAN_AGE_MS)
			scan(&b);
		raise_all(&b);
		(void)!chdir("/");
	}
}

int share_events_serve(struct agent *a, int fd)
{
	pid_t pid = fork();

	if (pid == 0) {
		prctl(PR_SET_NAME, "vmrun-events");
		/* Streams of containers, which are the agent's, end when it closes them. */
		if (dup2(fd, STREAM_FD) == STREAM_FD) {
			fds_close_from(STREAM_FD + 1);
			run(a->config.volumes);
		}
		_exit(0);
	}
	close(fd);
	return pid < 0 ? -errno : 0;
}
