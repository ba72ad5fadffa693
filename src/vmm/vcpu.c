/* The run loop of a vCPU: see vcpu.h. Each vCPU is used by its own thread only. */
#include "vmm/vcpu.h"

#include "base/auto.h"
#include "base/log.h"
#include "base/thread.h"
#include "vmm/kvm.h"

#include <pthread.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>

struct vcpu {
	struct vcpu_config config;
	int fd;
	struct kvm_run *run;
	pthread_t thread;
};

int vcpu_new(const struct vcpu_config *config, const struct arch_vcpus *all, uint64_t entry,
	struct vcpu **ret, struct err *err)
{
	struct vcpu *v = calloc(1, sizeof(*v));
	int r;

	if (!v)
		return err_sys(err, ENOMEM, "vCPU %u", config->index);
	v->config = *config;
	v->run = MAP_FAILED;
	v->fd = kvm_create_vcpu(config->kvm, config->index, err);
	r = v->fd < 0 ? v->fd : 0;
	if (r == 0) {
		v->run = mmap(
			NULL, config->kvm->run_size, PROT_READ | PROT_WRITE, MAP_SHARED, v->fd, 0);
		if (v->run == MAP_FAILED)
			r = err_sys(err, errno, "vCPU %u: mmap", config->index);
	}
	if (r == 0)
		r = arch_vcpu_init(all, v->fd, config->index, entry, err);
	if (r < 0) {
		vcpu_free(v);
		return r;
	}
	*ret = v;
	return 0;
}

void vcpu_free(struct vcpu *v)
{
	if (!v)
		return;
	if (v->run != MAP_FAILED)
		munmap(v->run, v->config.kvm->run_size);
	close_fd(&v->fd);
	free(v);
}

static void end(struct vcpu *v, enum machine_end why)
{
	v->config.end(v->config.arg, why);
}

/* The guest did what KVM cannot go on from: say all there is to say, and end. */
static void failed(struct vcpu *v, const char *what, uint64_t detail)
{
	char where[160];

	arch_vcpu_describe(v->fd, where, sizeof(where));
	log_error("vCPU %u: %s %#llx at %s", v->config.index, what, (unsigned long long)detail,
		where);
	end(v, MACHINE_FAILED);
}

static void exit_mmio(struct vcpu *v)
{
	struct kvm_run *run = v->run;
	unsigned len = run->mmio.len <= sizeof(run->mmio.data) ? run->mmio.len : 0;

	v->config.mmio(v->config.arg, run->mmio.phys_addr, run->mmio.data, len, run->mmio.is_write);
}

static void exit_shutdown(struct vcpu *v)
{
	end(v, MACHINE_RESET); /* a triple fault: reboot=t */
}

static void exit_system_event(struct vcpu *v)
{
	end(v, v->run->system_event.type == KVM_SYSTEM_EVENT_SHUTDOWN ? MACHINE_POWER_OFF
								      : MACHINE_RESET);
}

static void exit_internal_error(struct vcpu *v)
{
	failed(v, "KVM internal error", v->run->internal.suberror);
}

static void exit_fail_entry(struct vcpu *v)
{
	failed(v, "KVM cannot enter the guest, reason",
		v->run->fail_entry.hardware_entry_failure_reason);
}

static void exit_nothing(struct vcpu *v)
{
	(void)v;
}

static const struct {
	uint32_t reason;
	void (*handle)(struct vcpu *v);
} exits[] = {
	{ KVM_EXIT_MMIO, exit_mmio },
	{ KVM_EXIT_INTR, exit_nothing },
	{ KVM_EXIT_SHUTDOWN, exit_shutdown },
	{ KVM_EXIT_SYSTEM_EVENT, exit_system_event },
	{ KVM_EXIT_INTERNAL_ERROR, exit_internal_error },
	{ KVM_EXIT_FAIL_ENTRY, exit_fail_entry },
};

static void handle_exit(struct vcpu *v)
{
	for (size_t i = 0; i < ARRAY_LEN(exits); i++) {
		if (exits[i].reason == v->run->exit_reason) {
			exits[i].handle(v);
			return;
		}
	}
	if (!arch_board_exit(v->config.board, v->run))
		failed(v, "unexpected exit of KVM", v->run->exit_reason);
}

static void *loop(void *arg)
{
	struct vcpu *v = arg;
	char name[16];

	snprintf(name, sizeof(name), "vcpu%u", v->config.index);
	pthread_setname_np(pthread_self(), name);
	if (v->config.start(v->config.arg) < 0) {
		end(v, MACHINE_FAILED);
		return NULL;
	}
	while (!atomic_load(v->config.over)) {
		if (ioctl(v->fd, KVM_RUN, 0) == 0)
			handle_exit(v);
		else if (errno != EINTR && errno != EAGAIN)
			failed(v, "KVM_RUN failed with errno", (uint64_t)errno);
	}
	return NULL;
}

int vcpu_run(struct vcpu *v, struct err *err)
{
	int r = thread_create(&v->thread, loop, v);

	return r < 0 ? err_sys(err, -r, "vCPU %u: thread", v->config.index) : 0;
}
