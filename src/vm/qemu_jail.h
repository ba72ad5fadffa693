/*
 * The confinement of QEMU's process, put on between fork and exec. With CAP_SYS_ADMIN: own mount,
 * ipc, uts and network namespaces, a read-only root with nothing but programs and libraries,
 * /dev/null, /dev/urandom, a /dev/kvm of its own if that is to be used, and the files that it
 * boots; user nobody, but in a user namespace; no capabilities; no_new_privs. QEMU adds its filter
 * of system calls itself.
 */
#pragma once

#include <stdbool.h>

/* Where QEMU finds what it boots. */
#define QEMU_JAIL_KERNEL "/kernel"
#define QEMU_JAIL_INITRD "/initrd"

struct qemu_jail {
	const char *binary; /* its directory is seen too, wherever that is */
	int kernel_fd, initrd_fd;
	bool kvm;
};

/* Whether we may make it at all; without CAP_SYS_ADMIN QEMU runs as the caller, with no_new_privs.
 */
bool qemu_jail_possible(void);

/* In the child. 0, or -1 after a line on stderr. */
int qemu_jail_enter(const struct qemu_jail *jail);
