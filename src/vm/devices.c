/* The table of devices: see devices.h. The row number is the slot, so rows are only ever appended.
 */
#include "vm/devices.h"

#include "base/auto.h"
#include "rpc/ports.h"

#include <sys/resource.h>

#define REQUEST_QUEUES_MAX 4
#define INODES_MIN	   256
#define INODES_MAX	   400000

static int new_console(const struct devices_config *c, struct devices *d, struct vdev **ret)
{
	int r = console_new(
		c->loop, machine_memory(c->machine), c->log_fd, c->log_max_bytes, &d->console);

	if (r == 0)
		*ret = console_vdev(d->console);
	return r;
}

static int new_rng(const struct devices_config *c, struct devices *d, struct vdev **ret)
{
	int r = rng_new(c->loop, machine_memory(c->machine), &d->rng);

	if (r == 0)
		*ret = rng_vdev(d->rng);
	return r;
}

static int new_vsock(const struct devices_config *c, struct devices *d, struct vdev **ret)
{
	int r = vsock_new(c->loop, machine_memory(c->machine), VSOCK_CID_GUEST, c->vsock_up, c->arg,
		&d->vsock);

	if (r == 0)
		r = vsock_listen(d->vsock, VSOCK_PORT_READY, c->agent_dialled, c->arg);
	if (r == 0)
		*ret = vsock_vdev(d->vsock);
	return r;
}

/* What is not for inodes is for open files, streams and the control socket. */
static unsigned inodes_max(void)
{
	struct rlimit nofile;
	rlim_t share;

	if (getrlimit(RLIMIT_NOFILE, &nofile) < 0)
		return INODES_MIN;
	share = nofile.rlim_cur / 4 * 3;
	return share < INODES_MIN ? INODES_MIN : share > INODES_MAX ? INODES_MAX : (unsigned)share;
}

static int new_fs(const struct devices_config *c, struct devices *d, struct vdev **ret)
{
	struct fs_config config = {
		.tag = SHARE_TAG,
		.request_queues = c->vcpus < REQUEST_QUEUES_MAX ? c->vcpus : REQUEST_QUEUES_MAX,
		.proc_self_fd = c->proc_self_fd,
		.inodes_max = inodes_max(),
		.worker_start = c->worker_start,
		.arg = c->arg,
	};
	int r = fs_new(&config, machine_memory(c->machine), &d->fs);

	if (r == 0)
		*ret = fs_vdev(d->fs);
	return r;
}

static const struct {
	const char *name;
	int (*make)(const struct devices_config *c, struct devices *d, struct vdev **ret);
} table[] = {
	{ "console", new_console },
	{ "rng", new_rng },
	{ "vsock", new_vsock },
	{ "fs", new_fs },
};

int devices_new(const struct devices_config *config, struct devices *ret, struct err *err)
{
	for (size_t i = 0; i < ARRAY_LEN(table); i++) {
		struct vdev *dev;
		int r = table[i].make(config, ret, &dev);

		if (r < 0)
			return err_sys(err, -r, "%s device", table[i].name);
		r = machine_add_device(config->machine, dev, err);
		if (r < 0)
			return r;
	}
	return 0;
}
