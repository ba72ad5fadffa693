/* KVM's ioctls: see kvm.h. */
#include "vmm/kvm.h"

#include "base/auto.h"
#include "vmm/arch.h"

#include <sys/ioctl.h>

static const struct kvm_need needs[] = {
	{ KVM_CAP_IRQCHIP, "IRQCHIP" },
	{ KVM_CAP_IRQFD, "IRQFD" },
	{ KVM_CAP_IOEVENTFD, "IOEVENTFD" },
	{ KVM_CAP_USER_MEMORY, "USER_MEMORY" },
	{ KVM_CAP_MP_STATE, "MP_STATE" },
	{ 0, NULL },
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

static int check_needs(int dev_fd, const struct kvm_need *n, struct err *err)
{
	for (; n->name; n++)
		if (ioctl(dev_fd, KVM_CHECK_EXTENSION, n->cap) <= 0)
			return err_set(
				err, ENOSYS, "/dev/kvm: this KVM lacks the capability %s", n->name);
	return 0;
}

int kvm_check_capabilities(int dev_fd, struct err *err)
{
	int r = check_needs(dev_fd, needs, err);

	return r ? r : check_needs(dev_fd, arch_needs, err);
}

static int create(struct kvm *kvm, struct err *err)
{
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
	return arch_vm_init(kvm, err);
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

int kvm_irqfd(struct kvm *kvm, int eventfd, uint32_t gsi, struct err *err)
{
	struct kvm_irqfd irqfd = { .fd = (uint32_t)eventfd, .gsi = gsi };

	if (ioctl(kvm->vm_fd, KVM_IRQFD, &irqfd) < 0)
		return err_sys(err, errno, "KVM_IRQFD for interrupt %u", gsi);
	return 0;
}

static int ioeventfd(struct kvm *kvm, int eventfd, uint64_t gpa, uint32_t value, uint32_t flags)
{
	struct kvm_ioeventfd io = {
		.datamatch = value,
		.addr = gpa,
		.len = 4,
		.fd = eventfd,
		.flags = KVM_IOEVENTFD_FLAG_DATAMATCH | flags,
	};

	return ioctl(kvm->vm_fd, KVM_IOEVENTFD, &io) < 0 ? -errno : 0;
}

int kvm_ioeventfd(struct kvm *kvm, int eventfd, uint64_t gpa, uint32_t value, struct err *err)
{
	int r = ioeventfd(kvm, eventfd, gpa, value, 0);

	return r < 0 ? err_sys(err, -r, "KVM_IOEVENTFD") : 0;
}

void kvm_ioeventfd_remove(struct kvm *kvm, int eventfd, uint64_t gpa, uint32_t value)
{
	/* Fails for one that is not there, which is as good. */
	(void)!ioeventfd(kvm, eventfd, gpa, value, KVM_IOEVENTFD_FLAG_DEASSIGN);
}

int kvm_create_vcpu(struct kvm *kvm, unsigned index, struct err *err)
{
	int fd = ioctl(kvm->vm_fd, KVM_CREATE_VCPU, (unsigned long)index);

	if (fd < 0)
		return err_sys(err, errno, "KVM_CREATE_VCPU %u", index);
	return fd;
}

int kvm_ioctl(int fd, unsigned long request, void *arg, const char *name, struct err *err)
{
	if (ioctl(fd, request, arg) < 0)
		return err_sys(err, errno, "%s", name);
	return 0;
}
