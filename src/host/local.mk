noinst_LIBRARIES += libhost.a
libhost_a_SOURCES = \
	src/host/fact.c src/host/fact.h \
	src/host/facts.c src/host/facts.h \
	src/host/facts_cpu.c \
	src/host/facts_guest.c \
	src/host/facts_host.c \
	src/host/facts_net.c \
	src/host/facts_rights.c \
	src/host/kvm_cache.c src/host/kvm_cache.h \
	src/host/kvm_loop.c src/host/kvm_loop.h \
	src/host/kvm_speed.c src/host/kvm_speed.h \
	src/host/monitor.c src/host/monitor.h \
	src/host/qemu.c src/host/qemu.h
