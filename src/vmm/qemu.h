/*
 * The second monitor: QEMU with KVM or TCG as a child process, for hosts on which the machine of
 * our own cannot run. Our vsock and virtio-fs serve it over vhost-user; its rng, console and timers
 * are its own. All channels are sockets that it inherits: no path, no port, no configuration file.
 * Loop thread.
 */
#pragma once

#include "base/err.h"
#include "base/loop.h"
#include "vmm/arch.h"

struct qemu;

/* A device of ours that QEMU gets over vhost-user. */
struct qemu_device {
	const char *id;	  /* unique */
	const char *type; /* of -device, without the transport: "vhost-user-fs" */
	char options[96]; /* ",property=value..."; or empty */
};

#define QEMU_DEVICES_MAX 8

struct qemu_config {
	struct loop *loop;
	const char *binary; /* path of the qemu-system-… of this architecture */
	struct arch_platform platform;
	uint64_t memory_mib;
	unsigned vcpus;
	unsigned spare; /* processors beside vcpus that the guest may start later */
	const struct qemu_device *device; /* in slot order; read by qemu_start() only */
	unsigned devices;
	/* As QEMU sees them, once child() has run. */
	const char *kernel, *initrd;
	const char *cmdline;
	/*
	 * In QEMU's process before it becomes QEMU: confinement; the descriptors that it is to keep
	 * are not touched. Only async-signal-safe calls. A negative return ends it.
	 */
	int (*child)(void *arg);
	void *child_arg;
	/* The machine is made; its processors run. */
	void (*running)(void *arg);
	/* What the guest writes to its consoles. */
	void (*output)(void *arg, uint8_t byte);
	/* QEMU is gone; called once. */
	void (*ended)(void *arg, enum machine_end why);
	void *arg;
};

/* Starts QEMU, which waits for the devices' back ends. Before the process has further threads. */
int qemu_start(const struct qemu_config *config, struct qemu **ret, struct err *err) CHECKED;

/* Our end of the vhost-user socket of config.device[device]; the caller owns it from now on. */
int qemu_take_socket(struct qemu *q, unsigned device);

enum qemu_order {
	QEMU_PAUSE,
	QEMU_RESUME,
	QEMU_POWER_OFF, /* by ACPI: the guest decides */
	QEMU_QUIT,
};

/* Gives an order without waiting for it. 0 or -errno. */
int qemu_order(struct qemu *q, enum qemu_order order) CHECKED;
/* Asks the guest to live with so much memory; it gives back what it can. */
int qemu_balloon(struct qemu *q, uint64_t memory_mib) CHECKED;
