/* Rows of the field table: the vm section (config-vm.md); see fields.h. */
#include "oci/fields.h"

/* One word each for what has one class in common. */
#define HYPERVISOR  CLASS_REJECTED
#define KERNEL	    CLASS_REJECTED
#define IMAGE	    CLASS_REJECTED

#define NO_HARDWARE "nothing of the host's hardware is given to a guest"

const struct field_row fields_vm[] = {
	ROW("vm.hypervisor", HYPERVISOR, 0, "the host's settings choose it"),
	ROW("vm.hypervisor.path", HYPERVISOR, 0, "what runs the guest"),
	ROW("vm.hypervisor.parameters", HYPERVISOR, 0, "what runs the guest"),
	ROW("vm.kernel", KERNEL, 0, "the host's settings choose it"),
	ROW("vm.kernel.path", KERNEL, 0, "the guest's kernel"),
	ROW("vm.kernel.parameters", KERNEL, 0, "appended to the kernel's command line"),
	ROW("vm.kernel.initrd", KERNEL, 0, "in place of the agent's"),
	ROW("vm.image", IMAGE, 0, "a guest has no root image"),
	ROW("vm.image.path", IMAGE, 0, "the guest's disk"),
	ROW("vm.image.format", IMAGE, 0, "the guest's disk"),
	ROW("vm.hwConfig.deviceTree", CLASS_REJECTED, 0, NO_HARDWARE),
	ROW("vm.hwConfig.vcpus", CLASS_HOST, 0,
		"processors of the machine, up to the host's limit"),
	ROW("vm.hwConfig.memory", CLASS_HOST, 0, "memory of the machine, up to the host's limit"),
	ROW("vm.hwConfig.dtdevs", CLASS_REJECTED, 0, NO_HARDWARE),
	ROW("vm.hwConfig.iomems[].firstGFN", CLASS_REJECTED, 0, NO_HARDWARE),
	ROW("vm.hwConfig.iomems[].firstMFN", CLASS_REJECTED, 0, NO_HARDWARE),
	ROW("vm.hwConfig.iomems[].nrMFNs", CLASS_REJECTED, 0, NO_HARDWARE),
	ROW("vm.hwConfig.irqs", CLASS_REJECTED, 0, NO_HARDWARE),
	{ 0 },
};
