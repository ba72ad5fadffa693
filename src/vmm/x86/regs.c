/* Initial vCPU state: see regs.h. */
#include "vmm/x86/regs.h"

#include "base/auto.h"
#include "vmm/kvm.h"
#include "vmm/x86/layout.h"

#include <string.h>

#define CR0_PE			(1ULL << 0)
#define CR0_ET			(1ULL << 4)
#define CR0_PG			(1ULL << 31)
#define CR4_PAE			(1ULL << 5)
#define EFER_LME		(1ULL << 8)
#define EFER_LMA		(1ULL << 10)

#define MSR_IA32_SYSENTER_CS	0x174
#define MSR_IA32_SYSENTER_ESP	0x175
#define MSR_IA32_SYSENTER_EIP	0x176
#define MSR_IA32_MISC_ENABLE	0x1a0
#define MSR_MTRR_DEF_TYPE	0x2ff
#define MSR_STAR		0xc0000081
#define MSR_LSTAR		0xc0000082
#define MSR_CSTAR		0xc0000083
#define MSR_SYSCALL_MASK	0xc0000084
#define MSR_KERNEL_GS_BASE	0xc0000102
#define MISC_ENABLE_FAST_STRING 1
#define MTRR_ENABLE_WRITE_BACK	(1 << 11 | 6)

#define LAPIC_LVT_LINT0		0x350
#define LAPIC_LVT_LINT1		0x360
#define DELIVERY_EXTINT		(7U << 8)
#define DELIVERY_NMI		(4U << 8)

enum { GDT_NULL, GDT_CODE, GDT_DATA, GDT_TSS, GDT_ENTRIES };

/* Flags word of a descriptor: access byte in bits 0-7, G, D/B, L and AVL in bits 12-15. */
#define FLAGS_CODE64 0xa09b
#define FLAGS_DATA   0xc093
#define FLAGS_TSS    0x008b

static uint64_t gdt_entry(uint16_t flags, uint32_t limit)
{
	return ((uint64_t)(flags & 0xf0ff) << 40) | ((uint64_t)(limit & 0xf0000) << 32) |
	       (limit & 0xffff);
}

int regs_write_tables(const struct gmem *gm, struct err *err)
{
	uint64_t gdt[GDT_ENTRIES] = {
		[GDT_CODE] = gdt_entry(FLAGS_CODE64, 0xfffff),
		[GDT_DATA] = gdt_entry(FLAGS_DATA, 0xfffff),
		[GDT_TSS] = gdt_entry(FLAGS_TSS, 0x67),
	};
	uint64_t idt = 0;

	if (gm_write(gm, GPA_GDT, gdt, sizeof(gdt)) < 0 ||
		gm_write(gm, GPA_IDT, &idt, sizeof(idt)) < 0)
		return err_set(err, EFAULT, "the guest's memory does not begin at 0");
	return 0;
}

/* KVM wants the limit in bytes, whatever the granularity bit says. */
static struct kvm_segment segment(unsigned index, uint16_t flags, uint32_t limit)
{
	return (struct kvm_segment){
		.limit = limit,
		.selector = (uint16_t)(index * 8),
		.type = flags & 0xf,
		.s = flags >> 4 & 1,
		.dpl = flags >> 5 & 3,
		.present = flags >> 7 & 1,
		.avl = flags >> 12 & 1,
		.l = flags >> 13 & 1,
		.db = flags >> 14 & 1,
		.g = flags >> 15 & 1,
	};
}

static int set_sregs(int fd, struct err *err)
{
	struct kvm_segment data = segment(GDT_DATA, FLAGS_DATA, 0xffffffff);
	struct kvm_sregs s;
	int r = kvm_ioctl(fd, KVM_GET_SREGS, &s, "KVM_GET_SREGS", err);

	if (r < 0)
		return r;
	s.cs = segment(GDT_CODE, FLAGS_CODE64, 0xffffffff);
	s.ds = s.es = s.fs = s.gs = s.ss = data;
	s.tr = segment(GDT_TSS, FLAGS_TSS, 0x67);
	s.gdt.base = GPA_GDT;
	s.gdt.limit = GDT_ENTRIES * 8 - 1;
	s.idt.base = GPA_IDT;
	s.idt.limit = 7;
	s.cr0 = CR0_PE | CR0_ET | CR0_PG;
	s.cr3 = GPA_PML4;
	s.cr4 = CR4_PAE;
	s.efer = EFER_LME | EFER_LMA;
	return kvm_ioctl(fd, KVM_SET_SREGS, &s, "KVM_SET_SREGS", err);
}

