/*
 * A guest of a few instructions moves from one VM to another between two of them: registers of
 * every kind, interrupt controllers and clock. Needs /dev/kvm; what is on no machine is skipped
 * with the reason.
 */
#include "base/auto.h"
#include "tests/unit/unit.h"
#include "vmm/arch.h"
#include "vmm/kvm.h"

#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>

#define MEMORY_BYTES 0x200000
#define CODE_GPA     0x1000
#define TEXT_PORT    0x80
#define LSTAR	     0xc0000082
#define XSAVE_XMM3   ((160 + 3 * 16) / 4)
#define XSAVE_USED   (512 / 4)

/* 16-bit, from CODE_GPA on; counts in ax and says each number. */
static const uint8_t code[] = {
	0x40,	    /* inc ax */
	0xe7, 0x80, /* out 0x80, ax */
	0xeb, 0xfb, /* jmp to the inc */
};

struct vm {
	struct kvm kvm;
	struct arch_vcpus *all;
	int vcpu;
	struct kvm_run *run;
	uint8_t *memory;
};

static int kvm_fd = -1;
static char why[300] = "KVM works";

/* Once: whether the tests can run, and why not. */
static int find_kvm(void **state)
{
	struct err err = ERR_NONE;

	(void)state;
	kvm_fd = open("/dev/kvm", O_RDWR | O_CLOEXEC);
	if (kvm_fd < 0)
		snprintf(why, sizeof(why), "/dev/kvm: %s", strerror(errno));
	else if (kvm_check_api(kvm_fd, &err) < 0 || kvm_check_capabilities(kvm_fd, &err) < 0)
		snprintf(why, sizeof(why), "%s", err.msg);
	else
		return 0;
	close_fd(&kvm_fd);
	return 0;
}

static int leave_kvm(void **state)
{
	(void)state;
	close_fd(&kvm_fd);
	return 0;
}

static void need_kvm(void)
{
	if (kvm_fd >= 0)
		return;
	print_message("skipped: %s\n", why);
	skip();
}

static void ok(int r, const struct err *err)
{
	if (r < 0)
		fail_msg("%s", err->msg);
}

