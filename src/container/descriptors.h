/*
 * Descriptors beyond the standard streams that a container's process gets: the caller's, whose
 * bytes, files or connections reach the guest (fd_kind.h says by which of these).
 */
#pragma once

#include "agent/agent.pb-c.h"
#include "anchor/anchor.h"
#include "base/err.h"
#include "container/fd_kind.h"
#include "container/stdio.h"
#include "rpc/ports.h"

/* Numbers 3 to 2 + count of this process, which are open. The first `listen` are of LISTEN_FDS. */
struct passed_fds {
	unsigned count, listen;
	const char *names; /* LISTEN_FDNAMES, or NULL */
};

/* What errors call the i-th one's origin. */
const char *passed_fds_source(const struct passed_fds *fds, unsigned i);

struct descriptors {
	const struct passed_fds *passed;

	struct descriptor {
		struct fd_facts facts;
		uint64_t token;		    /* of a stream */
		char share[SHARE_NAME_MAX]; /* of a file */
	} v[DESCRIPTORS_MAX];
};

/* Looks at them; refuses those that cannot cross. passed must last. */
int descriptors_open(
	struct descriptors *d, const struct passed_fds *passed, struct err *err) CHECKED;

/* Adds the streams among them to s. */
int descriptors_add_streams(struct descriptors *d, struct stdio *s, struct err *err) CHECKED;

/*
 * Gives the files among them to vmrun-vm for as long as the connection ctl lasts, under names that
 * begin with prefix.
 */
int descriptors_share(struct descriptors *d, int ctl, const char *prefix, struct err *err) CHECKED;

/* Writes all into the message, and what the program is to know into its environment. */
int descriptors_describe(
	const struct descriptors *d, Vmrun__Agent__Process *to, struct err *err) CHECKED;

/* Appends the listening ones to the anchor's sockets, which have room for them. */
void descriptors_add_sockets(
	const struct descriptors *d, struct anchor_socket *sockets, unsigned *count);

/* They are where they are to be: our own go, so that their ends are seen. */
void descriptors_release(const struct passed_fds *passed);
