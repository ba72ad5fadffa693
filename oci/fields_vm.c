/* Rows of the field table: the vm section (config-vm.md); see fields.h. */
#include "oci/fields.h"

/* One word each for what has one class in common. */
#define HYPERVISOR CLASS_REJECTED
#define KERNEL	   CLASS_REJECTED

#define FOR_XEN	   "it is for domains of Xen"

const struct field_row fields_vm[] = {
	ROW("vm.hypervisor", HYPERVISOR, 0, "the host's settings choose it"),
	ROW("vm.hypervisor.path", HYPERVISOR, 0, "what runs the guest"),
	ROW("vm.hypervisor.parameters", CLASS_REJECTED, 0,
		"a monitor is started with descriptors, not with arguments"),
	ROW("vm.kernel", KERNEL, 0, "the host's settings choose it"),
	ROW("vm.kernel.path", KERNEL, 0, "the guest's kernel"),
	ROW("vm.kernel.parameters", KERNEL, 0, "appended to the kernel's command line"),
	ROW("vm.kernel.initrd", KERNEL, 0, "in place of the agent's"),
	ROW("vm.image", CLASS_REJECTED, 0, "a guest's root is the initramfs of its agent"),
	ROW("vm.image.path", CLASS_REJECTED, 0, "a guest's root is the initramfs of its agent"),
	ROW("vm.image.format", CLASS_REJECTED, 0, "a guest's root is the initramfs of its agent"),
	ROW("vm.hwConfig.deviceTree", CLASS_REJECTED, 0, FOR_XEN),
	ROW("vm.hwConfig.vcpus", CLASS_HOST, 0,
		"processors of the machine, up to the host's limit"),
	ROW("vm.hwConfig.memory", CLASS_HOST, 0, "memory of the machine, up to the host's limit"),
	ROW("vm.hwConfig.dtdevs", CLASS_REJECTED, 0, FOR_XEN),
	ROW("vm.hwConfig.iomems[].firstGFN", CLASS_REJECTED, 0, FOR_XEN),
	ROW("vm.hwConfig.iomems[].firstMFN", CLASS_REJECTED, 0, FOR_XEN),
	ROW("vm.hwConfig.iomems[].nrMFNs", CLASS_REJECTED, 0, FOR_XEN),
	ROW("vm.hwConfig.irqs", CLASS_REJECTED, 0, FOR_XEN),
	{ 0 },
};
