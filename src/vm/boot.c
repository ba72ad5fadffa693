/* VMCTL_START: from the descriptors to a running guest. Main thread. */
#include "base/auto.h"
#include "base/clock.h"
#include "base/fd.h"
#include "base/log.h"
#include "vm/ctl.h"
#include "vm/forget.h"
#include "vm/jail.h"
#include "vm/qemu_jail.h"
#include "vm/seccomp.h"
#include "vm/share_events.h"
#include "vm/signalled.h"
#include "vm/vm.h"
#include "vmm/cmdline.h"

#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

/* From the vCPU thread that met the end, or this one when QEMU has. */
static void machine_ended_cb(void *arg, enum machine_end why)
{
	struct vm *vm = arg;

	vm->end = why;
	loop_bell_ring(vm->ended);
}

static void serial_byte(void *arg, uint8_t byte)
{
	struct vm *vm = arg;

	earlylog_byte(&vm->earlylog, byte);
}

static int vcpu_start(void *arg)
{
	(void)arg;
	return seccomp_enter(THREAD_VCPU);
}

static int worker_start(void *arg)
{
	int r = jail_keep_worker_caps();

	(void)arg;
	return r ? r : seccomp_enter(THREAD_FS);
}

static void vsock_up(void *arg)
{
	vm_phase(arg, VMCTL_PHASE_DRIVERS, -1);
}

static void agent_dialled(void *arg, uint32_t guest_port, int fd)
{
	struct vm *vm = arg;

	(void)guest_port;
	if (vm->phase == VMCTL_PHASE_READY) {
		close(fd); /* once a boot; a container that gets hold of vsock dials in vain */
		return;
	}
	vm_phase(vm, VMCTL_PHASE_READY, fd);
}

/* QEMU has closed a device's socket, which its end follows, or broken the protocol. */
static void front_end_gone(void *arg, const char *why)
{
	if (!why)
		return;
	log_error("QEMU broke the vhost-user protocol: %s", why);
	machine_ended_cb(arg, MACHINE_FAILED);
}

/* One start, from step to step. */
struct starting {
	struct vm *vm;
	const struct vmctl_start *in;
	int *fds; /* VMCTL_START_FDS of them; what a step keeps it takes out */
	int proc_self_fd;
	struct buf cmdline;
};

static int take_log(struct starting *s, struct err *err)
{
	log_init("vmrun-vm", s->in->debug ? LOG_LEVEL_DEBUG : LOG_LEVEL_INFO);
	if (dup2(s->fds[VMCTL_FD_LOG], STDERR_FILENO) < 0)
		return err_sys(err, errno, "log");
	earlylog_init(&s->vm->earlylog, (size_t)s->in->log_max_kib << 10);
	s->vm->alive_fd = steal_fd(&s->fds[VMCTL_FD_ALIVE]);
	s->vm->mounts_fd = steal_fd(&s->fds[VMCTL_FD_MOUNTS]);
	return 0;
}

static struct arch_platform platform(const struct vmctl_start *in)
{
	bool qemu = in->monitor != VMCTL_MONITOR_OWN;

	return (struct arch_platform){
		.qemu = qemu,
		.kvm = in->monitor != VMCTL_MONITOR_QEMU_TCG,
		.pci = qemu && in->pci,
	};
}

static struct devices_plan device_plan(const struct vmctl_start *in)
{
	return (struct devices_plan){ .vcpus = in->vcpus, .volumes = in->volumes };
}

static int make_cmdline(struct starting *s, struct err *err)
{
	struct cmdline_config config = {
		.platform = platform(s->in),
		.vcpus = s->in->vcpus,
		.spare = s->in->vcpus_spare,
		.params = s->in->params,
	};
	int r = cmdline_make(&config, &s->cmdline);

	if (r == -E2BIG)
		return err_set(err, E2BIG, "the kernel command line is longer than %d bytes",
			CMDLINE_BYTES - 1);
	return r < 0 || !buf_str(&s->cmdline) ? err_sys(err, ENOMEM, "kernel command line") : 0;
}

