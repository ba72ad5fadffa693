/* Further descriptors of processes: see descriptors.h. A function for each kind, and a table. */
#include "agent/descriptors.h"

#include "agent/acceptor.h"
#include "agent/duplex.h"
#include "agent/mounts.h"
#include "agent/stdio.h"
#include "base/auto.h"
#include "base/fd.h"

#include <fcntl.h>
#include <stdio.h>
#include <sys/socket.h>
#include <unistd.h>

/* Others change what is there, or are for whoever has opened it on the host. */
#define OPEN_FLAGS (O_ACCMODE | O_APPEND | O_PATH | O_DIRECTORY)

/* Returns the process's end, or -errno with err. */
typedef int open_fn(const struct descriptors_owner *o, unsigned number,
	const Vmrun__Agent__Descriptor *d, struct err *err);

static int open_stream(const struct descriptors_owner *o, unsigned number,
	const Vmrun__Agent__Descriptor *d, struct err *err)
{
	unsigned directions =
		(d->from_host ? DUPLEX_FROM_HOST : 0U) | (d->to_host ? DUPLEX_TO_HOST : 0U);
	/* Of a pipe the first end is for reading. */
	bool ours_first = d->to_host;
	AUTO_CLOSE int theirs = -1;
	int fds[2], r;

	(void)number;
	if (!directions || !d->token)
		return err_set(err, EINVAL, "a stream without direction or token");
	r = d->from_host && d->to_host ? socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fds)
				       : pipe2(fds, O_CLOEXEC);
	if (r < 0)
		return err_sys(err, errno, "pipe");
	theirs = fds[ours_first];
	r = fd_set_nonblock(fds[!ours_first], true);
	if (r < 0) {
		close(fds[!ours_first]);
		return err_sys(err, -r, "pipe");
	}
	r = stdio_add(o->io, o->agent, fds[!ours_first], d->token, directions);
	return r < 0 ? err_sys(err, -r, "claim of its stream") : steal_fd(&theirs);
}

/* By way of its descriptor: of the mount, which is nowhere, there is no way up to others. */
static int open_file(const struct descriptors_owner *o, unsigned number,
	const Vmrun__Agent__Descriptor *d, struct err *err)
{
	AUTO_CLOSE int mount = mount_source_open(o->agent, d->file, err);
	AUTO_CLOSE int fd = -1;
	char path[40];

	(void)number;
	if (mount < 0)
		return mount;
	snprintf(path, sizeof(path), "/proc/self/fd/%d", mount);
	fd = open(path, (int)(d->flags & OPEN_FLAGS) | O_NOCTTY | O_CLOEXEC);
	if (fd < 0 || (d->offset && lseek(fd, d->offset, SEEK_SET) < 0))
		return err_sys(err, errno, "open");
	return steal_fd(&fd);
}

static int open_listener(const struct descriptors_owner *o, unsigned number,
	const Vmrun__Agent__Descriptor *d, struct err *err)
{
	struct acceptors *all = o->acceptors;
	struct acceptor *more = realloc(all->list, (all->count + 1) * sizeof(*more));
	int fd;

	if (!more)
		return err_sys(err, ENOMEM, "listener");
	all->list = more;
	fd = acceptor_open(o->agent, o->container, d, &more[all->count], err);
	if (fd >= 0)
		more[all->count++].number = number;
	return fd;
}

static int open_device(const struct descriptors_owner *o, unsigned number,
	const Vmrun__Agent__Descriptor *d, struct err *err)
{
	static const struct {
		uint32_t minor;
		const char *path;
	} devices[] = {
		{ 3, "/dev/null" },
		{ 5, "/dev/zero" },
		{ 7, "/dev/full" },
		{ 8, "/dev/random" },
		{ 9, "/dev/urandom" },
	};

	(void)o;
	(void)number;
	for (size_t i = 0; i < ARRAY_LEN(devices); i++) {
		int fd;

		if (devices[i].minor != d->minor)
			continue;
		fd = open(devices[i].path, (int)(d->flags & O_ACCMODE) | O_CLOEXEC);
		return fd < 0 ? err_sys(err, errno, "%s", devices[i].path) : fd;
	}
	return err_set(err, EINVAL, "memory device %u", d->minor);
}

static open_fn *const openers[] = {
	[VMRUN__AGENT__DESCRIPTOR__KIND__STREAM] = open_stream,
	[VMRUN__AGENT__DESCRIPTOR__KIND__FILE] = open_file,
	[VMRUN__AGENT__DESCRIPTOR__KIND__LISTENER] = open_listener,
	[VMRUN__AGENT__DESCRIPTOR__KIND__DEVICE] = open_device,
};

static int open_one(const struct descriptors_owner *o, unsigned number,
	const Vmrun__Agent__Descriptor *d, struct err *err)
{
	AUTO_CLOSE int fd = -1;
	int r;

	if ((unsigned)d->kind >= ARRAY_LEN(openers))
		return err_set(err, EINVAL, "unknown kind %d", d->kind);
	fd = openers[d->kind](o, number, d, err);
	if (fd < 0)
		return fd;
	r = d->flags & O_NONBLOCK ? fd_set_nonblock(fd, true) : 0;
	return r < 0 ? err_sys(err, -r, "O_NONBLOCK") : steal_fd(&fd);
}

int descriptors_open(const struct descriptors_owner *owner, const Vmrun__Agent__Process *spec,
	struct descriptors *ret, struct err *err)
{
	ret->count = 0;
	if (spec->n_descriptors > DESCRIPTORS_MAX)
		return err_set(err, EINVAL, "more than %d descriptors", DESCRIPTORS_MAX);
	while (ret->count < spec->n_descriptors) {
		unsigned number = DESCRIPTOR_FIRST + ret->count;
		int fd = open_one(owner, number, spec->descriptors[ret->count], err);

		if (fd < 0)
			return err_prefix(err, "descriptor %u: ", number);
		ret->fd[ret->count++] = fd;
	}
	return 0;
}

void descriptors_done(struct descriptors *d)
{
	for (unsigned i = 0; i < d->count; i++)
		close_fd(&d->fd[i]);
	d->count = 0;
}

/* Owned by what it was before; the old number goes when the program is executed. */
static int move_above(int *fd, int first)
{
	int moved = *fd >= 0 && *fd < first ? fcntl(*fd, F_DUPFD_CLOEXEC, first) : *fd;

	if (*fd >= 0 && moved < 0)
		return -errno;
	*fd = moved;
	return 0;
}

int descriptors_place(struct descriptors *d, int *const *keep, size_t keep_count, struct err *err)
{
	int first = DESCRIPTOR_FIRST + (int)d->count, r = 0;

	if (d->count == 0)
		return 0;
	for (size_t i = 0; r == 0 && i < keep_count; i++)
		r = move_above(keep[i], first);
	for (unsigned i = 0; r == 0 && i < d->count; i++)
		r = move_above(&d->fd[i], first);
	for (unsigned i = 0; r == 0 && i < d->count; i++)
		if (dup2(d->fd[i], DESCRIPTOR_FIRST + (int)i) < 0)
			r = -errno;
	return r < 0 ? err_sys(err, -r, "descriptors") : 0;
}
