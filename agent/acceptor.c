/* Listening sockets: see acceptor.h. They are in the agent's network namespace: the pod's. */
#include "agent/acceptor.h"

#include "agent/scratch.h"
#include "base/auto.h"
#include "base/path.h"

#include <fcntl.h>
#include <netinet/in.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/un.h>

/* The folder in a container's scratch one in which paths are bound. */
#define BIND_FOLDER "listener"

union address {
	struct sockaddr any;
	struct sockaddr_storage storage;
	struct sockaddr_un un;
	struct sockaddr_in in;
	struct sockaddr_in6 in6;
};

/* A name of the kernel's choice. */
static int autobind(int fd)
{
	const struct sockaddr family = { .sa_family = AF_UNIX };

	return bind(fd, &family, sizeof(family.sa_family)) < 0 ? -errno : 0;
}

/*
 * The name that a socket tells is the one it was bound to. So that it is the host's, and no file is
 * made in the container, it is bound with an empty folder for a root. The agent has one thread.
 */
static int bind_below(int folder, int fd, const union address *a, socklen_t len)
{
	AUTO_CLOSE int root = open("/", O_PATH | O_DIRECTORY | O_CLOEXEC);
	int r;

	if (root < 0 || fchdir(folder) < 0)
		return -errno;
	r = chroot(".") < 0 || bind(fd, &a->any, len) < 0 ? -errno : 0;
	if (fchdir(root) < 0 || chroot(".") < 0)
		abort(); /* our own root cannot refuse us */
	return r;
}

/* *ret: O_PATH of the socket, whose name is gone again. */
static int bind_path(int scratch, int fd, const union address *a, socklen_t len, int *ret)
{
	char path[sizeof(a->un.sun_path) + 1] = "";
	AUTO_CLOSE int folder = -1;
	AUTO_CLOSE int parent = -1;
	int r;

	memcpy(path, a->un.sun_path, len - offsetof(struct sockaddr_un, sun_path));
	if (mkdirat(scratch, BIND_FOLDER, 0700) < 0)
		return -errno;
	folder = openat(scratch, BIND_FOLDER, O_PATH | O_DIRECTORY | O_CLOEXEC);
	parent = folder < 0 ? -errno : mkdir_parent_in_root(folder, path, 0700);
	r = parent < 0 ? parent : bind_below(folder, fd, a, len);
	if (r == 0)
		*ret = r = open_in_root(folder, path, O_PATH | O_NOFOLLOW, 0);
	(void)!remove_tree(scratch, BIND_FOLDER);
	return r < 0 ? r : 0;
}

static int bind_unix(const struct agent *agent, const char *container, int fd,
	const union address *a, socklen_t len, struct acceptor *l, struct err *err)
{
	AUTO_CLOSE int scratch = -1;
	int r = -EADDRNOTAVAIL;

	if (len > offsetof(struct sockaddr_un, sun_path) && a->un.sun_path[0]) {
		scratch = scratch_open(agent, container, err);
		if (scratch < 0)
			return scratch;
		r = bind_path(scratch, fd, a, len, &l->file);
	} else if (len > offsetof(struct sockaddr_un, sun_path)) {
		r = bind(fd, &a->any, len) < 0 ? -errno : 0;
	}
	if (r < 0)
		r = autobind(fd);
	return r < 0 ? err_sys(err, -r, "bind") : 0;
}

static void set_wildcard(union address *a)
{
	if (a->any.sa_family == AF_INET)
		a->in.sin_addr.s_addr = htonl(INADDR_ANY);
	else
		a->in6.sin6_addr = in6addr_any;
}

/* What is bound to all addresses is reached by the loopback interface. */
static void set_loopback(union address *a)
{
	if (a->any.sa_family == AF_INET && a->in.sin_addr.s_addr == htonl(INADDR_ANY))
		a->in.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	else if (a->any.sa_family == AF_INET6 && IN6_IS_ADDR_UNSPECIFIED(&a->in6.sin6_addr))
		a->in6.sin6_addr = in6addr_loopback;
}

