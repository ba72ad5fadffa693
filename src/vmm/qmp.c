/* The QMP client: see qmp.h. */
#include "vmm/qmp.h"

#include "base/buf.h"
#include "base/fd.h"
#include "base/str.h"

#include <string.h>
#include <sys/socket.h>
#include <yajl/yajl_tree.h>

#define LINE_MAX_BYTES (64 << 10)

struct qmp {
	int fd;
	struct loop_fd *watch;
	struct qmp_handler handler;
	bool ready;
	struct buf in;	    /* an incomplete line */
	struct buf pending; /* commands from before the handshake was over */
};

static yajl_val member(yajl_val object, const char *name, yajl_type type)
{
	const char *path[] = { name, NULL };

	return object ? yajl_tree_get(object, path, type) : NULL;
}

static const char *text_of(yajl_val v)
{
	return v ? YAJL_GET_STRING(v) : "";
}

static int send_text(struct qmp *q, const void *text, size_t len)
{
	ssize_t n = send(q->fd, text, len, MSG_NOSIGNAL | MSG_DONTWAIT);

	/* Commands are short; a part of one would spoil what follows. */
	return n == (ssize_t)len ? 0 : -EAGAIN;
}

int qmp_execute(struct qmp *q, const char *command, const char *arguments)
{
	AUTO(buf_done) struct buf line = { 0 };
	int r = buf_printf(&line, "{\"execute\": \"%s\"%s%s}\n", command,
		arguments ? ", \"arguments\": " : "", arguments ? arguments : "");

	if (r == 0 && !q->ready)
		r = buf_append(&q->pending, line.data, line.len);
	else if (r == 0)
		r = send_text(q, line.data, line.len);
	return r;
}

static void handshake_over(struct qmp *q)
{
	q->ready = true;
	if (q->pending.len && send_text(q, q->pending.data, q->pending.len) < 0)
		q->handler.failed(q->handler.arg, "it takes no commands");
	buf_done(&q->pending);
	q->handler.ready(q->handler.arg);
}

static void on_line(struct qmp *q, const char *line)
{
	static const char enter[] = "{\"execute\": \"qmp_capabilities\"}\n";
	char problem[128];
	yajl_val v = yajl_tree_parse(line, problem, sizeof(problem));

	if (!v || !YAJL_IS_OBJECT(v)) {
		yajl_tree_free(v);
		return;
	}
	if (member(v, "QMP", yajl_t_object)) {
		if (send_text(q, enter, sizeof(enter) - 1) < 0)
			q->handler.failed(q->handler.arg, "it takes no commands");
	} else if (member(v, "event", yajl_t_string)) {
		yajl_val data = member(v, "data", yajl_t_object);

		if (streq(text_of(member(v, "event", yajl_t_string)), "SHUTDOWN"))
			q->handler.shutdown(
				q->handler.arg, text_of(member(data, "reason", yajl_t_string)));
	} else if (member(v, "error", yajl_t_object)) {
		q->handler.failed(q->handler.arg,
			text_of(member(member(v, "error", yajl_t_object), "desc", yajl_t_string)));
	} else if (member(v, "return", yajl_t_any) && !q->ready) {
		handshake_over(q);
	}
	yajl_tree_free(v);
}

/* Handles the whole lines of q->in and keeps the rest. */
static void take_lines(struct qmp *q)
{
	char *at = (char *)q->in.data, *end;
	size_t left = q->in.len;

	while ((end = memchr(at, '\n', left))) {
		*end = '\0';
		on_line(q, at);
		left -= (size_t)(end + 1 - at);
		at = end + 1;
	}
	memmove(q->in.data, at, left);
	q->in.len = left;
}

static void on_readable(void *arg, int fd, uint32_t events)
{
	struct qmp *q = arg;
	char data[4096];
	ssize_t n = recv(fd, data, sizeof(data), MSG_DONTWAIT);

	(void)events;
	if (n < 0 && (errno == EAGAIN || errno == EINTR))
		return;
	if (n <= 0 || q->in.len + (size_t)n > LINE_MAX_BYTES ||
		buf_append(&q->in, data, (size_t)n) < 0) {
		loop_fd_remove(q->watch);
		q->watch = NULL;
		q->handler.closed(q->handler.arg);
		return;
	}
	take_lines(q);
}

void qmp_drain(struct qmp *q)
{
	char byte;

	while (q->watch && recv(q->fd, &byte, 1, MSG_PEEK | MSG_DONTWAIT) > 0)
		on_readable(q, q->fd, 0);
}

int qmp_new(struct loop *loop, int fd, const struct qmp_handler *handler, struct qmp **ret)
{
	struct qmp *q = calloc(1, sizeof(*q));
	int r;

	if (!q) {
		close(fd);
		return -ENOMEM;
	}
	q->fd = fd;
	q->handler = *handler;
	r = loop_fd_add(loop, "qmp", fd, EPOLLIN, on_readable, q, &q->watch);
	if (r < 0) {
		qmp_free(q);
		return r;
	}
	*ret = q;
	return 0;
}

void qmp_free(struct qmp *q)
{
	if (!q)
		return;
	loop_fd_remove(q->watch);
	close_fd(&q->fd);
	buf_done(&q->in);
	buf_done(&q->pending);
	free(q);
}
