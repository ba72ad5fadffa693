noinst_LIBRARIES += libvmm.a
libvmm_a_SOURCES = \
	src/vmm/arch.h \
	src/vmm/cmdline.c src/vmm/cmdline.h \
	src/vmm/end.h \
	src/vmm/kvm.c src/vmm/kvm.h \
	src/vmm/machine.c src/vmm/machine.h \
	src/vmm/qemu.c src/vmm/qemu.h \
	src/vmm/qmp.c src/vmm/qmp.h \
	src/vmm/sizes.h \
	src/vmm/vcpu.c src/vmm/vcpu.h \
	src/vmm/x86/acpi.c src/vmm/x86/acpi.h \
	src/vmm/x86/board.c \
	src/vmm/x86/boot.c src/vmm/x86/boot.h \
	src/vmm/x86/cpuid.c src/vmm/x86/cpuid.h \
	src/vmm/x86/elf.c src/vmm/x86/elf.h \
	src/vmm/x86/layout.h \
	src/vmm/x86/platform.c \
	src/vmm/x86/regs.c src/vmm/x86/regs.h \
	src/vmm/x86/state.c \
	src/vmm/x86/tsc.c src/vmm/x86/tsc.h \
	src/vmm/x86/vm.c
libvmm_a_CPPFLAGS = $(AM_CPPFLAGS) $(YAJL_CFLAGS)
