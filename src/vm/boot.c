/* VMCTL_START: from the descriptors to a running guest. Main thread. */
#include "base/auto.h"
#include "base/fd.h"
#include "base/log.h"
#include "vm/ctl.h"
#include "vm/jail.h"
#include "vm/vm.h"

#include <string.h>
#include <unistd.h>

/* From the vCPU thread that met the end. */
static void machine_ended_cb(void *arg, enum machine_end why)
{
	struct vm *vm = arg;
	uint64_t one = 1;

	vm->end = why;
	(void)!write(vm->end_fd, &one, sizeof(one));
}

static void serial_byte(void *arg, uint8_t byte)
{
	struct vm *vm = arg;

	earlylog_byte(&vm->earlylog, byte);
}

static int vcpu_start(void *arg)
{
	struct vm *vm = arg;

	return seccomp_enter(&vm->filters, THREAD_VCPU);
}

static int worker_start(void *arg)
{
	struct vm *vm = arg;
	int r = jail_keep_worker_caps();

	return r ? r : seccomp_enter(&vm->filters, THREAD_FS);
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

static int take_log(const struct vmctl_start *start, int fd)
{
	log_init("vmrun-vm", start->debug ? LOG_LEVEL_DEBUG : LOG_LEVEL_INFO);
	return dup2(fd, 2) < 0 ? -errno : 0;
}

static int make_machine(struct vm *vm, const struct vmctl_start *start, int kvm_fd, struct err *err)
{
	struct machine_config config = {
		.kvm_fd = kvm_fd,
		.memory_mib = start->memory_mib,
		.vcpus = start->vcpus,
		.vcpu_start = vcpu_start,
		.ended = machine_ended_cb,
		.serial = serial_byte,
		.arg = vm,
	};

	return machine_new(&config, &vm->machine, err);
}

static int make_devices(
	struct vm *vm, const struct vmctl_start *start, int proc_self_fd, struct err *err)
{
	struct devices_config config = {
		.loop = vm->loop,
		.machine = vm->machine,
		.log_fd = 2,
		.log_max_bytes = (uint64_t)start->log_max_kib << 10,
		.proc_self_fd = proc_self_fd,
		.vcpus = start->vcpus,
		.vsock_up = vsock_up,
		.agent_dialled = agent_dialled,
		.worker_start = worker_start,
		.arg = vm,
	};

	return devices_new(&config, &vm->devices, err);
}

int vm_start(struct vm *vm, const struct vmctl_start *start, int *fds, struct err *err)
{
	AUTO_CLOSE int kernel = steal_fd(&fds[VMCTL_FD_KERNEL]);
	AUTO_CLOSE int initrd = steal_fd(&fds[VMCTL_FD_INITRD]);
	AUTO_CLOSE int kvm = steal_fd(&fds[VMCTL_FD_KVM]);
	int proc_self_fd = -1;
	int r = take_log(start, fds[VMCTL_FD_LOG]);

	if (r < 0)
		return err_sys(err, -r, "log");
	vm->alive_fd = steal_fd(&fds[VMCTL_FD_ALIVE]);
	/* The order matters: what needs a path or a privilege first, then the jail, then the guest.
	 */
	earlylog_init(&vm->earlylog, (size_t)start->log_max_kib << 10);
	r = filters_init(&vm->filters, start->debug, err);
	if (r == 0)
		r = jail_enter(&proc_self_fd, err);
	if (r == 0)
		r = make_machine(vm, start, kvm, err);
	if (r == 0)
		r = make_devices(vm, start, proc_self_fd, err);
	if (r == 0)
		r = jail_drop_privileges(err);
	if (r == 0)
		r = machine_load(vm->machine, kernel, initrd, start->cmdline, err);
	if (r < 0)
		return r;
	vm_phase(vm, VMCTL_PHASE_LOADED, -1);
	r = machine_start(vm->machine, err);
	if (r == 0)
		r = ctl_listen(vm->ctl, steal_fd(&fds[VMCTL_FD_LISTEN]), err);
	if (r < 0)
		return r;
	vm_phase(vm, VMCTL_PHASE_RUNNING, -1);
	r = seccomp_enter(&vm->filters, THREAD_MAIN);
	return r < 0 ? err_sys(err, -r, "seccomp") : 0;
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
	log_debug("phase %s", names[phase]);
	vm->phase = phase;
	ctl_tell_phase(vm->ctl, phase, fd);
}