/* memory: NULL for fresh memory, else the guest's of another VM. */
static void make_vm(struct vm *vm, uint8_t *memory)
{
	struct err err = ERR_NONE;

	*vm = (struct vm){ .vcpu = -1 };
	vm->memory = memory ? memory
			    : mmap(NULL, MEMORY_BYTES, PROT_READ | PROT_WRITE,
				      MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	assert_ptr_not_equal(vm->memory, MAP_FAILED);
	ok(kvm_init(&vm->kvm, kvm_fd, &err), &err);
	ok(kvm_set_memory(&vm->kvm, 0, 0, MEMORY_BYTES, vm->memory, &err), &err);
	ok(arch_irqchip_init(&vm->kvm, &err), &err);
	ok(arch_vcpus_new(&vm->kvm, 1, &vm->all, &err), &err);
	vm->vcpu = kvm_create_vcpu(&vm->kvm, 0, &err);
	ok(vm->vcpu, &err);
	ok(arch_vcpu_init(vm->all, vm->vcpu, 0, 0, &err), &err);
	vm->run = mmap(NULL, vm->kvm.run_size, PROT_READ | PROT_WRITE, MAP_SHARED, vm->vcpu, 0);
	assert_ptr_not_equal(vm->run, MAP_FAILED);
}

static void drop_vm(struct vm *vm)
{
	munmap(vm->run, vm->kvm.run_size);
	close_fd(&vm->vcpu);
	arch_vcpus_free(vm->all);
	kvm_done(&vm->kvm);
}

static void enter_code(struct vm *vm)
{
	struct kvm_regs regs = { .rip = CODE_GPA, .rflags = 2 };
	struct kvm_sregs s;

	memcpy(vm->memory + CODE_GPA, code, sizeof(code));
	assert_int_equal(ioctl(vm->vcpu, KVM_GET_SREGS, &s), 0);
	s.cr0 = 0x10;
	s.cr3 = s.cr4 = s.efer = 0;
	s.cs = s.ds = s.es = s.fs = s.gs = s.ss =
		(struct kvm_segment){ .limit = 0xffff, .type = 3, .present = 1, .s = 1 };
	s.cs.type = 11;
	assert_int_equal(ioctl(vm->vcpu, KVM_SET_SREGS, &s), 0);
	assert_int_equal(ioctl(vm->vcpu, KVM_SET_REGS, &regs), 0);
}

/* The number that the guest says next. */
static uint16_t hear(struct vm *vm)
{
	uint16_t number;
	int r;

	do
		r = ioctl(vm->vcpu, KVM_RUN, 0);
	while (r < 0 && errno == EINTR);
	assert_int_equal(r, 0);
	assert_int_equal(vm->run->exit_reason, KVM_EXIT_IO);
	assert_int_equal(vm->run->io.port, TEXT_PORT);
	memcpy(&number, (uint8_t *)vm->run + vm->run->io.data_offset, sizeof(number));
	return number;
}

static void save(struct vm *vm, struct buf *out)
{
	struct err err = ERR_NONE;

	/* An exit for a port is over when the vCPU is entered again: that is done, and no more. */
	vm->run->immediate_exit = 1;
	assert_int_equal(ioctl(vm->vcpu, KVM_RUN, 0), -1);
	assert_int_equal(errno, EINTR);
	vm->run->immediate_exit = 0;
	ok(arch_vm_save(&vm->kvm, out, &err), &err);
	ok(arch_vcpu_save(&vm->kvm, vm->vcpu, out, &err), &err);
}

static int restore(struct vm *vm, const void *data, size_t len, struct err *err)
{
	struct saved in = saved_read(data, len);
	int r = arch_vm_restore(&vm->kvm, &in, err);

	if (r == 0)
		r = arch_vcpu_restore(&vm->kvm, vm->vcpu, &in, err);
	return r ? r : saved_close(&in);
}

struct one_msr { /* struct kvm_msrs with room for one */
	uint32_t count, pad;
	struct kvm_msr_entry entry;
};

static void set_msr(struct vm *vm, uint32_t index, uint64_t value)
{
	struct one_msr one = { .count = 1, .entry = { .index = index, .data = value } };

	assert_int_equal(ioctl(vm->vcpu, KVM_SET_MSRS, &one), 1);
}

static uint64_t get_msr(struct vm *vm, uint32_t index)
{
	struct one_msr one = { .count = 1, .entry.index = index };

	assert_int_equal(ioctl(vm->vcpu, KVM_GET_MSRS, &one), 1);
	return one.entry.data;
}

static void the_guest_counts_on(void **state)
{
	AUTO(buf_done) struct buf bytes = { 0 };
	struct err err = ERR_NONE;
	struct vm from, to;

	(void)state;
	need_kvm();
	make_vm(&from, NULL);
	enter_code(&from);
	assert_int_equal(hear(&from), 1);
	assert_int_equal(hear(&from), 2);
	save(&from, &bytes);
	make_vm(&to, from.memory);
	ok(restore(&to, bytes.data, bytes.len, &err), &err);
	assert_int_equal(hear(&to), 3);
	assert_int_equal(hear(&to), 4);
	/* The first one is as it was. */
	assert_int_equal(hear(&from), 3);
	drop_vm(&to);
	drop_vm(&from);
	munmap(from.memory, MEMORY_BYTES);
}

static void registers_of_every_kind_are_there(void **state)
{
	AUTO(buf_done) struct buf bytes = { 0 };
	struct kvm_xsave xsave;
	struct kvm_debugregs debug = { .db[0] = 0x1234, .dr6 = 0xffff0ff0, .dr7 = 0x400 };
	struct kvm_irqchip chip = { .chip_id = KVM_IRQCHIP_IOAPIC };
	struct kvm_lapic_state lapic;
	struct err err = ERR_NONE;
	struct kvm_clock_data clock, later;
	uint32_t task_priority = 0x20;
	struct vm from, to;

	(void)state;
	need_kvm();
	make_vm(&from, NULL);
	enter_code(&from);
	assert_int_equal(ioctl(from.vcpu, KVM_GET_XSAVE, &xsave), 0);
	xsave.region[XSAVE_XMM3] = 0x77;
	xsave.region[XSAVE_USED] |= 3; /* x87 and SSE */
	assert_int_equal(ioctl(from.vcpu, KVM_SET_XSAVE, &xsave), 0);
	assert_int_equal(ioctl(from.vcpu, KVM_SET_DEBUGREGS, &debug), 0);
	set_msr(&from, LSTAR, 0x123456789000);
	assert_int_equal(ioctl(from.kvm.vm_fd, KVM_GET_IRQCHIP, &chip), 0);
	chip.chip.ioapic.redirtbl[5].bits = 0x10037; /* masked, vector 0x37 */
	assert_int_equal(ioctl(from.kvm.vm_fd, KVM_SET_IRQCHIP, &chip), 0);
	assert_int_equal(ioctl(from.vcpu, KVM_GET_LAPIC, &lapic), 0);
	memcpy(lapic.regs + 0x80, &task_priority, sizeof(task_priority));
	assert_int_equal(ioctl(from.vcpu, KVM_SET_LAPIC, &lapic), 0);
	assert_int_equal(hear(&from), 1);
	save(&from, &bytes);
	assert_int_equal(ioctl(from.kvm.vm_fd, KVM_GET_CLOCK, &clock), 0);

	make_vm(&to, from.memory);
	ok(restore(&to, bytes.data, bytes.len, &err), &err);
	memset(&xsave, 0, sizeof(xsave));
	assert_int_equal(ioctl(to.vcpu, KVM_GET_XSAVE, &xsave), 0);
	assert_int_equal(xsave.region[XSAVE_XMM3], 0x77);
	assert_int_equal(ioctl(to.vcpu, KVM_GET_DEBUGREGS, &debug), 0);
	assert_int_equal(debug.db[0], 0x1234);
	assert_int_equal(get_msr(&to, LSTAR), 0x123456789000);
	memset(&chip.chip, 0, sizeof(chip.chip));
	assert_int_equal(ioctl(to.kvm.vm_fd, KVM_GET_IRQCHIP, &chip), 0);
	assert_int_equal(chip.chip.ioapic.redirtbl[5].bits, 0x10037);
	assert_int_equal(ioctl(to.vcpu, KVM_GET_LAPIC, &lapic), 0);
	memcpy(&task_priority, lapic.regs + 0x80, sizeof(task_priority));
	assert_int_equal(task_priority, 0x20);
	/* Time goes on from where it was, not from the start of this VM. */
	assert_int_equal(ioctl(to.kvm.vm_fd, KVM_GET_CLOCK, &later), 0);
	assert_true(later.clock + 1000000000 > clock.clock);
	drop_vm(&to);
	drop_vm(&from);
	munmap(from.memory, MEMORY_BYTES);
}

static void what_is_cut_off_is_refused(void **state)
{
	AUTO(buf_done) struct buf bytes = { 0 };
	struct vm from, to;

	(void)state;
	need_kvm();
	make_vm(&from, NULL);
	enter_code(&from);
	assert_int_equal(hear(&from), 1);
	save(&from, &bytes);
	make_vm(&to, from.memory);
	for (size_t len = 0; len < bytes.len; len += 1 + len / 16) {
		struct err err = ERR_NONE;

		assert_int_equal(restore(&to, bytes.data, len, &err), -EINVAL);
		assert_non_null(strstr(err.msg, "damaged"));
	}
	drop_vm(&to);
	drop_vm(&from);
	munmap(from.memory, MEMORY_BYTES);
}

static void what_no_processor_takes_is_refused(void **state)
{
	AUTO(buf_done) struct buf bytes = { 0 };
	struct err err = ERR_NONE;
	uint64_t index = LSTAR, wrong = 1ULL << 63; /* no canonical address */
	struct vm from, to;
	uint8_t *at;

	(void)state;
	need_kvm();
	make_vm(&from, NULL);
	enter_code(&from);
	assert_int_equal(hear(&from), 1);
	/* A value that is nowhere else, to find the MSR by. */
	set_msr(&from, LSTAR, 0x00006b6f6f620000);
	save(&from, &bytes);
	at = NULL;
	for (size_t i = 0; i + 16 <= bytes.len && !at; i++) {
		uint64_t pair[2];

		memcpy(pair, bytes.data + i, sizeof(pair));
		if (pair[0] == index && pair[1] == 0x00006b6f6f620000)
			at = bytes.data + i;
	}
	assert_non_null(at);
	memcpy(at + 8, &wrong, sizeof(wrong));
	make_vm(&to, from.memory);
	assert_int_equal(restore(&to, bytes.data, bytes.len, &err), -EINVAL);
	assert_non_null(strstr(err.msg, "MSR 0xc0000082"));
	drop_vm(&to);
	drop_vm(&from);
	munmap(from.memory, MEMORY_BYTES);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_guest_counts_on),
		cmocka_unit_test(registers_of_every_kind_are_there),
		cmocka_unit_test(what_is_cut_off_is_refused),
		cmocka_unit_test(what_no_processor_takes_is_refused),
	};

	return cmocka_run_group_tests(tests, find_kvm, leave_kvm);
}