static int enter_jail(struct starting *s, struct err *err)
{
	return jail_enter(&s->proc_self_fd, err);
}

static void qemu_running(void *arg)
{
	vm_phase(arg, VMCTL_PHASE_RUNNING, -1);
}

static int qemu_child(void *arg)
{
	return qemu_jail_enter(arg);
}

/*
 * QEMU is started from its path as we were given its file, so that it finds its firmware beside it.
 */
static int path_of(int fd, char *path, size_t size, struct err *err)
{
	char link[32];
	ssize_t n;

	snprintf(link, sizeof(link), "/proc/self/fd/%d", fd);
	n = readlink(link, path, size - 1);
	if (n < 0)
		return err_sys(err, errno, "QEMU's path");
	path[n] = '\0';
	return 0;
}

static int launch_qemu(struct starting *s, struct err *err)
{
	char binary[PATH_MAX], kernel[PATH_MAX] = QEMU_JAIL_KERNEL,
			       initrd[PATH_MAX] = QEMU_JAIL_INITRD;
	struct devices_plan plan = device_plan(s->in);
	struct qemu_device device[QEMU_DEVICES_MAX];
	struct qemu_jail jail = {
		.binary = binary,
		.kernel_fd = s->fds[VMCTL_FD_KERNEL],
		.initrd_fd = s->fds[VMCTL_FD_INITRD],
		.kvm = s->in->monitor == VMCTL_MONITOR_QEMU_KVM,
	};
	struct qemu_config config = {
		.loop = s->vm->loop,
		.binary = binary,
		.platform = platform(s->in),
		.memory_mib = s->in->memory_mib,
		.vcpus = s->in->vcpus,
		.spare = s->in->vcpus_spare,
		.device = device,
		.kernel = kernel,
		.initrd = initrd,
		.cmdline = buf_str(&s->cmdline),
		.child = qemu_child,
		.child_arg = &jail,
		.running = qemu_running,
		.output = serial_byte,
		.ended = machine_ended_cb,
		.arg = s->vm,
	};
	int r = path_of(s->fds[VMCTL_FD_MONITOR], binary, sizeof(binary), err);

	config.devices = devices_in_qemu(&plan, device);
	if (r == 0 && !qemu_jail_possible()) {
		r = path_of(jail.kernel_fd, kernel, sizeof(kernel), err);
		if (r == 0)
			r = path_of(jail.initrd_fd, initrd, sizeof(initrd), err);
	}
	if (r == 0)
		r = qemu_start(&config, &s->vm->qemu, err);
	if (r == 0)
		vm_phase(s->vm, VMCTL_PHASE_LOADED, -1);
	return r;
}

static int make_machine(struct starting *s, struct err *err)
{
	struct machine_config config = {
		.kvm_fd = s->fds[VMCTL_FD_MONITOR],
		.memory_mib = s->in->memory_mib,
		.vcpus = s->in->vcpus,
		.spare = s->in->vcpus_spare,
		.vcpu_start = vcpu_start,
		.ended = machine_ended_cb,
		.serial = serial_byte,
		.arg = s->vm,
	};

	return machine_new(&config, &s->vm->machine, err);
}

static int make_devices(struct starting *s, struct err *err)
{
	struct devices_config config = {
		.loop = s->vm->loop,
		.machine = s->vm->machine,
		.qemu = s->vm->qemu,
		.log_fd = STDERR_FILENO,
		.log_max_bytes = (uint64_t)s->in->log_max_kib << 10,
		.proc_self_fd = s->proc_self_fd,
		.root_locks = s->in->root_locks,
		.plan = device_plan(s->in),
		.vsock_up = vsock_up,
		.agent_dialled = agent_dialled,
		.worker_start = worker_start,
		.fs_crowded = forget_ask,
		.fs_lock_waiting = signalled_watch,
		.fs_events = share_events_ask,
		.front_end_gone = front_end_gone,
		.arg = s->vm,
	};

	int r = devices_new(&config, &s->vm->devices, err);

	if (r == 0 && s->vm->machine)
		r = machine_add_slots(s->vm->machine, s->in->spare_slots, err);
	return r;
}

