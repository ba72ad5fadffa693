/* Further descriptors: see descriptors.h. */
#include "container/descriptors.h"

#include "base/auto.h"
#include "base/str.h"
#include "container/process.h"
#include "pod/share.h"
#include "rpc/vmctl.h"

#include <fcntl.h>
#include <netinet/in.h>
#include <stdio.h>
#include <sys/socket.h>

static int number_of(unsigned i)
{
	return DESCRIPTOR_FIRST + (int)i;
}

const char *passed_fds_source(const struct passed_fds *fds, unsigned i)
{
	return i < fds->listen ? "LISTEN_FDS" : "--preserve-fds";
}

int descriptors_open(struct descriptors *d, const struct passed_fds *passed, struct err *err)
{
	int r = 0;

	d->passed = passed;
	for (unsigned i = 0; r == 0 && i < passed->count; i++)
		r = fd_classify(number_of(i), passed_fds_source(passed, i), (unsigned)number_of(i),
			&d->v[i].facts, err);
	return r;
}

int descriptors_add_streams(struct descriptors *d, struct stdio *s, struct err *err)
{
	int r = 0;

	for (unsigned i = 0; r == 0 && i < d->passed->count; i++) {
		struct descriptor *v = &d->v[i];

		if (v->facts.kind == FD_STREAM)
			r = stdio_add(s, number_of(i), v->facts.readable, v->facts.writable,
				&v->token, err);
	}
	return r;
}

/* As all shares a name only: what may be done with it is said by the flags, and by the host. */
static int share_one(unsigned i, struct descriptor *v, int ctl, const char *prefix, struct err *err)
{
	/* Of a directory no more than its own mode says, as without a virtual machine. */
	bool read_only = !v->facts.directory && !v->facts.writable;
	char path[40];
	AUTO_CLOSE int fd = -1;

	snprintf(path, sizeof(path), "/proc/self/fd/%d", number_of(i));
	fd = open(path, O_PATH | O_CLOEXEC);
	if (fd < 0)
		return err_sys(err, errno, "descriptor %d", number_of(i));
	snprintf(v->share, sizeof(v->share), "%sd%d", prefix, number_of(i));
	return share_add(ctl, v->share, fd,
		(read_only ? VMCTL_SHARE_RO : 0U) | (v->facts.directory ? 0U : VMCTL_SHARE_FILE) |
			VMCTL_SHARE_LEASED,
		err);
}

int descriptors_share(struct descriptors *d, int ctl, const char *prefix, struct err *err)
{
	int r = 0;

	for (unsigned i = 0; r == 0 && i < d->passed->count; i++)
		if (d->v[i].facts.kind == FD_FILE)
			r = share_one(i, &d->v[i], ctl, prefix, err);
	return r;
}

static int describe_file(const struct descriptor *v, Vmrun__Agent__Descriptor *to)
{
	to->kind = VMRUN__AGENT__DESCRIPTOR__KIND__FILE;
	to->offset = v->facts.offset;
	to->file = malloc(sizeof(*to->file));
	if (!to->file)
		return -ENOMEM;
	vmrun__agent__share_ref__init(to->file);
	to->file->share = strdup(v->share);
	return to->file->share ? 0 : -ENOMEM;
}

static int describe_listener(unsigned i, Vmrun__Agent__Descriptor *to)
{
	struct sockaddr_storage address;
	socklen_t len = sizeof(address);
	int only = 0;
	socklen_t only_len = sizeof(only);

	to->kind = VMRUN__AGENT__DESCRIPTOR__KIND__LISTENER;
	if (getsockname(number_of(i), (struct sockaddr *)&address, &len) < 0)
		return -errno;
	if (address.ss_family == AF_INET6)
		(void)getsockopt(number_of(i), IPPROTO_IPV6, IPV6_V6ONLY, &only, &only_len);
	to->v6_only = only;
	to->address.data = malloc(len);
	if (!to->address.data)
		return -ENOMEM;
	memcpy(to->address.data, &address, len);
	to->address.len = len;
	return 0;
}

static int describe_one(unsigned i, const struct descriptor *v, Vmrun__Agent__Descriptor *to)
{
	to->flags = (uint32_t)v->facts.flags;
	switch (v->facts.kind) {
	case FD_STREAM:
		to->kind = VMRUN__AGENT__DESCRIPTOR__KIND__STREAM;
		to->token = v->token;
		to->from_host = v->facts.readable;
		to->to_host = v->facts.writable;
		return 0;
	case FD_FILE:
		return describe_file(v, to);
	case FD_LISTENER:
		return describe_listener(i, to);
	case FD_DEVICE:
		to->kind = VMRUN__AGENT__DESCRIPTOR__KIND__DEVICE;
		to->minor = v->facts.minor;
		return 0;
	}
	return -EINVAL;
}

/* The container's first process has number 1 there. */
static int set_listen_env(const struct passed_fds *fds, Vmrun__Agent__Process *to, struct err *err)
{
	char count[12];
	int r;

	if (fds->listen == 0)
		return 0;
	snprintf(count, sizeof(count), "%u", fds->listen);
	r = process_set_env(to, "LISTEN_FDS", count, err);
	if (r == 0)
		r = process_set_env(to, "LISTEN_PID", "1", err);
	return r || !fds->names ? r : process_set_env(to, "LISTEN_FDNAMES", fds->names, err);
}

int descriptors_describe(const struct descriptors *d, Vmrun__Agent__Process *to, struct err *err)
{
	if (d->passed->count == 0)
		return 0;
	to->descriptors = calloc(d->passed->count, sizeof(*to->descriptors));
	if (!to->descriptors)
		return err_sys(err, ENOMEM, "descriptors");
	for (unsigned i = 0; i < d->passed->count; i++) {
		Vmrun__Agent__Descriptor *one = malloc(sizeof(*one));
		int r;

		if (!one)
			return err_sys(err, ENOMEM, "descriptors");
		vmrun__agent__descriptor__init(one);
		to->descriptors[to->n_descriptors++] = one;
		r = describe_one(i, &d->v[i], one);
		if (r < 0)
			return err_sys(err, -r, "descriptor %d", number_of(i));
	}
	return set_listen_env(d->passed, to, err);
}

void descriptors_add_sockets(
	const struct descriptors *d, struct anchor_socket *sockets, unsigned *count)
{
	for (unsigned i = 0; i < d->passed->count; i++)
		if (d->v[i].facts.kind == FD_LISTENER)
			sockets[(*count)++] = (struct anchor_socket){
				.fd = number_of(i),
				.share = "",
				.number = (unsigned)number_of(i),
			};
}

void descriptors_release(const struct passed_fds *passed)
{
	for (unsigned i = 0; i < passed->count; i++)
		close(number_of(i));
}
