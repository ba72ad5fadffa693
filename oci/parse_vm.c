/* The vm section (runtime-spec config-vm.md). */
#include "oci/bind.h"

static const struct bind_field hypervisor[] = {
	FIELD_N("path", struct spec_vm_hypervisor, path),
	FIELD("parameters", struct spec_vm_hypervisor, parameters),
	FIELD_END,
};

static const struct bind_field kernel[] = {
	FIELD_N("path", struct spec_vm_kernel, path),
	FIELD("parameters", struct spec_vm_kernel, parameters),
	FIELD("initrd", struct spec_vm_kernel, initrd),
	FIELD_END,
};

static const struct bind_field image[] = {
	FIELD_N("path", struct spec_vm_image, path),
	FIELD_N("format", struct spec_vm_image, format),
	FIELD_END,
};

static const struct bind_field iomem[] = {
	FIELD("firstGFN", struct spec_vm_iomem, first_gfn),
	FIELD_N("firstMFN", struct spec_vm_iomem, first_mfn),
	FIELD_N("nrMFNs", struct spec_vm_iomem, nr_mfns),
	FIELD_END,
};

static const struct bind_field hw_config[] = {
	FIELD("deviceTree", struct spec_vm_hw_config, device_tree),
	FIELD_MAX("vcpus", struct spec_vm_hw_config, vcpus, UINT32_MAX),
	FIELD("memory", struct spec_vm_hw_config, memory_bytes),
	FIELD("dtdevs", struct spec_vm_hw_config, dtdevs),
	FIELD_LIST("iomems", struct spec_vm_hw_config, iomems, iomem),
	FIELD_U32S("irqs", struct spec_vm_hw_config, irqs),
	FIELD_END,
};

/*
 * The specification makes the kernel mandatory; we have one of our own, so it is not missed. It
 * also says "hwConfig" where its Go types write "hwconfig".
 */
const struct bind_field bind_vm[] = {
	FIELD_OBJECT("hypervisor", struct spec_vm, hypervisor, hypervisor),
	FIELD_OBJECT("kernel", struct spec_vm, kernel, kernel),
	FIELD_OBJECT("image", struct spec_vm, image, image),
	FIELD_OBJECT("hwConfig", struct spec_vm, hw_config, hw_config),
	FIELD_OBJECT("hwconfig", struct spec_vm, hw_config, hw_config),
	FIELD_END,
};