static int bind_inet(int fd, const union address *a, socklen_t len, bool v6_only, struct err *err)
{
	bool v6 = a->any.sa_family == AF_INET6;
	union address other = *a;
	int one = 1, only = v6_only;

	if (setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof(one)) < 0 ||
		(v6 && setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &only, sizeof(only)) < 0))
		return err_sys(err, errno, "options");
	if (bind(fd, &a->any, len) == 0)
		return 0;
	set_wildcard(&other);
	/* An address of the host that the pod does not have. */
	if (errno == EADDRNOTAVAIL && bind(fd, &other.any, len) == 0)
		return 0;
	return err_sys(
		err, errno, "port %u of the pod", ntohs(v6 ? a->in6.sin6_port : a->in.sin_port));
}

static int bind_any(const struct agent *agent, const char *container, int fd,
	const union address *a, socklen_t len, const Vmrun__Agent__Descriptor *d,
	struct acceptor *l, struct err *err)
{
	if (a->any.sa_family == AF_UNIX)
		return bind_unix(agent, container, fd, a, len, l, err);
	return bind_inet(fd, a, len, d->v6_only, err);
}

static bool is_known(const union address *a, size_t len)
{
	switch (a->any.sa_family) {
	case AF_UNIX:
		return len <= sizeof(a->un);
	case AF_INET:
		return len == sizeof(a->in);
	case AF_INET6:
		return len == sizeof(a->in6);
	default:
		return false;
	}
}

int acceptor_open(const struct agent *a, const char *container, const Vmrun__Agent__Descriptor *d,
	struct acceptor *ret, struct err *err)
{
	struct acceptor l = { .file = -1, .address_len = sizeof(l.address) };
	socklen_t len = (socklen_t)d->address.len;
	union address address = { 0 };
	AUTO_CLOSE int fd = -1;
	int r;

	if (d->address.len < sizeof(address.any.sa_family) || d->address.len > sizeof(address))
		return err_set(err, EINVAL, "an address of %zu bytes", d->address.len);
	memcpy(&address, d->address.data, d->address.len);
	if (!is_known(&address, d->address.len))
		return err_set(err, EINVAL, "an address of family %d", address.any.sa_family);
	fd = socket(address.any.sa_family, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (fd < 0)
		return err_sys(err, errno, "socket of family %d", address.any.sa_family);
	r = bind_any(a, container, fd, &address, len, d, &l, err);
	if (r == 0 && (listen(fd, SOMAXCONN) < 0 ||
			      getsockname(fd, (struct sockaddr *)&l.address, &l.address_len) < 0))
		r = err_sys(err, errno, "listen");
	if (r < 0) {
		acceptor_done(&l);
		return r;
	}
	*ret = l;
	return steal_fd(&fd);
}

void acceptor_done(struct acceptor *l)
{
	close_fd(&l->file);
}

int acceptor_connect(const struct acceptor *l)
{
	union address to = { .storage = l->address };
	socklen_t len = l->address_len;
	AUTO_CLOSE int fd = socket(to.any.sa_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);

	if (l->file >= 0) {
		snprintf(to.un.sun_path, sizeof(to.un.sun_path), "/proc/self/fd/%d", l->file);
		len = sizeof(to.un);
	} else {
		set_loopback(&to);
	}
	if (fd < 0 || (connect(fd, &to.any, len) < 0 && errno != EINPROGRESS))
		return -errno;
	return steal_fd(&fd);
}

int acceptors_connect(const struct acceptors *all, unsigned number, struct err *err)
{
	for (size_t i = 0; i < all->count; i++) {
		int fd;

		if (all->list[i].number != number)
			continue;
		fd = acceptor_connect(&all->list[i]);
		return fd < 0 ? err_sys(err, -fd, "descriptor %u", number) : fd;
	}
	return err_set(err, ENOENT, "descriptor %u is no listening socket", number);
}

void acceptors_done(struct acceptors *all)
{
	for (size_t i = 0; i < all->count; i++)
		acceptor_done(&all->list[i]);
	free(all->list);
	*all = (struct acceptors){ 0 };
}
