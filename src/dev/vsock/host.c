/* The host's end of a stream: see host.h. */
#include "dev/vsock/host.h"

#include "base/auto.h"

#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>

/*
 * A terminal that polls writable may have room for a few bytes only; this much it takes in practice
 * without waiting for its reader.
 */
#define TERMINAL_PIECE_BYTES 256

void host_init(struct host *h, int fd, int done_fd)
{
	int flags = fcntl(fd, F_GETFL);
	struct stat st;

	*h = (struct host){
		.fd = fd,
		.done_fd = done_fd,
		.kind = flags >= 0 && (flags & O_NONBLOCK) ? HOST_NONBLOCK : HOST_BLOCKING,
		.nowait = true,
		.piece = PIPE_BUF,
	};
	if (fstat(fd, &st) < 0)
		return;
	if (S_ISSOCK(st.st_mode))
		h->kind = HOST_SOCKET;
	else if (S_ISCHR(st.st_mode))
		h->piece = TERMINAL_PIECE_BYTES;
}

int host_watch(struct host *h, struct loop *loop, loop_fd_fn *fn, void *arg)
{
	int r = loop_fd_add(
		loop, "stream", h->fd, EPOLLIN | EPOLLOUT | EPOLLRDHUP | EPOLLET, fn, arg, &h->lf);

	if (r != -EPERM)
		return r;
	h->kind = HOST_FILE;
	h->readable = h->writable = true;
	return 0;
}

void host_close(struct host *h)
{
	loop_fd_remove(h->lf);
	h->lf = NULL;
	close_fd(&h->fd);
	/* Last: its reader takes this for "everything is written and closed". */
	close_fd(&h->done_fd);
	free(h->ring);
	h->ring = NULL;
	h->used = 0;
	h->readable = h->writable = false;
}

/* Cuts the vector to at most max bytes; returns the number of its entries. */
static unsigned limit(struct iovec *iov, unsigned n, size_t max)
{
	for (unsigned i = 0; i < n; i++) {
		if (iov[i].iov_len >= max) {
			iov[i].iov_len = max;
			return i + 1;
		}
		max -= iov[i].iov_len;
	}
	return n;
}

/* One call of the kind that does not block; *iov may be cut. Bytes or -errno. */
static ssize_t move(struct host *h, struct iovec *iov, unsigned n, bool out)
{
	struct pollfd p = { .fd = h->fd, .events = out ? POLLOUT : POLLIN };
	ssize_t r;

	if (h->kind == HOST_SOCKET) {
		struct msghdr msg = { .msg_iov = iov, .msg_iovlen = n };

		r = out ? sendmsg(h->fd, &msg, MSG_DONTWAIT | MSG_NOSIGNAL)
			: recvmsg(h->fd, &msg, MSG_DONTWAIT);
		return r < 0 ? -errno : r;
	}
	if (h->kind == HOST_BLOCKING && h->nowait) {
		r = out ? pwritev2(h->fd, iov, (int)n, -1, RWF_NOWAIT)
			: preadv2(h->fd, iov, (int)n, -1, RWF_NOWAIT);
		if (r >= 0 || (errno != EOPNOTSUPP && errno != EINVAL && errno != ENOSYS))
			return r < 0 ? -errno : r;
		h->nowait = false;
	}
	if (h->kind == HOST_BLOCKING) {
		/* Somebody may be quicker between this and the call; poll() is all there is. */
		if (poll(&p, 1, 0) <= 0)
			return -EAGAIN;
		n = limit(iov, n, h->piece);
	}
	r = out ? writev(h->fd, iov, (int)n) : readv(h->fd, iov, (int)n);
	return r < 0 ? -errno : r;
}

ssize_t host_read(struct host *h, const struct iovec *iov, unsigned n)
{
	struct iovec part[VQ_IOV_MAX];
	ssize_t r;

	do {
		memcpy(part, iov, n * sizeof(*iov));
		r = move(h, part, n, false);
	} while (r == -EINTR);
	if (r == -EAGAIN)
		h->readable = false;
	return r >= 0 || r == -EAGAIN ? r : 0;
}

static ssize_t write_some(struct host *h, struct iovec *iov, unsigned n)
{
	ssize_t r;

	do
		r = move(h, iov, n, true);
	while (r == -EINTR);
	if (r == -EAGAIN)
		h->writable = false;
	/* Nothing was asked to be written in vain: a file that takes no byte is full. */
	return r == 0 ? -ENOSPC : r;
}

/* Puts the rest of a packet behind what waits already. The ring wraps at its end. */
static int keep(struct host *h, struct iovc *data, size_t len)
{
	size_t at = (h->start + h->used) % HOST_RING_BYTES, first = HOST_RING_BYTES - at;

	if (!h->ring)
		h->ring = malloc(HOST_RING_BYTES);
	if (!h->ring)
		return -ENOMEM;
	if (first > len)
		first = len;
	iovc_read(data, h->ring + at, first);
	iovc_read(data, h->ring, len - first);
	h->used += (uint32_t)len;
	return 0;
}

ssize_t host_write(struct host *h, struct iovc *data, size_t len)
{
	size_t done = 0;
	int r;

	/* Straight from guest memory while nothing older waits. */
	while (done < len && h->used == 0 && h->writable) {
		struct iovec iov[VQ_IOV_MAX];
		unsigned n = iovc_peek(data, len - done, iov, VQ_IOV_MAX);
		ssize_t w = write_some(h, iov, n);

		if (w == -EAGAIN)
			break;
		if (w < 0)
			return w;
		iovc_skip(data, (size_t)w);
		done += (size_t)w;
	}
	r = done < len ? keep(h, data, len - done) : 0;
	return r < 0 ? r : (ssize_t)done;
}

ssize_t host_flush(struct host *h)
{
	size_t done = 0;

	while (h->used && h->writable) {
		uint32_t first = HOST_RING_BYTES - h->start;
		struct iovec iov[2] = {
			{ h->ring + h->start, h->used < first ? h->used : first },
			{ h->ring, h->used < first ? 0 : h->used - first },
		};
		ssize_t w = write_some(h, iov, iov[1].iov_len ? 2 : 1);

		if (w == -EAGAIN)
			break;
		if (w < 0)
			return w;
		h->start = (h->start + (uint32_t)w) % HOST_RING_BYTES;
		h->used -= (uint32_t)w;
		done += (size_t)w;
	}
	return (ssize_t)done;
}

void host_end_writing(struct host *h)
{
	if (h->kind == HOST_SOCKET)
		shutdown(h->fd, SHUT_WR);
}

void host_end_reading(struct host *h)
{
	if (h->kind == HOST_SOCKET)
		shutdown(h->fd, SHUT_RD);
}
