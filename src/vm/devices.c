/*
 * The table of devices: see devices.h. What a pod has of it comes in its order, a slot each, so
 * rows are only ever appended, and what a pod may do without is in the last ones.
 */
#include "vm/devices.h"

#include "base/auto.h"
#include "rpc/ports.h"

#include <fcntl.h>
#include <stdio.h>
#include <sys/resource.h>

#define REQUEST_QUEUES_MAX 4
#define INODES_MIN	   256
#define INODES_MAX	   400000
#define LOCKS_MIN	   64
#define LOCKS_MAX	   8192
#define FS_IN_QEMU	   ",tag=%s,num-request-queues=%u,queue-size=512"

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

static unsigned fs_queues(unsigned vcpus)
{
	return vcpus < REQUEST_QUEUES_MAX ? vcpus : REQUEST_QUEUES_MAX;
}

/* What is different from one fs device to the other. */
struct fs_instance {
	const char *tag;
	bool locks;	  /* the host's; else the guest has them to itself */
	int proc_self_fd; /* owned */
	void (*events)(void *arg);
};

static int new_fs(const struct devices_config *c, const struct gmem *gm,
	const struct fs_instance *one, struct fs **fs, struct vdev **ret)
{
	struct fs_config config = {
		.tag = one->tag,
		.beliefs_xattr = SHARE_BELIEFS_XATTR,
		.request_queues = fs_queues(c->plan.vcpus),
		.proc_self_fd = one->proc_self_fd,
		/* What is not for these is for open files, streams and the control socket. */
		.inodes_max = descriptors(c->plan.volumes ? 12 : 24, INODES_MIN, INODES_MAX),
		.locks_max = one->locks ? descriptors(1, LOCKS_MIN, LOCKS_MAX) : 0,
		.worker_start = c->worker_start,
		.crowded = c->fs_crowded,
		.lock_waiting = c->fs_lock_waiting,
		.events = one->events,
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
	struct fs_instance one = {
		.tag = SHARE_TAG,
		.locks = c->root_locks,
		.proc_self_fd = c->proc_self_fd,
	};

	return new_fs(c, gm, &one, &d->roots, ret);
}

static int new_volumes(
	const struct devices_config *c, const struct gmem *gm, struct devices *d, struct vdev **ret)
{
	struct fs_instance one = {
		.tag = VOLUMES_TAG,
		.locks = true,
		.proc_self_fd = fcntl(c->proc_self_fd, F_DUPFD_CLOEXEC, 3),
		.events = c->fs_events,
	};

	return one.proc_self_fd < 0 ? -errno : new_fs(c, gm, &one, &d->volumes, ret);
}

static bool has_volumes(const struct devices_plan *p)
{
	return p->volumes;
}

static void roots_in_qemu(const struct devices_plan *p, char *to, size_t size)
{
	snprintf(to, size, FS_IN_QEMU, SHARE_TAG, fs_queues(p->vcpus));
}

static void volumes_in_qemu(const struct devices_plan *p, char *to, size_t size)
{
	snprintf(to, size, FS_IN_QEMU, VOLUMES_TAG, fs_queues(p->vcpus));
}

static const struct row {
	const char *name;
	int (*make)(const struct devices_config *c, const struct gmem *gm, struct devices *d,
		struct vdev **ret);
	bool (*wanted)(const struct devices_plan *p); /* NULL: by every pod */
	const char *qemu_type;			      /* NULL: QEMU has one of its own */
	void (*qemu_options)(const struct devices_plan *p, char *to, size_t size); /* or NULL */
} table[] = {
	{ "console", new_console, NULL, NULL, NULL },
	{ "rng", new_rng, NULL, NULL, NULL },
	{ "vsock", new_vsock, NULL, "vhost-user-vsock", NULL },
	{ "fs", new_roots, NULL, "vhost-user-fs", roots_in_qemu },
	{ "volumes", new_volumes, has_volumes, "vhost-user-fs", volumes_in_qemu },
};

static bool is_wanted(const struct row *row, const struct devices_plan *p)
{
	return !row->wanted || row->wanted(p);
}

unsigned devices_in_qemu(const struct devices_plan *p, struct qemu_device ret[QEMU_DEVICES_MAX])
{
	unsigned n = 0;

	for (size_t i = 0; i < ARRAY_LEN(table); i++) {
		const struct row *row = &table[i];

		if (!row->qemu_type || !is_wanted(row, p))
			continue;
		ret[n] = (struct qemu_device){ .id = row->name, .type = row->qemu_type };
		if (row->qemu_options)
			row->qemu_options(p, ret[n].options, sizeof(ret[n].options));
		n++;
	}
	return n;
}

static int plug_into_machine(
	const struct devices_config *c, const struct row *row, struct devices *d, struct err *err)
{
	struct vdev *dev;
	int r = row->make(c, machine_memory(c->machine), d, &dev);

	return r < 0 ? err_sys(err, -r, "%s device", row->name)
		     : machine_add_device(c->machine, dev, err);
}

/* The next of the devices that QEMU was told of. */
static int serve_qemu(
	const struct devices_config *c, const struct row *row, struct devices *d, struct err *err)
{
	unsigned n = d->in_qemu;
	struct vdev *dev;
	int r;

	if (!row->qemu_type)
		return 0;
	r = row->make(c, &d->memory[n], d, &dev);
	if (r == 0)
		r = vhost_user_new(c->loop, dev, &d->memory[n], qemu_take_socket(c->qemu, n),
			c->front_end_gone, c->arg, &d->transport[n]);
	d->in_qemu++;
	return r < 0 ? err_sys(err, -r, "%s device", row->name) : 0;
}

int devices_new(const struct devices_config *config, struct devices *ret, struct err *err)
{
	int r = 0;

	for (size_t i = 0; r == 0 && i < ARRAY_LEN(table); i++) {
		if (!is_wanted(&table[i], &config->plan))
			continue;
		r = config->qemu ? serve_qemu(config, &table[i], ret, err)
				 : plug_into_machine(config, &table[i], ret, err);
	}
	return r;
}

/* It lives as long as the process: the guest may have it in use whenever it likes. */
static int add_rng(struct loop *loop, struct machine *m, unsigned *ret, struct err *err)
{
	struct rng *rng;
	int r = rng_new(loop, machine_memory(m), &rng);

	if (r < 0)
		return err_sys(err, -r, "rng device");
	r = machine_fill_slot(m, rng_vdev(rng), ret, err);
	if (r < 0)
		rng_free(rng);
	return r;
}

static const struct {
	enum vmctl_device_kind kind;
	int (*add)(struct loop *loop, struct machine *m, unsigned *ret, struct err *err);
} later[] = {
	{ VMCTL_DEVICE_RNG, add_rng },
};

int devices_add(struct loop *loop, struct machine *m, enum vmctl_device_kind kind, unsigned *ret,
	struct err *err)
{
	for (size_t i = 0; i < ARRAY_LEN(later); i++)
		if (later[i].kind == kind)
			return later[i].add(loop, m, ret, err);
	return err_set(err, EINVAL, "no device of kind %u can be added to a running machine", kind);
}
