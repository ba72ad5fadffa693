/* The smallest guest there is: see kvm_loop.h. */
#include "host/kvm_loop.h"

#include "base/auto.h"
#include "base/clock.h"

#include <errno.h>
#include <linux/kvm.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>

#define PAGE_BYTES	 4096
#define LOOPS		 10000
#define INSTRUCTIONS	 (2ULL * LOOPS)
#define TRIES		 3
#define TRIES_WHEN_SLOW	 6
#define IDENTITY_MAP_GPA 0xfffbc000ULL
#define TSS_GPA		 0xfffbd000UL

/* 32-bit, flat. The way back to the start is for the next run. */
static const uint8_t code[] = {
	0xb9, LOOPS & 0xff, LOOPS >> 8, 0, 0, /* mov ecx, LOOPS */
	0x49,				      /* dec ecx */
	0x75, 0xfd,			      /* jnz to the dec */
	0xe6, 0x80,			      /* out 0x80, al: leaves KVM_RUN */
	0xeb, 0xf4,			      /* jmp to the mov */
};

struct guest {
	int vm, vcpu;
	struct kvm_run *run;
};

const char *kvm_loop_step_name(uint32_t step)
{
	static const char *const names[KVM_LOOP_STEPS] = {
		[KVM_LOOP_CREATE_VM] = "KVM_CREATE_VM",
		[KVM_LOOP_MEMORY] = "KVM_SET_USER_MEMORY_REGION",
		[KVM_LOOP_VCPU] = "KVM_CREATE_VCPU",
		[KVM_LOOP_REGISTERS] = "KVM_SET_SREGS",
		[KVM_LOOP_RUN] = "KVM_RUN",
		[KVM_LOOP_EXIT] = "KVM_RUN ended where no guest should",
	};

	return step < KVM_LOOP_STEPS && names[step] ? names[step] : "?";
}

static int make_vm(int kvm, struct guest *g)
{
	uint64_t identity = IDENTITY_MAP_GPA;

	do
		g->vm = ioctl(kvm, KVM_CREATE_VM, 0);
	while (g->vm < 0 && errno == EINTR);
	if (g->vm < 0)
		return -errno;
	/* For Intel without unrestricted guest; where they are unknown they are not needed. */
	(void)!ioctl(g->vm, KVM_SET_IDENTITY_MAP_ADDR, &identity);
	(void)!ioctl(g->vm, KVM_SET_TSS_ADDR, TSS_GPA);
	return 0;
}

static int add_memory(struct guest *g)
{
	struct kvm_userspace_memory_region region = { .memory_size = PAGE_BYTES };
	void *page =
		mmap(NULL, PAGE_BYTES, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	if (page == MAP_FAILED)
		return -errno;
	memcpy(page, code, sizeof(code));
	region.userspace_addr = (uint64_t)(uintptr_t)page;
	return ioctl(g->vm, KVM_SET_USER_MEMORY_REGION, &region) < 0 ? -errno : 0;
}

static int make_vcpu(int kvm, struct guest *g)
{
	int size = ioctl(kvm, KVM_GET_VCPU_MMAP_SIZE, 0);

	if (size < (int)sizeof(*g->run))
		return size < 0 ? -errno : -ENOSYS;
	g->vcpu = ioctl(g->vm, KVM_CREATE_VCPU, 0UL);
	if (g->vcpu < 0)
		return -errno;
	g->run = mmap(NULL, (size_t)size, PROT_READ | PROT_WRITE, MAP_SHARED, g->vcpu, 0);
	return g->run == MAP_FAILED ? -errno : 0;
}

static int set_registers(struct guest *g)
{
	struct kvm_segment data = { .limit = 0xffffffff,
		.selector = 16,
		.type = 3,
		.s = 1,
		.present = 1,
		.db = 1,
		.g = 1 };
	struct kvm_regs regs = { .rflags = 2 };
	struct kvm_sregs s;

	if (ioctl(g->vcpu, KVM_GET_SREGS, &s) < 0)
		return -errno;
	s.ds = s.es = s.fs = s.gs = s.ss = s.cs = data;
	s.cs.selector = 8;
	s.cs.type = 11;
	s.tr = (struct kvm_segment){ .limit = 0x67, .selector = 24, .type = 11, .present = 1 };
	s.cr0 = 0x11; /* protection enabled, and ET, which is always set */
	s.cr4 = 0;
	s.efer = 0;
	if (ioctl(g->vcpu, KVM_SET_SREGS, &s) < 0 || ioctl(g->vcpu, KVM_SET_REGS, &regs) < 0)
		return -errno;
	return 0;
}

static int run_once(struct guest *g, uint64_t *ret_ns)
{
	int64_t begin = clock_now_ns();
	int r;

	do
		r = ioctl(g->vcpu, KVM_RUN, 0);
	while (r < 0 && errno == EINTR);
	*ret_ns = (uint64_t)(clock_now_ns() - begin);
	return r < 0 ? -errno : 0;
}

static void run_all(struct guest *g, uint64_t fast_enough, struct kvm_loop_result *ret)
{
	for (unsigned i = 0; i < TRIES || (i < TRIES_WHEN_SLOW && ret->rate < fast_enough); i++) {
		uint64_t ns, rate;
		int r = run_once(g, &ns);

		if (r < 0) {
			*ret = (struct kvm_loop_result){ .step = KVM_LOOP_RUN, .code = -r };
			return;
		}
		if (g->run->exit_reason != KVM_EXIT_IO) {
			*ret = (struct kvm_loop_result){ .step = KVM_LOOP_EXIT, .code = EIO };
			return;
		}
		rate = INSTRUCTIONS * NS_PER_S / (ns ? ns : 1);
		if (rate > ret->rate)
			ret->rate = rate;
	}
}

void kvm_loop_measure(int kvm, uint64_t fast_enough, struct kvm_loop_result *ret)
{
	struct guest g = { -1, -1, MAP_FAILED };
	int r;

	*ret = (struct kvm_loop_result){ .step = KVM_LOOP_CREATE_VM };
	r = make_vm(kvm, &g);
	if (r == 0) {
		ret->step = KVM_LOOP_MEMORY;
		r = add_memory(&g);
	}
	if (r == 0) {
		ret->step = KVM_LOOP_VCPU;
		r = make_vcpu(kvm, &g);
	}
	if (r == 0) {
		ret->step = KVM_LOOP_REGISTERS;
		r = set_registers(&g);
	}
	if (r < 0)
		ret->code = -r;
	else
		run_all(&g, fast_enough, ret);
}
