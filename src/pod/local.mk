noinst_LIBRARIES += libpod.a
libpod_a_SOURCES = \
	src/pod/boot.c src/pod/boot.h \
	src/pod/cgroup.c src/pod/cgroup.h \
	src/pod/cgroup_delegated.c \
	src/pod/cgroup_path.c \
	src/pod/conf.c src/pod/conf.h \
	src/pod/find.c src/pod/find.h \
	src/pod/json_state.c src/pod/json_state.h \
	src/pod/limits.c src/pod/limits.h \
	src/pod/pod.c src/pod/pod.h \
	src/pod/processors.c src/pod/processors.h \
	src/pod/resctrl.c src/pod/resctrl.h \
	src/pod/rootless.c src/pod/rootless.h \
	src/pod/runtime.c src/pod/runtime.h \
	src/pod/share.c src/pod/share.h \
	src/pod/subids.c src/pod/subids.h \
	src/pod/try.c src/pod/try.h \
	src/pod/vm_section.c src/pod/vm_section.h
libpod_a_CPPFLAGS = $(AM_CPPFLAGS) $(PROTOBUFC_CFLAGS)
