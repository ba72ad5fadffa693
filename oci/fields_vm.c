/* Rows of the field table: the vm section (config-vm.md); see fields.h. */
#include "oci/fields.h"

#define VM_CASE	 "the-vm-section-needs-leave"
#define NO_IMAGE "a guest's root is the initramfs of its agent"
#define FOR_XEN	 "it is for domains of Xen"

const struct field_row fields_vm[] = {
	ROW_SHOWN_BY("vm.hypervisor.path", CLASS_HOST, 0,
		"what runs the guest, if settings allow it", VM_CASE),
	ROW("vm.hypervisor.parameters", CLASS_REJECTED, 0,
		"a monitor is started with descriptors, not with arguments"),
	ROW_SHOWN_BY("vm.kernel.path", CLASS_HOST, 0, "the guest's kernel, if settings allow it",
		VM_CASE),
	ROW_SHOWN_BY("vm.kernel.parameters", CLASS_HOST, 0,
		"appended to the kernel's command line, if settings allow it", VM_CASE),
	ROW_SHOWN_BY("vm.kernel.initrd", CLASS_HOST, 0,
		"unpacked over the agent's initramfs, if settings allow it", VM_CASE),
	ROW("vm.image", CLASS_REJECTED, 0, NO_IMAGE),
	ROW("vm.image.path", CLASS_REJECTED, 0, NO_IMAGE),
	ROW("vm.image.format", CLASS_REJECTED, 0, NO_IMAGE),
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
