/* A stream connection and its host end: see conn.h. */
#include "dev/vsock/conn.h"

#include "base/auto.h"

#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

static enum host_kind kind_of(int fd)
{
	struct stat st;
	int flags = fcntl(fd, F_GETFL);

	if (fstat(fd, &st) == 0 && S_ISSOCK(st.st_mode))
		return HOST_SOCKET;
	return flags >= 0 && (flags & O_NONBLOCK) ? HOST_NONBLOCK : HOST_BLOCKING;
}

void conn_attach(struct conn *c, const struct vsock_host_end *end)
{
	c->kind = kind_of(end->fd);
	c->fd = end->fd;
	c->done_fd = end->done_fd;
}

int conn_watch(struct conn *c, struct loop *loop, loop_fd_fn *fn)
{
	int r = loop_fd_add(loop, "stream", c->fd, 0, fn, c, &c->lf);

	if (r == -EPERM) {
		/* epoll cannot watch regular files and the null device: they are always ready. */
		c->kind = HOST_FILE;
		c->readable = c->sending;
		return 0;
	}
	return r;
}

void conn_detach(struct conn *c)
{
	loop_fd_remove(c->lf);
	c->lf = NULL;
	close_fd(&c->fd);
	close_fd(&c->done_fd);
	buf_done(&c->out);
	buf_done(&c->preamble);
}

uint32_t conn_credit(const struct conn *c)
{
	uint32_t in_flight = c->tx_cnt - c->peer_fwd;

	/* A guest that shrinks its buffer under what is in flight must not gain credit by the wrap.
	 */
	return in_flight >= c->peer_alloc ? 0 : c->peer_alloc - in_flight;
}

bool conn_has_work(const struct conn *c)
{
	if (c->reset)
		return false;
	if (c->pending)
		return true;
	return !c->connecting && c->sending && (c->preamble.len || c->readable) && conn_credit(c);
}

bool conn_over(const struct conn *c)
{
	return !c->connecting && !c->sending && !c->receiving && c->out.len == 0;
}

void conn_update_events(struct conn *c)
{
	uint32_t want = 0;

	if (!c->lf)
		return;
	if (c->sending && !c->connecting && !c->readable && c->preamble.len == 0 && conn_credit(c))
		want |= EPOLLIN;
	if (c->out.len)
		want |= EPOLLOUT;
	if (want == c->events)
		return;
	if (loop_fd_events(c->lf, want) == 0)
		c->events = want;
}

static bool ready_for(const struct conn *c, short events)
{
	struct pollfd p = { .fd = c->fd, .events = events };

	return poll(&p, 1, 0) > 0;
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

static ssize_t read_preamble(struct conn *c, const struct iovec *iov)
{
	size_t n = c->preamble.len < iov[0].iov_len ? c->preamble.len : iov[0].iov_len;

	memcpy(iov[0].iov_base, c->preamble.data, n);
	buf_consume(&c->preamble, n);
	return (ssize_t)n;
}

ssize_t conn_read(struct conn *c, const struct iovec *iov, unsigned n)
{
	struct iovec part[VQ_IOV_MAX];
	ssize_t got;

	if (c->preamble.len)
		return read_preamble(c, iov);
	if (c->preamble_only)
		return 0;
	memcpy(part, iov, n * sizeof(*iov));
	if (c->kind == HOST_BLOCKING) {
		if (!ready_for(c, POLLIN))
			return -EAGAIN;
		n = limit(part, n, PIPE_BUF);
	}
	do {
		struct msghdr msg = { .msg_iov = part, .msg_iovlen = n };

		got = c->kind == HOST_SOCKET ? recvmsg(c->fd, &msg, MSG_DONTWAIT)
					     : readv(c->fd, part, (int)n);
	} while (got < 0 && errno == EINTR);
	return got < 0 ? -errno : got;
}

static ssize_t write_host(struct conn *c, const struct iovec *iov, unsigned n)
{
	struct iovec part[VQ_IOV_MAX];
	ssize_t done;

	memcpy(part, iov, n * sizeof(*iov));
	if (c->kind == HOST_BLOCKING) {
		if (!ready_for(c, POLLOUT))
			return -EAGAIN;
		n = limit(part, n, PIPE_BUF);
	}
	do {
		struct msghdr msg = { .msg_iov = part, .msg_iovlen = n };

		done = c->kind == HOST_SOCKET ? sendmsg(c->fd, &msg, MSG_DONTWAIT | MSG_NOSIGNAL)
					      : writev(c->fd, part, (int)n);
	} while (done < 0 && errno == EINTR);
	return done < 0 ? -errno : done;
}

static void tell_shutdown(struct conn *c, uint32_t flag)
{
	if (c->shutdown & flag)
		return;
	c->shutdown |= flag;
	c->pending |= PENDING_SHUTDOWN;
}

void conn_end_sending(struct conn *c)
{
	c->sending = false;
	c->readable = false;
	buf_done(&c->preamble);
	tell_shutdown(c, VSOCK_SHUTDOWN_SEND);
}

void conn_end_receiving(struct conn *c)
{
	c->receiving = false;
	buf_done(&c->out);
	tell_shutdown(c, VSOCK_SHUTDOWN_RECEIVE);
}

/* The guest will send no more and all is written: the host's reader sees end of file. */
static void finish_receiving(struct conn *c)
{
	c->receiving = false;
	if (c->kind == HOST_SOCKET)
		shutdown(c->fd, SHUT_WR);
}

static void forwarded(struct conn *c, size_t n)
{
	c->fwd_cnt += (uint32_t)n;
	if (c->fwd_cnt - c->fwd_told >= CONN_BUFFER_BYTES / 4)
		c->pending |= PENDING_CREDIT;
}

void conn_flush(struct conn *c)
{
	while (c->out.len && c->receiving) {
		struct iovec iov = { .iov_base = c->out.data, .iov_len = c->out.len };
		ssize_t n = write_host(c, &iov, 1);

		if (n == -EAGAIN)
			return;
		if (n < 0) {
			conn_end_receiving(c);
			return;
		}
		buf_consume(&c->out, (size_t)n);
		forwarded(c, (size_t)n);
	}
	if (c->receiving && c->guest_done && c->out.len == 0)
		finish_receiving(c);
}

/* Straight from the guest's buffers, as long as nothing older waits. Returns the bytes written. */
static size_t write_through(struct conn *c, struct iovc *data, size_t n)
{
	struct iovec iov[VQ_IOV_MAX];
	size_t done = 0;

	while (done < n && c->out.len == 0) {
		unsigned count = iovc_peek(data, n - done, iov, VQ_IOV_MAX);
		ssize_t w = write_host(c, iov, count);

		if (w == -EAGAIN)
			break;
		if (w < 0) {
			conn_end_receiving(c);
			break;
		}
		iovc_skip(data, (size_t)w);
		forwarded(c, (size_t)w);
		done += (size_t)w;
	}
	return done;
}

int conn_receive(struct conn *c, struct iovc *data, size_t n)
{
	size_t done;

	c->rx_cnt += (uint32_t)n;
	if (!c->receiving) {
		/* The guest has been told; what was under way is dropped, but counts as consumed.
		 */
		c->fwd_cnt += (uint32_t)n;
		return 0;
	}
	done = write_through(c, data, n);
	if (!c->receiving || done == n)
		return 0;
	if (buf_reserve(&c->out, n - done) < 0)
		return -ENOMEM;
	c->out.len += iovc_read(data, c->out.data + c->out.len, n - done);
	return 0;
}
