/*
 * The table of devices: see devices.h. The row number is the slot, so rows are only ever appended,
 * and what a pod may do without is in the last ones.
 */
#include "vm/devices.h"

#include "base/auto.h"
#include "rpc/ports.h"

#include <fcntl.h>
#include <string.h>
#include <sys/resource.h>

#define REQUEST_QUEUES_MAX 4
#define INODES_MIN	   256
#define INODES_MAX	   400000
#define LOCKS_MIN	   64
#define LOCKS_MAX	   8192

typedef int make_fn(const struct devices_config *c, const struct gmem *gm, struct devices *d,
	struct vdev **ret);

static int new_console(
	const struct devices_config *c, const struct gmem *gm, struct devices *d, struct vdev **ret)
{
	int r = console_new(c->loop, gm, c->log_fd, c->log_max_bytes, &d->console);

	if (r == 0)
		*ret = console_vdev(d->console);
	return r;
}

static int new_rng(
	const struct devices_config *c, const struct gmem *gm, struct devices *d, struct vdev **ret)
{
	int r = rng_new(c->loop, gm, &d->rng);

	if (r == 0)
		*ret = rng_vdev(d->rng);
	return r;
}

static int new_vsock(
	const struct devices_config *c, const struct gmem *gm, struct devices *d, struct vdev **ret)
{
	/* QEMU keeps the queue of events to itself. */
	int r = vsock_new(c->loop, gm, VSOCK_CID_GUEST, c->qemu ? VSOCK_PACKET_QUEUES : 0,
		c->vsock_up, c->arg, &d->vsock);

	if (r == 0)
		r = vsock_listen(d->vsock, VSOCK_PORT_READY, c->agent_dialled, c->arg);
	if (r == 0)
		*ret = vsock_vdev(d->vsock);
	return r;
}

/* So many 32ths of the descriptors that we may have. */
static unsigned descriptors(unsigned parts, unsigned min, unsigned max)
{
	struct rlimit nofile;
	rlim_t share;

	if (getrlimit(RLIMIT_NOFILE, &nofile) < 0)
		return min;
	share = nofile.rlim_cur / 32 * parts;
	return share < min ? min : share > max ? max : (unsigned)share;
}

unsigned devices_fs_queues(unsigned vcpus)
{
	return vcpus < REQUEST_QUEUES_MAX ? vcpus : REQUEST_QUEUES_MAX;
}

static int new_fs(const struct devices_config *c, const struct gmem *gm, const char *tag,
	bool locks, int proc_self_fd, struct fs **fs, struct vdev **ret)
{
	struct fs_config config = {
		.tag = tag,
		.beliefs_xattr = SHARE_BELIEFS_XATTR,
		.request_queues = devices_fs_queues(c->vcpus),
		.proc_self_fd = proc_self_fd,
		/* What is not for these is for open files, streams and the control socket. */
		.inodes_max = descriptors(c->volumes ? 12 : 24, INODES_MIN, INODES_MAX),
		.locks_max = locks ? descriptors(1, LOCKS_MIN, LOCKS_MAX) : 0,
		.worker_start = c->worker_start,
		.crowded = c->fs_crowded,
		.lock_waiting = c->fs_lock_waiting,
		.events = strcmp(tag, VOLUMES_TAG) == 0 ? c->fs_events : NULL,
		.arg = c->arg,
	};
	int r = fs_new(&config, gm, fs);

	if (r == 0)
		*ret = fs_vdev(*fs);
	return r;
}

static int new_roots(
	const struct devices_config *c, const struct gmem *gm, struct devices *d, struct vdev **ret)
{
	return new_fs(c, gm, SHARE_TAG, c->root_locks, c->proc_self_fd, &d->roots, ret);
}

static int new_volumes(
	const struct devices_config *c, const struct gmem *gm, struct devices *d, struct vdev **ret)
{
	int proc;

	*ret = NULL;
	if (!c->volumes)
		return 0;
	proc = fcntl(c->proc_self_fd, F_DUPFD_CLOEXEC, 3);
	return proc < 0 ? -errno : new_fs(c, gm, VOLUMES_TAG, true, proc, &d->volumes, ret);
}

#define NOT_FOR_QEMU QEMU_DEVICES

static const struct {
	const char *name;
	make_fn *make;
	enum qemu_device in_qemu;
} table[] = {
	{ "console", new_console, NOT_FOR_QEMU },
	{ "rng", new_rng, NOT_FOR_QEMU },
	{ "vsock", new_vsock, QEMU_VSOCK },
	{ "fs", new_roots, QEMU_FS },
	{ "volumes", new_volumes, QEMU_VOLUMES },
};

static int plug_into_machine(
	const struct devices_config *c, size_t row, struct devices *d, struct err *err)
{
	struct vdev *dev;
	int r = table[row].make(c, machine_memory(c->machine), d, &dev);

	if (r < 0)
		return err_sys(err, -r, "%s device", table[row].name);
	return dev ? machine_add_device(c->machine, dev, err) : 0;
}

static int serve_qemu(
	const struct devices_config *c, size_t row, struct devices *d, struct err *err)
{
	enum qemu_device which = table[row].in_qemu;
	struct vdev *dev;
	int r;

	if (which == NOT_FOR_QEMU)
		return 0;
	r = table[row].make(c, &d->memory[which], d, &dev);
	if (r == 0 && dev)
		r = vhost_user_new(c->loop, dev, &d->memory[which],
			qemu_take_socket(c->qemu, which), c->front_end_gone, c->arg,
			&d->transport[which]);
	return r < 0 ? err_sys(err, -r, "%s device", table[row].name) : 0;
}

int devices_new(const struct devices_config *config, struct devices *ret, struct err *err)
{
	int r = 0;

	for (size_t i = 0; r == 0 && i < ARRAY_LEN(table); i++)
		r = config->qemu ? serve_qemu(config, i, ret, err)
				 : plug_into_machine(config, i, ret, err);
	return r;
}
