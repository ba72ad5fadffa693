/* Host trees that a container is made of: opened here, served by vmrun-vm (pod/share.h). */
#pragma once

#include "base/err.h"
#include "oci/mounts.h"
#include "oci/share_options.h"
#include "oci/to_agent.h"
#include "rpc/vmctl.h"

#include <limits.h>

/* Names are "<container>.<n>": the rootfs is 0, the bind mounts are 1, 2, ... in their order. */
struct shares {
	int rootfs_fd;	       /* O_PATH */
	uint32_t rootfs_flags; /* VMCTL_SHARE_* */
	struct strv rootfs_submounts;
	char rootfs_name[24];
	char rootfs_path[PATH_MAX]; /* absolute */
	struct mount_bind *binds;
	size_t count;

	struct share {
		int fd; /* O_PATH of the source */
		bool is_socket;
		uint32_t flags; /* VMCTL_SHARE_* */
		struct strv submounts;
		char name[24];
	} * bind;
	struct agent_bind *agent_binds; /* as oci/to_agent.h wants them */
};

#define SHARES_INIT                                                                                \
	{                                                                                          \
		.rootfs_fd = -1                                                                    \
	}

/*
 * Opens rootfs and bind sources; a relative source is one of the bundle's. defaults: for
 * shares of which no annotation says it. err names the field.
 */
int shares_open(struct shares *s, const struct spec *spec, int bundle_dir, const char *bundle,
	const struct share_options *defaults, struct err *err) CHECKED;
/*
 * Gives them to vmrun-vm for as long as the connection ctl lasts. container: its number in the
 * machine. watch: what the host changes in volumes raises events in the guest.
 */
int shares_add(struct shares *s, unsigned container, bool watch, int ctl, struct err *err) CHECKED;
void shares_done(struct shares *s);

DEFINE_AUTO_VAL(shares_done, struct shares)
