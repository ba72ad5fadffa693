/*
 * The vm section of config.json (config-vm.md) and its annotations, as far as the administrator
 * lets a pod's author choose: the settings "vm_paths" and "vm_kernel_params" say what may be named.
 */
#pragma once

#include "base/auto.h"
#include "base/err.h"
#include "oci/spec.h"
#include "pod/conf.h"

/* All NULL where nothing is asked for. Paths have no symbolic links. */
struct vm_section {
	char *kernel;
	char *initrd;	  /* what the kernel unpacks before the agent's initramfs */
	char *parameters; /* for the kernel's command line */
	char *qemu;
	const char *hypervisor; /* "kvm" or "qemu": what vm.hypervisor.path is */
};

/*
 * parameters: of an annotation, or NULL. hypervisor: what is set, which the path must agree with
 * unless it is "auto". What is not allowed is refused with -EPERM, naming the field and the
 * setting.
 */
int vm_section_read(const struct spec *spec, const char *parameters, const char *hypervisor,
	const struct conf *conf, struct vm_section *ret, struct err *err) CHECKED;
void vm_section_done(struct vm_section *s);