static int set_regs(int fd, uint64_t entry, struct err *err)
{
	struct kvm_regs r = {
		.rip = entry,
		.rflags = 2,
		.rsi = GPA_BOOT_PARAMS,
		.rsp = GPA_BOOT_STACK,
		.rbp = GPA_BOOT_STACK,
	};

	return kvm_ioctl(fd, KVM_SET_REGS, &r, "KVM_SET_REGS", err);
}

static int set_msrs(int fd, struct err *err)
{
	static const struct {
		uint32_t index;
		uint64_t value;
	} boot[] = {
		{ MSR_IA32_SYSENTER_CS, 0 },
		{ MSR_IA32_SYSENTER_ESP, 0 },
		{ MSR_IA32_SYSENTER_EIP, 0 },
		{ MSR_STAR, 0 },
		{ MSR_CSTAR, 0 },
		{ MSR_LSTAR, 0 },
		{ MSR_SYSCALL_MASK, 0 },
		{ MSR_KERNEL_GS_BASE, 0 },
		{ MSR_IA32_MISC_ENABLE, MISC_ENABLE_FAST_STRING },
		{ MSR_MTRR_DEF_TYPE, MTRR_ENABLE_WRITE_BACK },
	};

	struct { /* struct kvm_msrs with room behind it */
		uint32_t nmsrs, pad;
		struct kvm_msr_entry entry[ARRAY_LEN(boot)];
	} msrs = { .nmsrs = ARRAY_LEN(boot) };

	for (size_t i = 0; i < ARRAY_LEN(boot); i++)
		msrs.entry[i] =
			(struct kvm_msr_entry){ .index = boot[i].index, .data = boot[i].value };
	return kvm_ioctl(fd, KVM_SET_MSRS, &msrs, "KVM_SET_MSRS", err);
}

static int set_fpu(int fd, struct err *err)
{
	struct kvm_fpu fpu = { .fcw = 0x37f, .mxcsr = 0x1f80 };

	return kvm_ioctl(fd, KVM_SET_FPU, &fpu, "KVM_SET_FPU", err);
}

static void set_lvt(struct kvm_lapic_state *lapic, size_t reg, uint32_t delivery)
{
	uint32_t lvt;

	memcpy(&lvt, lapic->regs + reg, sizeof(lvt));
	lvt = (lvt & ~0x700U) | delivery;
	memcpy(lapic->regs + reg, &lvt, sizeof(lvt));
}

static int set_lapic(int fd, struct err *err)
{
	struct kvm_lapic_state lapic;
	int r = kvm_ioctl(fd, KVM_GET_LAPIC, &lapic, "KVM_GET_LAPIC", err);

	if (r < 0)
		return r;
	set_lvt(&lapic, LAPIC_LVT_LINT0, DELIVERY_EXTINT);
	set_lvt(&lapic, LAPIC_LVT_LINT1, DELIVERY_NMI);
	return kvm_ioctl(fd, KVM_SET_LAPIC, &lapic, "KVM_SET_LAPIC", err);
}

int regs_set(int vcpu_fd, unsigned index, uint64_t entry, struct err *err)
{
	int r = set_msrs(vcpu_fd, err);

	if (r == 0)
		r = set_fpu(vcpu_fd, err);
	if (r == 0 && index == 0)
		r = set_sregs(vcpu_fd, err);
	if (r == 0 && index == 0)
		r = set_regs(vcpu_fd, entry, err);
	return r ? r : set_lapic(vcpu_fd, err);
}
