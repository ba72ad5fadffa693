pkglibexec_PROGRAMS += vmrun-vm
vmrun_vm_SOURCES = \
	src/vm/boot.c \
	src/vm/ctl.c src/vm/ctl.h \
	src/vm/earlylog.c src/vm/earlylog.h \
	src/vm/devices.c src/vm/devices.h \
	src/vm/forget.c src/vm/forget.h \
	src/vm/jail.c src/vm/jail.h \
	src/vm/main.c \
	src/vm/qemu_jail.c src/vm/qemu_jail.h \
	src/vm/seccomp.c src/vm/seccomp.h \
	src/vm/vm.h
vmrun_vm_CPPFLAGS = $(AM_CPPFLAGS) $(SECCOMP_CFLAGS) $(YAJL_CFLAGS)
vmrun_vm_LDADD = libvmm.a libdev.a libbase.a $(SECCOMP_LIBS) $(YAJL_LIBS)