static int drop_privileges(struct starting *s, struct err *err)
{
	(void)s;
	return jail_drop_privileges(err);
}

static int load(struct starting *s, struct err *err)
{
	int r = machine_load(s->vm->machine, s->fds[VMCTL_FD_KERNEL], s->fds[VMCTL_FD_INITRD],
		buf_str(&s->cmdline), err);

	if (r == 0)
		vm_phase(s->vm, VMCTL_PHASE_LOADED, -1);
	return r;
}

static int run(struct starting *s, struct err *err)
{
	int r = machine_start(s->vm->machine, err);

	if (r == 0)
		vm_phase(s->vm, VMCTL_PHASE_RUNNING, -1);
	return r;
}

static int listen_for_clients(struct starting *s, struct err *err)
{
	return ctl_listen(s->vm->ctl, steal_fd(&s->fds[VMCTL_FD_LISTEN]), err);
}

static int enter_filter(struct starting *s, struct err *err)
{
	int r = seccomp_enter(THREAD_MAIN);

	(void)s;
	return r < 0 ? err_sys(err, -r, "seccomp") : 0;
}

/*
 * The order matters: what needs a path or a privilege first, then the jail; the file-system workers
 * start with the devices, while there are capabilities to keep; vCPU threads are under their filter
 * before they enter the guest, this thread before it reads anything of the guest's.
 */
struct step {
	const char *name;
	int (*run)(struct starting *s, struct err *err);
};

static const struct step own_steps[] = {
	{ "log taken", take_log },
	{ "command line made", make_cmdline },
	{ "jail entered", enter_jail },
	{ "machine made", make_machine },
	{ "devices made", make_devices },
	{ "privileges dropped", drop_privileges },
	{ "kernel loaded", load },
	{ "processors started", run },
	{ "control socket open", listen_for_clients },
	{ "filter entered", enter_filter },
	{ NULL, NULL },
};

/* QEMU has a jail of its own, which it enters before we enter ours. */
static const struct step qemu_steps[] = {
	{ "log taken", take_log },
	{ "command line made", make_cmdline },
	{ "QEMU launched", launch_qemu },
	{ "jail entered", enter_jail },
	{ "devices made", make_devices },
	{ "privileges dropped", drop_privileges },
	{ "control socket open", listen_for_clients },
	{ "filter entered", enter_filter },
	{ NULL, NULL },
};

int vm_start(struct vm *vm, const struct vmctl_start *start, int *fds, struct err *err)
{
	struct starting s = { .vm = vm, .in = start, .fds = fds, .proc_self_fd = -1 };

	const struct step *step = start->monitor == VMCTL_MONITOR_OWN ? own_steps : qemu_steps;
	int r = 0;

	vm->started = true;
	for (; r == 0 && step->name; step++) {
		r = step->run(&s, err);
		if (r < 0)
			break;
		log_debug("%s at %lld us", step->name,
			(long long)((clock_now_ns() - vm->born_ns) / 1000));
	}
	buf_done(&s.cmdline);
	return r;
}

void vm_phase(struct vm *vm, enum vmctl_phase phase, int fd)
{
	static const char *const names[] = {
		[VMCTL_PHASE_NONE] = "none",
		[VMCTL_PHASE_LOADED] = "loaded",
		[VMCTL_PHASE_RUNNING] = "running",
		[VMCTL_PHASE_DRIVERS] = "drivers",
		[VMCTL_PHASE_READY] = "ready",
	};

	/* A driver that is reset and set up again must not turn the clock back. */
	if (phase <= vm->phase) {
		close_fd(&fd);
		return;
	}
	log_debug("phase %s at %lld us", names[phase],
		(long long)((clock_now_ns() - vm->born_ns) / 1000));
	vm->phase = phase;
	ctl_tell_phase(vm->ctl, phase, fd);
}
