/* The VM and its vCPUs on this architecture: see arch.h. */
#include "base/auto.h"
#include "vmm/arch.h"
#include "vmm/kvm.h"
#include "vmm/x86/acpi.h"
#include "vmm/x86/boot.h"
#include "vmm/x86/cpuid.h"
#include "vmm/x86/layout.h"
#include "vmm/x86/regs.h"

#include <stdio.h>
#include <sys/ioctl.h>

const struct arch_map arch_map = {
	.ram = 0,
	.hole = GPA_HOLE,
	.hole_end = GPA_HOLE_END,
	.slots = GPA_MMIO_SLOTS,
	.slot_irq = GSI_FIRST_SLOT,
};

const struct kvm_need arch_needs[] = {
	{ KVM_CAP_SET_TSS_ADDR, "SET_TSS_ADDR" },
	{ KVM_CAP_EXT_CPUID, "EXT_CPUID" },
	{ 0, NULL },
};

int arch_vm_init(struct kvm *kvm, struct err *err)
{
	uint64_t identity = GPA_IDENTITY_MAP;

	/* Intel without unrestricted guest needs both; harmless elsewhere. Before any vCPU. */
	if (ioctl(kvm->vm_fd, KVM_SET_IDENTITY_MAP_ADDR, &identity) < 0)
		return err_sys(err, errno, "KVM_SET_IDENTITY_MAP_ADDR");
	if (ioctl(kvm->vm_fd, KVM_SET_TSS_ADDR, (unsigned long)GPA_TSS) < 0)
		return err_sys(err, errno, "KVM_SET_TSS_ADDR");
	return 0;
}

/* The in-kernel LAPICs, IOAPIC (and PIC, which no guest of ours uses). */
int arch_irqchip_init(struct kvm *kvm, struct err *err)
{
	if (ioctl(kvm->vm_fd, KVM_CREATE_IRQCHIP, 0) < 0)
		return err_sys(err, errno, "KVM_CREATE_IRQCHIP");
	return 0;
}

int arch_load(
	const struct gmem *gm, const struct arch_boot *boot, uint64_t *ret_entry, struct err *err)
{
	int r = boot_load(gm, boot->kernel_fd, boot->initrd_fd, boot->cmdline, ret_entry, err);

	if (r == 0)
		r = acpi_write(gm, boot->vcpus, boot->slots, err);
	return r ? r : regs_write_tables(gm, err);
}

struct arch_vcpus {
	unsigned count;
	bool tsc_deadline;
	struct cpuid_table supported;
};

int arch_vcpus_new(struct kvm *kvm, unsigned count, struct arch_vcpus **ret, struct err *err)
{
	struct arch_vcpus *a = calloc(1, sizeof(*a));
	int r;

	if (!a)
		return err_sys(err, ENOMEM, "vCPUs");
	a->count = count;
	/* KVM does not say it in its CPUID. */
	a->tsc_deadline = ioctl(kvm->dev_fd, KVM_CHECK_EXTENSION, KVM_CAP_TSC_DEADLINE_TIMER) > 0;
	r = cpuid_supported(kvm, &a->supported, err);
	if (r < 0) {
		free(a);
		return r;
	}
	*ret = a;
	return 0;
}

void arch_vcpus_free(struct arch_vcpus *a)
{
	free(a);
}

int arch_vcpu_init(
	const struct arch_vcpus *a, int vcpu_fd, unsigned index, uint64_t entry, struct err *err)
{
	AUTO_FREE struct cpuid_table *cpuid = malloc(sizeof(*cpuid));
	int r;

	if (!cpuid)
		return err_sys(err, ENOMEM, "vCPU %u", index);
	*cpuid = a->supported;
	cpuid_shape(cpuid, index, a->count, a->tsc_deadline);
	r = kvm_ioctl(vcpu_fd, KVM_SET_CPUID2, cpuid, "KVM_SET_CPUID2", err);
	return r ? r : regs_set(vcpu_fd, index, entry, err);
}

void arch_vcpu_describe(int vcpu_fd, char *to, size_t size)
{
	struct kvm_regs r = { 0 };

	(void)!ioctl(vcpu_fd, KVM_GET_REGS, &r);
	snprintf(to, size, "rip %#llx rsp %#llx rax %#llx rflags %#llx", (unsigned long long)r.rip,
		(unsigned long long)r.rsp, (unsigned long long)r.rax, (unsigned long long)r.rflags);
}
