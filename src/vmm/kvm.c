/* KVM's ioctls: see kvm.h. */
#include "vmm/kvm.h"

#include "base/auto.h"

#include <sys/ioctl.h>

#define IDENTITY_MAP_GPA 0xfffbc000ULL
#define TSS_GPA		 0xfffbd000UL

static const struct {
	int cap;
	const char *name;
} needed[] = {
	{ KVM_CAP_IRQCHIP, "IRQCHIP" },
	{ KVM_CAP_IRQFD, "IRQFD" },
	{ KVM_CAP_IOEVENTFD, "IOEVENTFD" },
	{ KVM_CAP_USER_MEMORY, "USER_MEMORY" },
	{ KVM_CAP_SET_TSS_ADDR, "SET_TSS_ADDR" },
	{ KVM_CAP_EXT_CPUID, "EXT_CPUID" },
	{ KVM_CAP_MP_STATE, "MP_STATE" },
};

int kvm_check_api(int dev_fd, struct err *err)
{
	int version = ioctl(dev_fd, KVM_GET_API_VERSION, 0);

	if (version < 0)
		return err_sys(err, errno, "/dev/kvm: KVM_GET_API_VERSION");
	if (version != KVM_API_VERSION)
		return err_set(err, ENOSYS, "/dev/kvm: API version %d, %d is needed", version,
			KVM_API_VERSION);
	return 0;
}

int kvm_check_capabilities(int dev_fd, struct err *err)
{
	for (size_t i = 0; i < ARRAY_LEN(needed); i++)
		if (ioctl(dev_fd, KVM_CHECK_EXTENSION, needed[i].cap) <= 0)
			return err_set(err, ENOSYS, "/dev/kvm: this KVM lacks the capability %s",
				needed[i].name);
	return 0;
}

static int create(struct kvm *kvm, struct err *err)
{
	uint64_t identity = IDENTITY_MAP_GPA;
	int run_size = ioctl(kvm->dev_fd, KVM_GET_VCPU_MMAP_SIZE, 0);

	if (run_size < (int)sizeof(struct kvm_run))
		return err_set(
			err, ENOSYS, "/dev/kvm: KVM_GET_VCPU_MMAP_SIZE returned %d", run_size);
	kvm->run_size = (size_t)run_size;
	do
		kvm->vm_fd = ioctl(kvm->dev_fd, KVM_CREATE_VM, 0);
	while (kvm->vm_fd < 0 && errno == EINTR);
	if (kvm->vm_fd < 0)
		return err_sys(err, errno, "KVM_CREATE_VM");
	/* Intel without unrestricted guest needs both; harmless elsewhere. Before any vCPU. */
	if (ioctl(kvm->vm_fd, KVM_SET_IDENTITY_MAP_ADDR, &identity) < 0)
		return err_sys(err, errno, "KVM_SET_IDENTITY_MAP_ADDR");
	if (ioctl(kvm->vm_fd, KVM_SET_TSS_ADDR, TSS_GPA) < 0)
		return err_sys(err, errno, "KVM_SET_TSS_ADDR");
	return 0;
}

int kvm_init(struct kvm *kvm, int dev_fd, struct err *err)
{
	int r;

	*kvm = (struct kvm){ .dev_fd = dev_fd, .vm_fd = -1 };
	r = kvm_check_api(dev_fd, err);
	if (r == 0)
		r = kvm_check_capabilities(dev_fd, err);
	if (r == 0)
		r = create(kvm, err);
	if (r < 0)
		kvm_done(kvm);
	return r;
}

void kvm_done(struct kvm *kvm)
{
	close_fd(&kvm->vm_fd);
}

int kvm_set_memory(
	struct kvm *kvm, uint32_t slot, uint64_t gpa, uint64_t len, void *hva, struct err *err)
{
	struct kvm_userspace_memory_region region = {
		.slot = slot,
		.guest_phys_addr = gpa,
		.memory_size = len,
		.userspace_addr = (uint64_t)(uintptr_t)hva,
	};

	if (ioctl(kvm->vm_fd, KVM_SET_USER_MEMORY_REGION, &region) < 0)
		return err_sys(err, errno, "KVM_SET_USER_MEMORY_REGION");
	return 0;
}

int kvm_create_irqchip(struct kvm *kvm, struct err *err)
{
	if (ioctl(kvm->vm_fd, KVM_CREATE_IRQCHIP, 0) < 0)
		return err_sys(err, errno, "KVM_CREATE_IRQCHIP");
	return 0;
}

int kvm_irqfd(struct kvm *kvm, int eventfd, uint32_t gsi, struct err *err)
{
	struct kvm_irqfd irqfd = { .fd = (uint32_t)eventfd, .gsi = gsi };

	if (ioctl(kvm->vm_fd, KVM_IRQFD, &irqfd) < 0)
		return err_sys(err, errno, "KVM_IRQFD for interrupt %u", gsi);
	return 0;
}

int kvm_ioeventfd(struct kvm *kvm, int eventfd, uint64_t gpa, uint32_t value, struct err *err)
{
	struct kvm_ioeventfd io = {
		.datamatch = value,
		.addr = gpa,
		.len = 4,
		.fd = eventfd,
		.flags = KVM_IOEVENTFD_FLAG_DATAMATCH,
	};

	if (ioctl(kvm->vm_fd, KVM_IOEVENTFD, &io) < 0)
		return err_sys(err, errno, "KVM_IOEVENTFD");
	return 0;
}

int kvm_supported_cpuid(struct kvm *kvm, struct cpuid_table *ret, struct err *err)
{
	ret->nent = KVM_CPUID_MAX;
	if (ioctl(kvm->dev_fd, KVM_GET_SUPPORTED_CPUID, ret) < 0)
		return err_sys(err, errno, "KVM_GET_SUPPORTED_CPUID");
	return 0;
}

int kvm_has_tsc_deadline(struct kvm *kvm)
{
	return ioctl(kvm->dev_fd, KVM_CHECK_EXTENSION, KVM_CAP_TSC_DEADLINE_TIMER) > 0;
}

int kvm_create_vcpu(struct kvm *kvm, unsigned index, struct err *err)
{
	int fd = ioctl(kvm->vm_fd, KVM_CREATE_VCPU, (unsigned long)index);

	if (fd < 0)
		return err_sys(err, errno, "KVM_CREATE_VCPU %u", index);
	return fd;
}

int kvm_vcpu_ioctl(int vcpu_fd, unsigned long request, void *arg, const char *name, struct err *err)
{
	if (ioctl(vcpu_fd, request, arg) < 0)
		return err_sys(err, errno, "%s", name);
	return 0;
}
